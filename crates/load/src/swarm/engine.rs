//! The runtime that carries the swarm, and the one thing that it asks of a stream beyond what every client does.

use crore_rt::Runtime;
use crore_rt::net::TcpStream;

use super::message::Plan;

/// One core, pinned to the processor that the orchestrator chose, on the I/O model of the plan.
///
/// # Errors
/// No such I/O model, or it cannot be opened.
pub(super) fn build(plan: &Plan) -> Result<Runtime, String> {
    let network = plan.network.network()?;
    let runtime = Runtime::builder().workers(1).driver(&plan.io).network(network).build();
    runtime.map_err(|error| error.to_string())
}

/// Forgets a connection without a word to its peer, as a machine does that loses its power. A connection of the kernel's
/// cannot be forgotten, so it is reset.
pub(super) fn vanish(stream: TcpStream) {
    stream.vanish();
}
