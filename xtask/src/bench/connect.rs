//! Connects: upgrade, connect and subscribe of ten thousand clients, at a rate and as fast as it goes.

use super::figures::Table;
use super::load::{number, outcome};
use super::machine::Quiet;
use super::server::Server;
use super::{Bench, RUNS};

const CONNECTIONS: f64 = 10_000.0;

pub(super) fn run(bench: &Bench) -> Result<Vec<Table>, String> {
    let mut tables = Vec::new();
    for (workers, rate) in [(1, "10k/s"), (1, "1M/s"), (4, "10k/s"), (4, "1M/s")] {
        tables.push(ramp(bench, workers, rate)?);
    }
    Ok(tables)
}

fn ramp(bench: &Bench, workers: usize, rate: &str) -> Result<Table, String> {
    let line = format!("--connections 10k --rate {rate} --hold 1s");
    let noun = if workers == 1 { "worker" } else { "workers" };
    let asked = if rate == "1M/s" { "as fast as it goes" } else { rate };
    let title = format!("10,000 WebSockets connect and subscribe, {asked}, {workers} {noun}");
    let mut table = Table::new(title, format!("crore load ws://ADDRESS {line} --server-pid PID --json"));
    let mut quiet = Quiet::default();
    for run in 1..=RUNS {
        eprintln!("  {asked}, {workers} {noun}, run {run} of {RUNS}");
        let json = quiet.run(|| {
            let server = Server::crore(bench, workers, &[])?;
            outcome(bench, &format!("ws://{} {line} --server-pid {}", server.address, server.pid()))
        })?;
        table.add("connected and subscribed", "a second", number(&json, &["connects_per_second"])?);
        for key in ["p50", "max"] {
            table.add(&format!("a thousand took, {key}"), "ms", number(&json, &["ms_per_1000_connects", key])?);
        }
        let cpu = number(&json, &["server_cpu_seconds"])?;
        table.add("server processor time for each", "µs", cpu / CONNECTIONS * 1e6);
    }
    quiet.note(&mut table);
    Ok(table)
}
