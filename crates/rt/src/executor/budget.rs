//! How many I/O operations a task may do in one poll before it lets the others run.
//!
//! Every I/O point asks `spend`. When nothing is left it answers `Pending` and has the task woken in the next turn, so a
//! connection that always has bytes cannot hold the core.

use std::cell::Cell;
use std::task::{Context, Poll};

use crate::current;
use crate::limits::OPERATIONS_PER_POLL;

thread_local! {
    static LEFT: Cell<u32> = const { Cell::new(OPERATIONS_PER_POLL) };
}

/// Gives the next task a full budget.
pub(crate) fn refill() {
    LEFT.set(OPERATIONS_PER_POLL);
}

/// Takes one operation from the running task's budget.
pub(crate) fn spend(context: &Context<'_>) -> Poll<()> {
    let left = LEFT.get();
    if left == 0 {
        current::with(|worker| worker.defer(context.waker()));
        return Poll::Pending;
    }
    LEFT.set(left - 1);
    Poll::Ready(())
}
