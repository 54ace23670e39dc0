//! The I/O models on the same work: requests, fan-out, what connects and pings cost, and memory, user's and kernel's.
//!
//! All runs of a table's round are made one after the other, so what slows the machine for minutes slows all alike. The server has
//! one worker on the first processor, the client is on the last. What `crore plan` knows of models is the medians of this section.

mod beyond;
mod costs;
mod deliveries;
mod footprint;
mod requests;

pub(super) use beyond::run as beyond;
pub(super) use costs::run as costs;
pub(super) use deliveries::run as deliveries;
pub(super) use footprint::run as footprint;
pub(super) use requests::run as requests;

use std::process::Command;

use super::Bench;
use super::server::{Running, Server};

/// An I/O model, and the numbers of connections that it is measured with.
struct Model {
    name: &'static str,
    /// Below these are costs that do not grow.
    few: usize,
    many: usize,
}

impl Model {
    const fn new(name: &'static str, few: usize, many: usize) -> Self {
        Self { name, few, many }
    }

    /// As many as there are in a table, at most.
    fn up_to(&self, connections: usize) -> usize {
        self.many.min(connections)
    }

    /// A server of one worker by this model.
    fn server(&self, bench: &Bench, ping_interval: &str) -> Result<Server, String> {
        let pings = [("CRORE_PING_INTERVAL", ping_interval), ("CRORE_PONG_TIMEOUT", PONG_TIMEOUT)];
        Server::crore(bench, 1, &[[("CRORE_IO", self.name)].as_slice(), &pings].concat())
    }
}

/// `select` cannot watch more, and `poll` looks at every connection in every turn; the others stay below 20,000 descriptors of a
/// process.
const MODELS: [Model; 6] = [
    Model::new("uring", 5_000, 18_000),
    Model::new("epoll", 5_000, 18_000),
    Model::new("epoll-lt", 5_000, 18_000),
    Model::new("portable", 5_000, 18_000),
    Model::new("poll", 500, 4_000),
    Model::new("select", 100, 900),
];

/// Shorter than any time between pings, as the server demands.
const PONG_TIMEOUT: &str = "3s";

/// What a reader types.
const COMMAND: &str = "cargo xtask bench drivers";

/// Idle connections that a process of its own holds until the answer is dropped: `http` or `websocket`.
fn hold(bench: &Bench, server: &Server, protocol: &str, connections: usize) -> Result<Running, String> {
    held(bench, &["hold", &server.address.to_string(), protocol, &connections.to_string()], connections)
}

/// Starts `floor` with these words, and waits until it holds what it should.
fn held(bench: &Bench, words: &[&str], count: usize) -> Result<Running, String> {
    let mut command = Command::new(&bench.floor);
    command.args(words);
    let (process, line) = Running::first_line(command)?;
    if line.trim() != format!("holding {count}") {
        return Err(format!("floor {} said {line:?}, and not that it holds {count}", words.join(" ")));
    }
    Ok(process)
}
