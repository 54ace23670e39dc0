//! What one idle subscriber takes, part by part: printed by the test, and bounded by it.
//!
//! `cargo test -p crore-gateway sizes -- --nocapture`

use crore_hub::memory as hub;
use crore_rt::memory as runtime;

use crate::seats::Seat;
use crate::session::websocket::Task;

/// What the sum may be: what the kernel's own part (3,850 bytes) hides, and what our own stack will have to fit beside.
const ALL_IN_MAX: usize = 256;

/// The generation of a slab's slot, and its bits in the map of free slots.
const SLAB_SLOT: usize = 4 + 1;

#[test]
fn an_idle_subscriber_takes_at_most_256_bytes() {
    let session = runtime::task_bytes(size_of::<Task>());
    let parts = [
        ("connection slot of the driver", runtime::CONNECTION_BYTES + SLAB_SLOT),
        ("task: header and waiting session", session + SLAB_SLOT),
        ("client of the hub", hub::CLIENT_BYTES + SLAB_SLOT),
        ("subscription", hub::SUBSCRIPTION_BYTES + SLAB_SLOT),
        ("member of the channel, half of the array free", hub::MEMBER_BYTES * 3 / 2),
        ("seat, half of the array free", size_of::<Seat>() * 3 / 2),
        ("place in the ring of pings, half of it free", size_of::<u64>() * 3 / 2),
    ];
    let sum: usize = parts.iter().map(|(_, bytes)| bytes).sum();
    for (part, bytes) in parts.iter().chain([&("all in", sum)]) {
        println!("{bytes:>5}  {part}");
    }
    assert!(sum <= ALL_IN_MAX, "{sum} bytes, at most {ALL_IN_MAX} are allowed");
}
