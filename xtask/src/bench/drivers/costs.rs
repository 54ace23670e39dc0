//! The server's processor time of a connect, and of a ping with its pong, by each model.

use std::process::Stdio;
use std::thread;
use std::time::Duration;

use super::super::figures::Table;
use super::super::machine::Quiet;
use super::super::server::{Running, Server, crore};
use super::super::usage::{cpu_seconds, until};
use super::super::{Bench, RUNS};
use super::{COMMAND, MODELS, Model};

const CLIENTS: usize = 10_000;

/// Between pings to a client; longer than connecting takes.
const PING_INTERVAL: &str = "4s";

/// How long pings are watched: an interval.
const WATCH: Duration = Duration::from_secs(4);

/// How long connecting may take.
const CONNECTED: Duration = Duration::from_secs(60);

pub(in super::super) fn run(bench: &Bench) -> Result<Vec<Table>, String> {
    let title = "A connect with upgrade, connect and one subscription, as fast as it goes; a ping and its pong, one each in 4 s; \
                 10,000 clients (poll 4,000, select 900)";
    let mut table = Table::new(title, COMMAND);
    let mut quiet = Quiet::default();
    for run in 1..=RUNS {
        eprintln!("  connects and pings, run {run} of {RUNS}");
        let round = || MODELS.iter().map(|model| measure(bench, model)).collect::<Result<Vec<_>, _>>();
        for (model, (connect, ping)) in MODELS.iter().zip(quiet.run(round)?) {
            table.add(&format!("{}: server processor time of a connect", model.name), "µs", connect);
            table.add(&format!("{}: of a ping and its pong", model.name), "µs", ping);
        }
    }
    quiet.note(&mut table);
    Ok(vec![table])
}

/// Microseconds of a connect and of a ping.
fn measure(bench: &Bench, model: &Model) -> Result<(f64, f64), String> {
    let server = model.server(bench, PING_INTERVAL)?;
    let count = model.up_to(CLIENTS);
    let before = cpu_seconds(server.pid())?;
    let clients = connect(bench, &server, count)?;
    let connected = cpu_seconds(server.pid())?;
    let pings = server.metric("crore_pings_total")?;
    let begun = cpu_seconds(server.pid())?;
    thread::sleep(WATCH);
    let watched = cpu_seconds(server.pid())? - begun;
    let pings = server.metric("crore_pings_total")? - pings;
    if pings < count as f64 / 2.0 {
        return Err(format!("{}: {pings} pings in {} s to {count} clients", model.name, WATCH.as_secs()));
    }
    // The server first: who closes first keeps the ports for a minute, and the server has only one.
    drop(server);
    drop(clients);
    Ok(((connected - before) / count as f64 * 1e6, watched / pings * 1e6))
}

/// Clients that connect as fast as they can and stay until the answer is dropped.
fn connect(bench: &Bench, server: &Server, count: usize) -> Result<Running, String> {
    let mut command = crore(bench);
    command.args(["load", &format!("ws://{}", server.address), "--rate", "1M/s", "--hold", "1h", "--io", "epoll"]);
    command.args(["--connections", &count.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut clients = Running::start(command)?;
    until(&format!("{count} subscriptions"), CONNECTED, || {
        clients.is_alive()?;
        Ok((server.metric("crore_subscriptions")? as usize == count).then_some(()))
    })?;
    Ok(clients)
}
