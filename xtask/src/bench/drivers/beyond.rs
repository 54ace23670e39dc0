//! More sockets than descriptors: `uring` holds 60,000 in a process that may have 20,000 descriptors, and so do its clients.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::super::figures::Table;
use super::super::load::number;
use super::super::machine::Quiet;
use super::super::server::{Running, Server, crore};
use super::super::usage::{memory, until};
use super::super::{Bench, RUNS, kernel};

const SOCKETS: usize = 60_000;

/// The limit of descriptors, of both processes; they keep a lower one.
const DESCRIPTORS: usize = 20_000;

/// How long connecting may take.
const CONNECTED: Duration = Duration::from_secs(60);

/// Words of the client: long enough at hold that memory is looked at meanwhile.
const LOAD: &str = "--connections 60k --rate 20k/s --publish-rate 1/s --payload 128 --hold 8s --io uring --processes 1";

pub(in super::super) fn run(bench: &Bench) -> Result<Vec<Table>, String> {
    let title = "60,000 subscribers of one process that may have 20,000 descriptors, uring, 1 worker, a publication a second to all";
    let mut table = Table::new(
        title,
        format!("ulimit -n {DESCRIPTORS}; crore serve --io uring --workers 1; crore load ws://ADDRESS {LOAD} --json"),
    );
    let mut quiet = Quiet::default();
    for run in 1..=RUNS {
        eprintln!("  60,000 sockets, run {run} of {RUNS}");
        quiet.run(|| hold(bench))?.into_iter().for_each(|(name, unit, value)| table.add(name, unit, value));
    }
    table.note("The kernel's memory is that of both ends, both by uring, halved.");
    quiet.note(&mut table);
    Ok(vec![table])
}

/// The rows of a run.
fn hold(bench: &Bench) -> Result<Vec<(&'static str, &'static str, f64)>, String> {
    let server = Server::listening(serve(bench))?;
    server.metric("crore_subscriptions")?;
    let (user, kernel) = (memory(server.pid())?, kernel::settled_memory()?);
    let mut command = limited(crore(bench));
    command.args(["load", &format!("ws://{}", server.address)]).args(LOAD.split_whitespace()).arg("--json");
    let mut clients = Running::with_output(command)?;
    until(&format!("{SOCKETS} subscriptions"), CONNECTED, || {
        clients.is_alive()?;
        Ok((server.metric("crore_subscriptions")? as usize == SOCKETS).then_some(()))
    })?;
    let descriptors = fs::read_dir(format!("/proc/{}/fd", server.pid())).map_err(|error| error.to_string())?.count();
    let more = |now: u64, before: u64| (now as f64 - before as f64) / SOCKETS as f64;
    let (user, kernel) = (more(memory(server.pid())?, user), more(kernel::memory()?, kernel) / 2.0);
    let json = clients.output()?;
    let delivered = number(&json, &["delivered"])?;
    Ok(vec![
        ("held by one process", "sockets", SOCKETS as f64),
        ("descriptors that it has open", "", descriptors as f64),
        ("user memory of each", "B", user),
        ("kernel memory of each end", "B", kernel),
        ("delivered", "", delivered),
        ("lost", "", number(&json, &["lost"])?),
        ("duplicated", "", number(&json, &["duplicated"])?),
        ("latency, p99", "ms", number(&json, &["latency_ms", "p99"])?),
    ])
}

fn serve(bench: &Bench) -> Command {
    let mut command = limited(crore(bench));
    command.args(["serve", "--listen", "127.0.0.1:0", "--workers", "1", "--io", "uring"]).stderr(Stdio::null());
    command
}

/// The same program with at most [`DESCRIPTORS`]; it may not raise that.
fn limited(program: Command) -> Command {
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(format!("ulimit -n {DESCRIPTORS} 2>/dev/null; exec \"$0\" \"$@\""))
        .arg(program.get_program());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}
