//! What a server does while nothing happens: its processor time and how often it wakes.

use std::thread;
use std::time::{Duration, Instant};

use super::figures::Table;
use super::machine::Quiet;
use super::server::Server;
use super::usage::{cpu_seconds, settled_memory, voluntary_switches};
use super::{Bench, RUNS, load};

const SUBSCRIBERS: usize = 15_000;

/// How long the server is watched.
const WATCH: Duration = Duration::from_secs(20);

pub(super) fn run(bench: &Bench) -> Result<Vec<Table>, String> {
    let kinds: [(&str, &[(&str, &str)]); 2] =
        [("pings every 25 s, the default", &[]), ("no pings, CRORE_PING_INTERVAL=0", &[("CRORE_PING_INTERVAL", "0")])];
    let mut tables = Vec::new();
    for (name, settings) in kinds {
        let mut table =
            Table::new(format!("15,000 idle subscribers, 1 worker, 20 s, {name}"), "cargo xtask bench idle");
        let mut quiet = Quiet::default();
        for run in 1..=RUNS {
            eprintln!("  {name}, run {run} of {RUNS}");
            let idle = quiet.run(|| watch(bench, settings))?;
            table.add("processor time, of one core", "%", idle.cpu_seconds / idle.seconds * 100.0);
            table.add("the server went to sleep", "times a second", idle.switches / idle.seconds);
            table.add("pings", "a second", idle.pings / idle.seconds);
            if idle.pings > 0.0 {
                table.add("processor time for each ping and its pong", "µs", idle.cpu_seconds / idle.pings * 1e6);
            }
        }
        quiet.note(&mut table);
        tables.push(table);
    }
    Ok(tables)
}

struct Idle {
    seconds: f64,
    cpu_seconds: f64,
    switches: f64,
    pings: f64,
}

fn watch(bench: &Bench, settings: &[(&str, &str)]) -> Result<Idle, String> {
    let server = Server::crore(bench, 1, settings)?;
    let clients = load::subscribers(bench, &server, SUBSCRIBERS, SUBSCRIBERS)?;
    let pid = server.pid();
    settled_memory(pid, Duration::from_secs(60))?;
    // The metrics are asked outside of what is watched.
    let pings = server.metric("crore_pings_total")?;
    let (begun, cpu, switches) = (Instant::now(), cpu_seconds(pid)?, voluntary_switches(pid)?);
    thread::sleep(WATCH);
    let idle = Idle {
        seconds: begun.elapsed().as_secs_f64(),
        cpu_seconds: cpu_seconds(pid)? - cpu,
        switches: (voluntary_switches(pid)? - switches) as f64,
        pings: server.metric("crore_pings_total")? - pings,
    };
    // The server first: who closes first keeps the ports for a minute, and the server has only one.
    drop(server);
    drop(clients);
    Ok(idle)
}
