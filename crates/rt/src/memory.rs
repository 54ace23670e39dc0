//! What the runtime keeps for each connection and each task, in bytes: for tables of sizes and for planning.

use crate::driver::epoll::CONNECTION_SLOT_BYTES;
use crate::executor::task;

/// A connection's slot in the `epoll` driver, its place in the slab apart.
pub const CONNECTION_BYTES: usize = CONNECTION_SLOT_BYTES;

/// The slot of a task whose future has `future_bytes`: header and future, rounded up to a size class; a future that fits in none
/// takes a slot of one word, and its own size in a box.
pub fn task_bytes(future_bytes: usize) -> usize {
    task::slot_bytes(future_bytes).unwrap_or_else(|| task::boxed_slot_bytes() + future_bytes)
}
