//! HTTP by `wrk` over a veth: crore on its own TCP/IP (`xdp:`), crore on the kernel's (`epoll`) and nginx, in turn.
//!
//! wrk has one processor and one network namespace, the server another of each. On a veth the sender's processor does the
//! receiver's softirq work: frames for the server are received in wrk's time and the other way round. So the server's own time
//! says little, and what counts is the time of all who took part: server, wrk, and the kernel's softirq threads.

mod place;
mod subject;
mod taken;

use std::path::Path;
use std::thread;
use std::time::Duration;

use super::figures::Table;
use super::{Bench, RUNS, hello, wrk};
use place::{ADDRESS, Place, Side, Unable};
use subject::Subject;
use taken::Taken;

/// What wrk may be told about its requests: the table's words and the script.
const LOADS: &[(&str, Option<&str>)] =
    &[("one request at a time", None), ("16 requests at a time", Some("pipeline.lua"))];

/// Rows that are compared.
const REQUESTS: &str = "requests";
const PER_ALL: &str = "requests for a second of all processor time";
const PER_SERVER: &str = "requests for a second of the server's processor time";

/// A run during which others had more of both processors than this is made again.
const OTHERS_SHARE_MAX: f64 = 0.05;

/// Attempts at an undisturbed run; then the least disturbed one counts. Nobody waits for a quiet machine in between: the
/// programs run ahead of others, and what others had stands in the table.
const ATTEMPTS: usize = 3;

/// Between two runs: what the last one left in queues and timers is over.
const REST: Duration = Duration::from_millis(500);

pub(super) fn run(bench: &Bench) -> Result<Vec<Table>, String> {
    let place = match Place::new() {
        Ok(place) => place,
        Err(Unable(reason)) => {
            eprintln!("  veth skipped: {reason}");
            return Ok(Vec::new());
        }
    };
    hello::build(bench)?;
    let mut tables = Vec::new();
    for (title, script) in LOADS {
        let script = script.map(|name| bench.root.join("bench").join("veth").join(name));
        let mut table = Table::new(
            format!("HTTP over a veth, 64 connections, {title}, 1 worker"),
            wrk::command_line(script.as_deref().map(|_| "bench/veth/pipeline.lua"), ADDRESS),
        );
        for round in 1..=RUNS {
            eprintln!("  {title}: run {round} of {RUNS}");
            // Whoever comes first is somebody else each time; in the table the order stays.
            let mut taken = [const { None }; subject::ALL.len()];
            for turn in 0..subject::ALL.len() {
                let at = (turn + round) % subject::ALL.len();
                taken[at] = Some(least_disturbed(|| measure(bench, &place, subject::ALL[at], script.as_deref()))?);
            }
            for (subject, taken) in subject::ALL.into_iter().zip(taken.into_iter().flatten()) {
                add(&mut table, subject, &taken);
            }
        }
        compare(&mut table);
        table.note(
            "The kernel samples what is softirq, at each tick. Where others had much of both processors, only ratios tell something.",
        );
        tables.push(table);
    }
    Ok(tables)
}

/// The first run that nobody disturbed, or the best of some.
fn least_disturbed(mut run: impl FnMut() -> Result<Taken, String>) -> Result<Taken, String> {
    let mut best: Option<Taken> = None;
    for _ in 0..ATTEMPTS {
        let taken = run()?;
        thread::sleep(REST);
        if best.as_ref().is_none_or(|best| taken.others_share < best.others_share) {
            best = Some(taken);
        }
        if best.as_ref().is_some_and(|best| best.others_share <= OTHERS_SHARE_MAX) {
            break;
        }
    }
    best.ok_or_else(|| "no attempt was made".to_owned())
}

/// One server, one run of wrk against it.
fn measure(bench: &Bench, place: &Place, subject: Subject, script: Option<&Path>) -> Result<Taken, String> {
    place.offload_checksums(subject.may_offload())?;
    let mut server = subject.start(bench, place)?;
    let run = |seconds| wrk::run(place.command(Side::Client, "wrk"), ADDRESS, script, seconds);
    subject::until_it_answers(&mut server, || run(1))?;
    taken::during(place, server.pid(), || run(wrk::MEASURED_S)).map_err(|error| format!("{}: {error}", subject.name()))
}

fn add(table: &mut Table, subject: Subject, taken: &Taken) {
    let each = 1e6 / taken.requests;
    let mut row = |what: &str, unit, value| table.add(&row_name(subject, what), unit, value);
    row(REQUESTS, "a second", taken.requests / taken.seconds);
    row(PER_ALL, "a second", taken.requests / taken.all_s());
    row(PER_SERVER, "a second", taken.requests / taken.server_s);
    row("the server's time", "us a request", taken.server_s * each);
    row("wrk's time", "us a request", taken.wrk_s * each);
    row("the softirq threads' time", "us a request", taken.softirq_threads_s * each);
    row("softirq on the server's processor", "%", taken.softirq_share[0] * 100.0);
    row("softirq on wrk's processor", "%", taken.softirq_share[1] * 100.0);
    row("frames to the server", "a request", taken.frames_to_server / taken.requests);
    row("frames from the server", "a request", taken.frames_from_server / taken.requests);
    row("others on both processors", "%", taken.others_share * 100.0);
}

fn row_name(subject: Subject, what: &str) -> String {
    format!("{}: {what}", subject.name())
}

/// How crore on its own TCP/IP stands to the others.
fn compare(table: &mut Table) {
    for what in [REQUESTS, PER_ALL, PER_SERVER] {
        for other in [Subject::CroreEpoll, Subject::Nginx] {
            let name = format!("{what}, crore on xdp to {}", other.name());
            table.add_ratio(&name, &row_name(Subject::CroreXdp, what), &row_name(other, what));
        }
    }
}

#[cfg(test)]
mod tests;
