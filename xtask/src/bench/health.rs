//! Small requests beside fan-out: how long `/health` takes while publications go to ten thousand subscribers, one after the other.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::fanout;
use super::figures::Table;
use super::machine::Quiet;
use super::{Bench, RUNS};

/// Between two requests: few enough that they are no load.
const PAUSE: Duration = Duration::from_millis(5);

/// How long an answer may take before the run fails.
const ANSWER: Duration = Duration::from_secs(10);

pub(super) fn run(bench: &Bench) -> Result<Vec<Table>, String> {
    let title = "Requests of /health, every 5 ms, while 10,000 subscribers join and get publications, 1 worker";
    let mut table = Table::new(title, "cargo xtask bench health");
    let mut quiet = Quiet::default();
    for run in 1..=RUNS {
        eprintln!("  run {run} of {RUNS}");
        let mut times = quiet.run(|| beside_fan_out(bench))?;
        times.sort_unstable();
        let ms = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
        table.add("requests", "", times.len() as f64);
        for (name, share) in [("p50", 0.5), ("p99", 0.99), ("the longest", 1.0)] {
            table.add(name, "ms", ms(share));
        }
    }
    quiet.note(&mut table);
    Ok(vec![table])
}

fn beside_fan_out(bench: &Bench) -> Result<Vec<Duration>, String> {
    let server = fanout::server(bench)?;
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let asking = scope.spawn(|| ask(server.address, &is_over));
        let driven = fanout::drive(bench, &server, "websocket", fanout::Fan::new(1));
        is_over.store(true, Ordering::Relaxed);
        let times = asking.join().map_err(|_| "the thread that asks has panicked".to_owned())?;
        driven.and(times)
    })
}

/// Asks until it is over: how long each answer took.
fn ask(address: SocketAddr, is_over: &AtomicBool) -> Result<Vec<Duration>, String> {
    let problem = |error: std::io::Error| format!("/health: {error}");
    let mut stream = TcpStream::connect(address).map_err(problem)?;
    stream.set_nodelay(true).and_then(|()| stream.set_read_timeout(Some(ANSWER))).map_err(problem)?;
    let request = format!("GET /health HTTP/1.1\r\nHost: {address}\r\n\r\n");
    let mut times = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        let asked = Instant::now();
        stream.write_all(request.as_bytes()).map_err(problem)?;
        let mut answer = [0; 1024];
        let length = stream.read(&mut answer).map_err(problem)?;
        if !answer[..length].starts_with(b"HTTP/1.1 200") || !answer[..length].ends_with(b"\r\n\r\n{}") {
            return Err(format!("/health: {:?}", String::from_utf8_lossy(&answer[..length])));
        }
        times.push(asked.elapsed());
        thread::sleep(PAUSE);
    }
    if times.is_empty() { Err("nothing was asked".to_owned()) } else { Ok(times) }
}
