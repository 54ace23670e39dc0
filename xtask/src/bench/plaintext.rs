//! Plain text by `wrk`: the example `hello`, the bare loop and nginx, each with one worker on one processor, wrk on another.
//!
//! Once with a request at a time on each connection, once with 16 pipelined, where the kernel's part is small and the server's own shows.

use std::path::Path;
use std::process::Command;

use super::figures::Table;
use super::machine::Quiet;
use super::subject::{ADDRESS, Subject};
use super::{Bench, RUNS, hello, usage, wrk};

const SUBJECTS: [Subject; 3] = [Subject::Hello("epoll"), Subject::Floor, Subject::Nginx];

const PER_MILLION: &str = "server processor time";

fn name(subject: Subject) -> &'static str {
    match subject {
        Subject::Hello(_) => "crore",
        Subject::Floor => "bare loop",
        Subject::Nginx => "nginx",
    }
}

pub(super) fn run(bench: &Bench) -> Result<Vec<Table>, String> {
    for program in ["wrk", "nginx", "taskset"] {
        if crate::exec::find(&[program]).is_none() {
            eprintln!("  plaintext skipped: {program} is missing");
            return Ok(Vec::new());
        }
    }
    hello::build(bench)?;
    let pipeline = bench.root.join("bench").join("veth").join("pipeline.lua");
    let loads = [("one request at a time", None), ("16 pipelined", Some(&*pipeline))];
    loads.into_iter().map(|(title, script)| measure_all(bench, title, script)).collect()
}

fn measure_all(bench: &Bench, title: &str, script: Option<&Path>) -> Result<Table, String> {
    let command = wrk::command_line(script.map(|_| "bench/veth/pipeline.lua"), ADDRESS);
    let mut table = Table::new(format!("Plain text on loopback, 64 connections, {title}, 1 worker"), command);
    let mut quiet = Quiet::default();
    for round in 1..=RUNS {
        eprintln!("  {title}: run {round} of {RUNS}");
        for subject in SUBJECTS {
            let (rate, cpu) = quiet.run(|| measure(bench, subject, script))?;
            table.add(&format!("{}: requests", name(subject)), "a second", rate);
            table.add(&format!("{}: {PER_MILLION}", name(subject)), "s a million", cpu);
        }
    }
    for (other, one) in [("bare loop", "crore"), ("crore", "nginx")] {
        let row = |who: &str| format!("{who}: {PER_MILLION}");
        table.add_ratio(&format!("processor time a request, {one} to {other}"), &row(one), &row(other));
    }
    quiet.note(&mut table);
    Ok(table)
}

/// Requests a second, and the server's processor seconds a million.
fn measure(bench: &Bench, subject: Subject, script: Option<&Path>) -> Result<(f64, f64), String> {
    let server = subject.start(bench)?;
    drive(&server.address.to_string(), server.pid(), script)
}

fn drive(address: &str, pid: u32, script: Option<&Path>) -> Result<(f64, f64), String> {
    let run = |seconds| {
        let mut command = Command::new("taskset");
        command.args(["-c", &last_processor(), "wrk"]);
        wrk::run(command, address, script, seconds)
    };
    run(1)?; // until everything is warm
    let before = usage::cpu_seconds(pid)?;
    let requests = run(wrk::MEASURED_S)?;
    let cpu = usage::cpu_seconds(pid)? - before;
    Ok((requests.answered / requests.seconds, cpu / requests.answered * 1e6))
}

fn last_processor() -> String {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    (processors - 1).to_string()
}
