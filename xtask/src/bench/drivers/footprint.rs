//! The memory of an idle subscriber of two channels by each model, the server's and the kernel's.
//!
//! The kernel does not say whose memory is whose. The clients' ends are plain sockets that nothing watches; how much the kernel
//! takes for a pair of such sockets, and nothing else, is measured beside, and half of it is taken from what it takes for both
//! ends of a connection. So a model's part has all in it that the model makes the kernel keep.

use std::time::Duration;

use super::super::figures::Table;
use super::super::machine::Quiet;
use super::super::server::Server;
use super::super::usage::settled_memory;
use super::super::{Bench, RUNS, kernel};
use super::{COMMAND, MODELS, Model, held, hold};

/// How long memory may take to stand still.
const SETTLING: Duration = Duration::from_secs(60);

/// Pairs of plain sockets of one process, below 20,000 descriptors.
const PAIRS_FEW: usize = 1_000;
const PAIRS_MANY: usize = 8_000;

/// Workers of a server whose cores' own memory is asked for.
const CORES: usize = 4;

pub(in super::super) fn run(bench: &Bench) -> Result<Vec<Table>, String> {
    let title = "Memory of an idle subscriber of two channels, 1 worker, 5,000 to 18,000 (poll 500 to 4,000, select 100 to 900)";
    let mut table = Table::new(title, COMMAND);
    let mut quiet = Quiet::default();
    for run in 1..=RUNS {
        eprintln!("  memory, run {run} of {RUNS}");
        quiet.run(|| round(bench))?.into_iter().for_each(|(name, value)| table.add(&name, "B", value));
    }
    table.note("The server's end is that of both ends less half a pair of plain sockets.");
    quiet.note(&mut table);
    Ok(vec![table])
}

/// Every model once: what, and how many bytes.
fn round(bench: &Bench) -> Result<Vec<(String, f64)>, String> {
    let pair = pairs(bench)?;
    let mut rows = vec![("a pair of plain sockets: kernel memory".to_owned(), pair)];
    for model in &MODELS {
        let (user, kernel) = slope(bench, model)?;
        rows.push((format!("{}: user memory", model.name), user));
        rows.push((format!("{}: kernel memory, both ends", model.name), kernel));
        rows.push((format!("{}: kernel memory, the server's end", model.name), kernel - pair / 2.0));
    }
    for io in ["epoll", "uring"] {
        rows.push((format!("{io}: user memory of a core, 4 workers against 1, nobody connected"), core(bench, io)?));
    }
    Ok(rows)
}

/// The kernel's bytes for both ends of a connection that nothing watches.
fn pairs(bench: &Bench) -> Result<f64, String> {
    let few = held(bench, &["pairs", &PAIRS_FEW.to_string()], PAIRS_FEW)?;
    let before = kernel::settled_memory()?;
    let more = PAIRS_MANY - PAIRS_FEW;
    let many = held(bench, &["pairs", &more.to_string()], more)?;
    let after = kernel::settled_memory()?;
    drop((few, many));
    Ok((after as f64 - before as f64) / more as f64)
}

/// Bytes that a connection more takes: of the server, and of the kernel for both ends.
fn slope(bench: &Bench, model: &Model) -> Result<(f64, f64), String> {
    let server = model.server(bench, "0")?;
    let now = || Ok::<_, String>((settled_memory(server.pid(), SETTLING)? as f64, kernel::settled_memory()? as f64));
    let first = hold(bench, &server, "websocket", model.few)?;
    let (user_few, kernel_few) = now()?;
    let second = hold(bench, &server, "websocket", model.many - model.few)?;
    let (user_many, kernel_many) = now()?;
    drop(server);
    drop((first, second));
    let each = |growth: f64| growth / (model.many - model.few) as f64;
    Ok((each(user_many - user_few), each(kernel_many - kernel_few)))
}

/// User bytes of a core that serves nobody.
fn core(bench: &Bench, io: &str) -> Result<f64, String> {
    let with = |workers| {
        let server = Server::crore(bench, workers, &[("CRORE_IO", io)])?;
        // What is needed to ask at all must not count.
        server.metric("crore_subscriptions")?;
        settled_memory(server.pid(), SETTLING)
    };
    Ok((with(CORES)? as f64 - with(1)? as f64) / (CORES - 1) as f64)
}
