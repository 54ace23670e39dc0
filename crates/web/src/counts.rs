//! What a server counts. One core's, so plain cells; read them with [`Server::counts`](crate::Server::counts).

use std::cell::Cell;

/// Figures since the server was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections accepted.
    pub accepted: u64,
    /// Accepted connections dropped because the core had no room for their task.
    pub dropped_full: u64,
    /// Requests answered by a handler.
    pub requests: u64,
    /// Requests that no route takes: 404, 405, malformed paths.
    pub unrouted: u64,
    /// Messages refused with an HTTP error, timeouts apart.
    pub refused: u64,
    /// Heads and bodies that were not complete in time.
    pub timed_out: u64,
    /// Connections closed because they waited too long for a request.
    pub idle_closed: u64,
    /// Connections reset because the peer did not read.
    pub slow_readers: u64,
    /// Connections whose peer went away in the middle of a request or response.
    pub gone: u64,
    /// Connections whose peer went away while a handler was at work.
    pub abandoned: u64,
    /// Connections reset because a body could not be written to its end.
    pub truncated: u64,
    /// Handlers that panicked.
    pub panics: u64,
    /// Connections that a handler took over.
    pub taken_over: u64,
}

/// Counts of a server at work.
#[derive(Debug, Default)]
pub(crate) struct Counter(Cell<Counts>);

impl Counter {
    pub(crate) fn read(&self) -> Counts {
        self.0.get()
    }

    /// Adds one to the field that `field` picks.
    pub(crate) fn add(&self, field: impl FnOnce(&mut Counts) -> &mut u64) {
        let mut counts = self.0.get();
        *field(&mut counts) += 1;
        self.0.set(counts);
    }
}
