//! Fan-out to ten thousand: crore and the bare loop in turn, driven by the same client, and once more with `crore load`
//! as a second opinion.

use std::process::Command;

use super::figures::Table;
use super::load::{finish, number, outcome};
use super::machine::Quiet;
use super::server::Server;
use super::{Bench, RUNS};

const SUBSCRIBERS: usize = 10_000;

/// Measured publications of each run: a million deliveries.
const PUBLICATIONS: usize = 100;

/// No pings: the client of the fan-out answers none.
const SETTINGS: &[(&str, &str)] = &[("CRORE_PING_INTERVAL", "0")];

/// The figures of one run: name in the client's JSON, name in the table, unit.
const ROWS: &[(&str, &str, &str)] = &[
    ("cpu_seconds_per_million", "server processor time", "s a million"),
    ("deliveries_per_second", "deliveries", "a second"),
    ("arrival_ms_p50", "a subscriber has it, p50", "ms"),
    ("arrival_ms_p99", "a subscriber has it, p99", "ms"),
    ("complete_ms_p50", "all have it, p50", "ms"),
];

pub(super) fn run(bench: &Bench) -> Result<Vec<Table>, String> {
    let mut tables = Vec::new();
    for in_flight in [1, 8] {
        tables.push(closed(bench, in_flight)?);
    }
    tables.push(open(bench)?);
    Ok(tables)
}

/// The next publication begins when all have the oldest.
fn closed(bench: &Bench, in_flight: usize) -> Result<Table, String> {
    let title = format!("64 bytes to 10,000 subscribers, {in_flight} in flight, closed loop, 1 worker");
    let mut table = Table::new(title, "cargo xtask bench fanout");
    let mut quiet = Quiet::default();
    for run in 1..=RUNS {
        eprintln!("  {in_flight} in flight, run {run} of {RUNS}");
        let crore = quiet.run(|| drive(bench, &server(bench)?, "websocket", Fan::new(in_flight)))?;
        let floor = quiet.run(|| drive(bench, &Server::floor(bench)?, "raw", Fan::new(in_flight)))?;
        for (who, json) in [("crore", crore), ("bare loop", floor)] {
            for (key, name, unit) in ROWS {
                table.add(&format!("{who}: {name}"), unit, number(&json, &[key])?);
            }
            table.add(&format!("{who}: lost"), "deliveries", number(&json, &["lost"])?);
        }
    }
    let (_, cpu, _) = ROWS[0];
    table.add_ratio("processor time, crore to the bare loop", &format!("crore: {cpu}"), &format!("bare loop: {cpu}"));
    quiet.note(&mut table);
    Ok(table)
}

/// The server of a closed loop.
pub(super) fn server(bench: &Bench) -> Result<Server, String> {
    Server::crore(bench, 1, SETTINGS)
}

/// Publications to all subscribers.
#[derive(Clone, Copy)]
pub(super) struct Fan {
    pub(super) subscribers: usize,
    /// Under way at a time.
    pub(super) in_flight: usize,
    /// Those that are measured.
    pub(super) publications: usize,
}

impl Fan {
    /// To ten thousand.
    pub(super) fn new(in_flight: usize) -> Self {
        Self { subscribers: SUBSCRIBERS, in_flight, publications: PUBLICATIONS }
    }
}

/// What the client says of them.
pub(super) fn drive(bench: &Bench, server: &Server, protocol: &str, fan: Fan) -> Result<String, String> {
    let mut command = Command::new(&bench.floor);
    command.args(["drive", &server.address.to_string(), protocol]);
    command.args([fan.subscribers, fan.in_flight, fan.publications].map(|number| number.to_string()));
    command.arg(server.pid().to_string());
    finish(command)
}

/// At a fixed rate that the server keeps up with, with default pings; every publication checked by offset.
fn open(bench: &Bench) -> Result<Table, String> {
    let line = "--connections 10k --rate 10k/s --publish-rate 3/s --payload 128 --hold 15s";
    let title = "128 bytes to 10,000 subscribers, 3 publications a second, open loop, 1 worker";
    let mut table = Table::new(title, format!("crore load ws://ADDRESS {line} --server-pid PID --json"));
    let mut quiet = Quiet::default();
    for run in 1..=RUNS {
        eprintln!("  open loop, run {run} of {RUNS}");
        let json = quiet.run(|| {
            let server = Server::crore(bench, 1, &[])?;
            outcome(bench, &format!("ws://{} {line} --server-pid {}", server.address, server.pid()))
        })?;
        table.add("deliveries", "", number(&json, &["delivered"])?);
        for name in ["lost", "duplicated", "reordered"] {
            table.add(name, "", number(&json, &[name])?);
        }
        for (key, name) in [("p50", "latency, p50"), ("p99", "latency, p99"), ("max", "latency, the longest")] {
            table.add(name, "ms", number(&json, &["latency_ms", key])?);
        }
    }
    quiet.note(&mut table);
    Ok(table)
}
