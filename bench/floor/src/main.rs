//! The floor under a push server: what the kernel's sockets cost when nothing else is done.
//!
//! `floor serve` is the bare loop, `floor drive` the client that measures the loop and crore with the same code. Both are
//! started by `cargo xtask bench` and can be run by hand:
//!
//! ```text
//! floor serve                                      prints "listening on http://127.0.0.1:PORT"
//! floor drive ADDRESS raw|websocket CONNECTIONS IN_FLIGHT PUBLICATIONS PID
//! floor request ADDRESS CONNECTIONS PIPELINED SECONDS PID
//! floor hold ADDRESS http|websocket CONNECTIONS    prints "holding CONNECTIONS", and holds them until its input ends
//! floor pairs CONNECTIONS                          the same, both ends its own
//! ```
//!
//! `drive` and `request` print one JSON object; PID is the server's, whose processor time they read.

mod connect;
mod drive;
mod hold;
mod request;
mod serve;
mod subscriber;
mod usage;

use std::net::SocketAddr;
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

const USAGE: &str = "\
usage: floor serve
       floor drive ADDRESS raw|websocket CONNECTIONS IN_FLIGHT PUBLICATIONS PID
       floor request ADDRESS CONNECTIONS PIPELINED SECONDS PID
       floor hold ADDRESS http|websocket CONNECTIONS
       floor pairs CONNECTIONS";

/// Which of the processors that we may use.
enum Place {
    First,
    Last,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    raise_descriptor_limit();
    match run(&words) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(reason)) => {
            eprintln!("floor: {reason}");
            ExitCode::FAILURE
        }
        Err(reason) => {
            eprintln!("floor: {reason}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// What came of it; or, outside, why it is not clear what to do.
fn run(words: &[&str]) -> Result<Result<(), String>, String> {
    let as_client = |run: &dyn Fn() -> Result<(), String>| {
        pin(Place::Last);
        run()
    };
    Ok(match *words {
        ["serve"] => {
            // Where crore pins its first worker.
            pin(Place::First);
            serve::run().map_err(|error| error.to_string())
        }
        ["drive", ref rest @ ..] => {
            let job = drive::Job::parse(rest)?;
            as_client(&|| drive::run(&job))
        }
        ["request", ref rest @ ..] => {
            let job = request::Job::parse(rest)?;
            as_client(&|| request::run(&job))
        }
        ["hold", ref rest @ ..] => {
            let job = hold::Job::parse(rest)?;
            as_client(&|| hold::run(&job))
        }
        ["pairs", connections] => {
            let pairs = count("CONNECTIONS", connections)?;
            as_client(&|| hold::run_pairs(pairs))
        }
        _ => return Err("what shall it do?".to_owned()),
    })
}

/// A number of the command line.
fn count(what: &str, text: &str) -> Result<u32, String> {
    match text.parse::<u32>() {
        Ok(number @ 1..=10_000_000) => Ok(number),
        _ => Err(format!("{what} {text:?} is no number from 1 to 10000000")),
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("{text:?} is not IP:PORT"))
}

/// Server and client on processors of their own, so that neither waits for the other. Where pinning is refused, the
/// scheduler decides.
fn pin(place: Place) {
    let Ok(allowed) = sched_getaffinity(None) else {
        return;
    };
    let mut processors = (0..CpuSet::MAX_CPU).filter(|&processor| allowed.is_set(processor));
    let chosen = match place {
        Place::First => processors.next(),
        Place::Last => processors.next_back(),
    };
    if let Some(processor) = chosen {
        let mut only = CpuSet::new();
        only.set(processor);
        let _ = sched_setaffinity(None, &only);
    }
}

/// Ten thousand sockets need more than the usual 1,024 descriptors; raising the soft limit needs no privilege.
fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}
