//! The floor under a push server: what the kernel's sockets cost when nothing else is done.
//!
//! `floor serve` is the bare loop, `floor drive` the client that measures the loop and crore with the same code. Both are
//! started by `cargo xtask bench` and can be run by hand:
//!
//! ```text
//! floor serve                                      prints "listening on http://127.0.0.1:PORT"
//! floor drive ADDRESS raw|websocket CONNECTIONS IN_FLIGHT PUBLICATIONS PID
//! ```
//!
//! `drive` prints one JSON object; PID is the server's, whose processor time it reads.

mod drive;
mod serve;
mod subscriber;
mod usage;

use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

const USAGE: &str = "usage: floor serve | floor drive ADDRESS raw|websocket CONNECTIONS IN_FLIGHT PUBLICATIONS PID";

/// Which of the processors that we may use.
enum Place {
    First,
    Last,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    raise_descriptor_limit();
    let result = match words[..] {
        ["serve"] => {
            // Where crore pins its first worker.
            pin(Place::First);
            serve::run().map_err(|error| error.to_string())
        }
        ["drive", ref rest @ ..] => match drive::Job::parse(rest) {
            Ok(job) => {
                pin(Place::Last);
                drive::run(&job)
            }
            Err(reason) => return refuse(&reason),
        },
        _ => return refuse("serve or drive?"),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("floor: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn refuse(reason: &str) -> ExitCode {
    eprintln!("floor: {reason}\n{USAGE}");
    ExitCode::from(2)
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
