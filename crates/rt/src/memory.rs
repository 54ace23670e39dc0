//! What the runtime keeps for each connection and each task, in bytes: for tables of sizes and for planning.

use crate::driver::{readiness, stack};
use crate::executor::task;

/// A connection's slot in a driver that waits for readiness, its place in the slab apart.
pub const CONNECTION_BYTES: usize = readiness::CONNECTION_SLOT_BYTES;

/// A connection's slot in the driver of our own TCP/IP, beside what the engine keeps.
pub const STACK_CONNECTION_BYTES: usize = stack::CONNECTION_SLOT_BYTES;

/// What our own TCP/IP keeps of a connection at rest, its place in the slab apart.
pub const CONTROL_BLOCK_BYTES: usize = crore_tcp::CONTROL_BLOCK_BYTES;

/// What finding it takes: an entry of the flow table with its share of the empty ones, at most.
pub const FLOW_BYTES: usize = 17;

/// The slot of a task whose future has `future_bytes`: header and future, rounded up to a size class; a future that fits in none
/// takes a slot of one word, and its own size in a box.
pub fn task_bytes(future_bytes: usize) -> usize {
    task::slot_bytes(future_bytes).unwrap_or_else(|| task::boxed_slot_bytes() + future_bytes)
}
