//! Fan-out by each model and by the bare loop: one publication at a time to all.

use super::super::fanout::{self, Fan};
use super::super::figures::Table;
use super::super::load::number;
use super::super::machine::Quiet;
use super::super::server::Server;
use super::super::{Bench, RUNS};
use super::{COMMAND, MODELS};

const SUBSCRIBERS: usize = 10_000;

/// Measured deliveries of a run.
const DELIVERIES: usize = 300_000;

/// What is compared with the models.
const FLOOR: &str = "bare loop";

pub(in super::super) fn run(bench: &Bench) -> Result<Vec<Table>, String> {
    let title = "64 bytes to 10,000 subscribers (poll 4,000, select 900), one publication at a time";
    let mut table = Table::new(title, COMMAND);
    let mut quiet = Quiet::default();
    for run in 1..=RUNS {
        eprintln!("  fan-out, run {run} of {RUNS}");
        for (who, json) in quiet.run(|| round(bench))? {
            let cpu = number(&json, &["cpu_seconds_per_million"])?;
            table.add(&per_million(who), "s a million", cpu);
            table.add(&format!("{who}: deliveries"), "a processor second", 1e6 / cpu);
            table.add(&format!("{who}: lost"), "deliveries", number(&json, &["lost"])?);
        }
    }
    for (one, other) in [("uring", "epoll"), ("epoll", FLOOR), ("uring", FLOOR)] {
        table.add_ratio(
            &format!("deliveries a processor second, {one} to {other}"),
            &per_million(other),
            &per_million(one),
        );
    }
    quiet.note(&mut table);
    Ok(vec![table])
}

fn per_million(who: &str) -> String {
    format!("{who}: server processor time")
}

/// Each model and the bare loop once: who, and what the client says.
fn round(bench: &Bench) -> Result<Vec<(&'static str, String)>, String> {
    let fan = |subscribers| Fan { subscribers, in_flight: 1, publications: DELIVERIES / subscribers };
    let mut outcomes = Vec::with_capacity(MODELS.len() + 1);
    for model in &MODELS {
        let server = model.server(bench, "0")?;
        let json = fanout::drive(bench, &server, "websocket", fan(model.up_to(SUBSCRIBERS)))?;
        outcomes.push((model.name, json));
    }
    outcomes.push((FLOOR, fanout::drive(bench, &Server::floor(bench)?, "raw", fan(SUBSCRIBERS))?));
    Ok(outcomes)
}
