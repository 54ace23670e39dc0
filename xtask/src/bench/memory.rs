//! The memory of idle subscribers: the growth of the server between two numbers of them, and the table of sizes.

use std::time::Duration;

use super::figures::Table;
use super::server::Server;
use super::usage::{memory_peak, settled_memory};
use super::{Bench, RUNS, cargo, load};

/// Few and many. Below the few are costs that do not grow; the many stay below 20,000 descriptors of a process.
const FEW: usize = 5_000;
const MANY: usize = 18_000;

/// How long memory may take to stand still.
const SETTLING: Duration = Duration::from_secs(60);

const TEST: &str = "cargo test -p crore-gateway --lib sizes -- --nocapture";

pub(super) fn run(bench: &Bench) -> Result<Vec<Table>, String> {
    let mut tables = Vec::new();
    for workers in [1, 4] {
        let noun = if workers == 1 { "worker" } else { "workers" };
        let mut table =
            Table::new(format!("Memory of idle subscribed WebSockets, {workers} {noun}"), "cargo xtask bench memory");
        for run in 1..=RUNS {
            eprintln!("  {workers} {noun}, run {run} of {RUNS}");
            slope(bench, workers, &mut table)?;
        }
        tables.push(table);
    }
    tables.push(sizes(bench)?);
    Ok(tables)
}

/// One fresh server, three numbers of subscribers.
fn slope(bench: &Bench, workers: usize, table: &mut Table) -> Result<(), String> {
    let server = Server::crore(bench, workers, &[])?;
    let pid = server.pid();
    // What is needed to ask at all must not count as growth.
    server.metric("crore_subscriptions")?;
    let none = settled_memory(pid, SETTLING)?;
    let first = load::subscribers(bench, &server, FEW, FEW)?;
    let few = settled_memory(pid, SETTLING)?;
    let second = load::subscribers(bench, &server, MANY - FEW, MANY)?;
    let many = settled_memory(pid, SETTLING)?;
    let peak = memory_peak(pid)?;
    // The server first: who closes first keeps the ports for a minute, and the server has only one.
    drop(server);
    drop((first, second));
    let each = |more: u64, less: u64, count: usize| (more as f64 - less as f64) / count as f64;
    let kib = |bytes: u64| bytes as f64 / 1_024.0;
    table.add("nobody", "KiB", kib(none));
    table.add("5,000 subscribers", "KiB", kib(few));
    table.add("18,000 subscribers", "KiB", kib(many));
    table.add("growth for each from 5,000 to 18,000", "B", each(many, few, MANY - FEW));
    table.add("growth for each from nobody to 18,000", "B", each(many, none, MANY));
    table.add("the same at the peak of it all", "B", each(peak, none, MANY));
    Ok(())
}

/// What the test of the sizes prints.
fn sizes(bench: &Bench) -> Result<Table, String> {
    eprintln!("  table of sizes");
    let mut command = cargo(&bench.root);
    command.args(TEST.split_whitespace().skip(1));
    let output = load::finish(command)?;
    let mut table = Table::new("One idle subscriber, part by part", TEST);
    for line in output.lines() {
        let row = line.trim_start().split_once("  ").and_then(|(bytes, part)| Some((bytes.parse().ok()?, part)));
        if let Some((bytes, part)) = row {
            table.add(part.trim(), "B", bytes);
        }
    }
    Ok(table)
}
