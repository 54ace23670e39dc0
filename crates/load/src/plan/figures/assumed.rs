//! What nobody has measured here: each says why it is what it is, or what would replace it.

use super::figure::{Figure, assumed};

/// The sending part of a connection.
pub(in crate::plan) const OWN_IN_FLIGHT: Figure = assumed(
    "own stack: what a push takes until it is acknowledged",
    256.0,
    "bytes",
    "the sending part of a connection with its timer, rounded up; not measured by itself",
);

/// What the kernel keeps of a segment, its payload apart.
pub(in crate::plan) const KERNEL_IN_FLIGHT: Figure = assumed(
    "the kernel's TCP: what a push takes until it is acknowledged, its bytes apart",
    1_280.0,
    "bytes",
    "a doubled sk_buff and its smallest head; measure with /proc/net/sockstat while publishing",
);

/// Steady traffic.
pub(in crate::plan) const KERNEL_PUSH: Figure = assumed(
    "the kernel's TCP: a delivery of steady traffic, of what one of a broadcast takes",
    1.0,
    "",
    "the broadcast that was measured goes to a group of 10,000 at a time; measure with crore c10m --wire kernel",
);

/// How many `poll` is good for.
pub(in crate::plan) const POLL_WATCHED: Figure = assumed(
    "poll: the most descriptors that its figures hold for",
    10_000.0,
    "",
    "each wait hands all of them to the kernel and looks at each answer, so that costs grow with the number; measured are 4,000",
);

/// The classic.
pub(in crate::plan) const THREAD: Figure = assumed(
    "a thread each: a connection",
    16_384.0,
    "bytes",
    "the classic figure of an 8 KiB kernel stack and two pages of user stack, its socket left out; nothing here serves so",
);

/// What is not ours.
pub(in crate::plan) const RESERVE: Figure = assumed(
    "kept for the kernel and other programs",
    2e9,
    "bytes",
    "page tables, network queues, ssh, logs; look at free -b before the server is started",
);

/// How much of several cores arrives.
pub(in crate::plan) const EFFICIENCY: Figure = assumed(
    "what a core does beside others, of what it does alone",
    0.8,
    "",
    "cores share caches and memory; measured are only two cores, the server on one of them",
);

/// How long a push stays in memory.
pub(in crate::plan) const ROUND_TRIP: Figure = assumed(
    "from a push to its acknowledgment",
    0.1,
    "s",
    "a path of 60 ms and a delayed ACK of 40 ms; yours is what ping says, and 40 ms",
);
