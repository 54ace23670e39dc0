//! Accepting: the three ways side by side, in turn, with clients that ask once on a connection of their own and go.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use super::figures::Table;
use super::machine::Quiet;
use super::server::Server;
use super::usage::cpu_seconds;
use super::{Bench, RUNS};

/// Connections of one run: each leaves a port that rests for a minute, and there are 28,000 to an address.
const CONNECTIONS: usize = 20_000;
/// Connections whose time is told together.
const TOGETHER: usize = 1_000;
/// Clients at work at one time: as many as keep two cores busy, though each waits for its answer.
const CLIENTS: usize = 32;

/// Workers, and how they share the address. One worker has nobody to share with.
const WAYS: [(usize, &str); 4] = [(1, "per-worker"), (2, "per-worker"), (2, "handover"), (2, "shared")];

pub(super) fn run(bench: &Bench) -> Result<Vec<Table>, String> {
    let title = format!("{CONNECTIONS} connections, each for one request of /health, {CLIENTS} clients at a time");
    let mut table = Table::new(title, "crore serve --workers N --accept NAME, and the clients of this program");
    let mut quiet = Quiet::default();
    for run in 1..=RUNS {
        for (workers, accept) in WAYS {
            eprintln!("  {accept}, {workers} worker(s), run {run} of {RUNS}");
            let (mut thousands, cpu) = quiet.run(|| {
                let server = Server::crore(bench, workers, &[("CRORE_ACCEPT", accept)])?;
                let before = cpu_seconds(server.pid())?;
                let thousands = thousands(server.address)?;
                Ok((thousands, cpu_seconds(server.pid())? - before))
            })?;
            let way = match workers {
                1 => "1 worker".to_owned(),
                _ => format!("{workers} workers, {accept}"),
            };
            let total: f64 = thousands.iter().sum();
            table.add(&format!("{way}: connections"), "a second", CONNECTIONS as f64 / total * 1e3);
            thousands.sort_by(f64::total_cmp);
            let (middle, last) = ((thousands.len() - 1) / 2, thousands.len() - 1);
            for (name, index) in [("least", 0), ("median", middle), ("most", last)] {
                table.add(&format!("{way}: a thousand took, {name}"), "ms", thousands[index]);
            }
            table.add(&format!("{way}: server processor time for each"), "µs", cpu / CONNECTIONS as f64 * 1e6);
        }
    }
    quiet.note(&mut table);
    Ok(vec![table])
}

/// Milliseconds of each thousand connections, in the order in which they were answered.
fn thousands(address: SocketAddr) -> Result<Vec<f64>, String> {
    let (next, begun) = (AtomicUsize::new(0), Instant::now());
    let ask_on = || -> io::Result<Vec<f64>> {
        let mut answered = Vec::new();
        while next.fetch_add(1, Ordering::Relaxed) < CONNECTIONS {
            ask(address)?;
            answered.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        Ok(answered)
    };
    let mut answered = Vec::new();
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(ask_on)).collect();
        for client in clients {
            let its = client.join().map_err(|_| "a client has panicked".to_owned())?;
            answered.extend(its.map_err(|error| format!("{address}: {error}"))?);
        }
        Ok::<(), String>(())
    })?;
    answered.sort_by(f64::total_cmp);
    let ends = answered.chunks_exact(TOGETHER).map(|chunk| chunk[TOGETHER - 1]);
    Ok(ends.scan(0.0, |before, end| Some(end - std::mem::replace(before, end))).collect())
}

fn ask(address: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET /health HTTP/1.1\r\nHost: {address}\r\n\r\n")?;
    let mut answer = [0; 512];
    let count = stream.read(&mut answer)?;
    match answer[..count].starts_with(b"HTTP/1.1 200") {
        true => Ok(()),
        false => Err(io::Error::other(format!("{:?} is no answer", String::from_utf8_lossy(&answer[..count])))),
    }
}
