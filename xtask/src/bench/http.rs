//! Plain HTTP with keep-alive: crore's `/health` and the bare loop's fixed answer of the same length, in turn.

use super::figures::Table;
use super::load::{number, outcome};
use super::machine::Quiet;
use super::server::Server;
use super::{Bench, RUNS};

const HOLD_S: f64 = 5.0;

pub(super) fn run(bench: &Bench) -> Result<Vec<Table>, String> {
    let command = "crore load http://ADDRESS/health --connections 64 --hold 5s --server-pid PID --json";
    let mut table = Table::new("Requests of /health on 64 connections, closed loop, 1 worker", command);
    let mut quiet = Quiet::default();
    for run in 1..=RUNS {
        eprintln!("  run {run} of {RUNS}");
        let crore = quiet.run(|| request(bench, &Server::crore(bench, 1, &[])?))?;
        let floor = quiet.run(|| request(bench, &Server::floor(bench)?))?;
        for (who, (rate, cpu, p99)) in [("crore", crore), ("bare loop", floor)] {
            table.add(&format!("{who}: requests"), "a second", rate);
            table.add(&format!("{who}: server processor time"), "s a million", cpu);
            table.add(&format!("{who}: latency, p99"), "ms", p99);
        }
    }
    table.add_ratio(
        "processor time, crore to the bare loop",
        "crore: server processor time",
        "bare loop: server processor time",
    );
    quiet.note(&mut table);
    Ok(vec![table])
}

/// Requests a second, processor seconds a million, ms.
fn request(bench: &Bench, server: &Server) -> Result<(f64, f64, f64), String> {
    let (address, pid) = (server.address, server.pid());
    let json = outcome(bench, &format!("http://{address}/health --connections 64 --hold 5s --server-pid {pid}"))?;
    let rate = number(&json, &["requests_per_second"])?;
    let cpu = number(&json, &["server_cpu_seconds"])?;
    Ok((rate, cpu / (rate * HOLD_S) * 1e6, number(&json, &["latency_ms", "p99"])?))
}
