//! Requests of plain text by `uring` and `epoll`, the bare loop and nginx: on one connection, a hundred, ten thousand, beside idle
//! ones, and pipelined.

use std::process::Command;

use super::super::figures::Table;
use super::super::load::{finish, number};
use super::super::machine::Quiet;
use super::super::subject::Subject;
use super::super::{Bench, RUNS, hello};

/// Seconds of a run that count. The client warms up before, and connects before that.
const WINDOW_S: u32 = 3;

/// What the servers are asked.
struct Load {
    connections: usize,
    pipelined: usize,
    /// Held beside, answered once.
    idle: usize,
}

const LOADS: [Load; 5] = [
    Load { connections: 1, pipelined: 1, idle: 0 },
    Load { connections: 100, pipelined: 1, idle: 0 },
    Load { connections: 10_000, pipelined: 1, idle: 0 },
    Load { connections: 100, pipelined: 1, idle: 15_000 },
    Load { connections: 64, pipelined: 16, idle: 0 },
];

const URING: Subject = Subject::Hello("uring");
const EPOLL: Subject = Subject::Hello("epoll");

fn name(subject: Subject) -> &'static str {
    match subject {
        Subject::Hello(io) => io,
        Subject::Floor => "bare loop",
        Subject::Nginx => "nginx",
    }
}

impl Load {
    fn title(&self) -> String {
        let noun = if self.connections == 1 { "connection" } else { "connections" };
        let mut title = format!("Requests on {} {noun}", self.connections);
        if self.pipelined > 1 {
            title += &format!(", {} pipelined", self.pipelined);
        }
        if self.idle > 0 {
            title += &format!(", beside {} idle ones", self.idle);
        }
        title
    }
}

pub(in super::super) fn run(bench: &Bench) -> Result<Vec<Table>, String> {
    hello::build(bench)?;
    let mut subjects = vec![URING, EPOLL, Subject::Floor];
    match ["nginx", "taskset"].iter().find(|program| crate::exec::find(&[program]).is_none()) {
        Some(missing) => eprintln!("  without nginx: {missing} is missing"),
        None => subjects.push(Subject::Nginx),
    }
    LOADS.iter().map(|load| measure_all(bench, load, &subjects)).collect()
}

fn measure_all(bench: &Bench, load: &Load, subjects: &[Subject]) -> Result<Table, String> {
    let Load { connections, pipelined, .. } = load;
    let command = format!("target/bench/floor request ADDRESS {connections} {pipelined} {WINDOW_S} PID");
    let mut table = Table::new(load.title(), command);
    let mut quiet = Quiet::default();
    for round in 1..=RUNS {
        eprintln!("  {}: run {round} of {RUNS}", load.title());
        let measured = quiet
            .run(|| subjects.iter().map(|&subject| measure(bench, subject, load)).collect::<Result<Vec<_>, _>>())?;
        for (&subject, (rate, cpu)) in subjects.iter().zip(measured) {
            table.add(&format!("{}: requests", name(subject)), "a second", rate);
            table.add(&per_million(subject), "s a million", cpu);
        }
    }
    for (one, other) in [(URING, EPOLL), (EPOLL, Subject::Floor), (URING, Subject::Nginx)] {
        let ratio = format!("requests a processor second, {} to {}", name(one), name(other));
        // More requests a second are fewer seconds a request.
        table.add_ratio(&ratio, &per_million(other), &per_million(one));
    }
    quiet.note(&mut table);
    Ok(table)
}

fn per_million(subject: Subject) -> String {
    format!("{}: server processor time", name(subject))
}

/// Requests a second, and the server's processor seconds a million.
fn measure(bench: &Bench, subject: Subject, load: &Load) -> Result<(f64, f64), String> {
    let server = subject.start(bench)?;
    let idle = (load.idle > 0).then(|| super::hold(bench, &server, "http", load.idle)).transpose()?;
    let mut command = Command::new(&bench.floor);
    command.args(["request", &server.address.to_string()]);
    command.args([load.connections, load.pipelined].map(|number| number.to_string()));
    command.args([WINDOW_S.to_string(), server.pid().to_string()]);
    let json = finish(command)?;
    drop(server);
    drop(idle);
    Ok((number(&json, &["requests_per_second"])?, number(&json, &["cpu_seconds_per_million"])?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_says_what_is_held_and_pipelined() {
        assert_eq!(LOADS[0].title(), "Requests on 1 connection");
        assert_eq!(LOADS[3].title(), "Requests on 100 connections, beside 15000 idle ones");
        assert_eq!(LOADS[4].title(), "Requests on 64 connections, 16 pipelined");
    }
}
