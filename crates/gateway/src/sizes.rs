//! What one idle subscriber takes, part by part: printed by the test, and bounded by it.
//!
//! `cargo test -p crore-gateway sizes -- --nocapture`

use crore_hub::memory as hub;
use crore_rt::memory as runtime;

use crate::seats::Seat;
use crate::session::websocket::Task;

/// What the sum may be where the kernel carries the connection, beside the 3,850 bytes that it takes itself.
const ALL_IN_MAX: usize = 256;

/// What the sum may be where our own TCP/IP does, everything included.
const ALL_IN_OWN_MAX: usize = 400;

/// The generation of a slab's slot, and its bits in the map of free slots.
const SLAB_SLOT: usize = 4 + 1;

fn parts(connection: &[(&'static str, usize)]) -> usize {
    let session = runtime::task_bytes(size_of::<Task>());
    let ours = [
        ("task: header and waiting session", session + SLAB_SLOT),
        ("client of the hub", hub::CLIENT_BYTES + SLAB_SLOT),
        ("subscription", hub::SUBSCRIPTION_BYTES + SLAB_SLOT),
        ("member of the channel, half of the array free", hub::MEMBER_BYTES * 3 / 2),
        ("seat, half of the array free", size_of::<Seat>() * 3 / 2),
        ("place in the ring of pings, half of it free", size_of::<u64>() * 3 / 2),
    ];
    let sum = connection.iter().chain(&ours).map(|(_, bytes)| bytes).sum();
    for (part, bytes) in connection.iter().chain(&ours).chain([&("all in", sum)]) {
        println!("{bytes:>5}  {part}");
    }
    sum
}

#[test]
fn an_idle_subscriber_takes_at_most_256_bytes_beside_the_kernel() {
    let sum = parts(&[("connection slot of the driver", runtime::CONNECTION_BYTES + SLAB_SLOT)]);
    assert!(sum <= ALL_IN_MAX, "{sum} bytes, at most {ALL_IN_MAX} are allowed");
}

#[test]
fn an_idle_subscriber_on_our_own_stack_takes_at_most_400_bytes_all_in() {
    let sum = parts(&[
        ("control block of TCP", runtime::CONTROL_BLOCK_BYTES + SLAB_SLOT),
        ("entry of the flow table, its empty ones included", runtime::FLOW_BYTES),
        ("connection slot of the driver", runtime::STACK_CONNECTION_BYTES),
    ]);
    assert!(sum <= ALL_IN_OWN_MAX, "{sum} bytes, at most {ALL_IN_OWN_MAX} are allowed");
}
