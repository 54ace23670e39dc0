//! The bounds of a world: how large it may be, and how long things may take.

use crore_base::time::Duration;

/// Turns of all hosts in one world. The busiest worlds take a tenth; more is a storm, or a loop.
pub const TURNS_MAX: u64 = 1_000_000;

/// Turns of one host in a row in which a deadline lies in the past. The engine does a bounded part of what is due in each,
/// and there is never that much.
pub const OVERDUE_TURNS_MAX: u32 = 100;

/// How long an open stream may stand still after everything has healed: the longest retransmission timeout, twice because
/// the first retransmission may find that the peer's window was closed, and some.
pub const STALL_MAX: Duration = Duration::from_secs(150);

/// How long everything together may take to come to rest after it has healed. Ends the world also when it goes on too slowly.
pub const SETTLE_MAX: Duration = Duration::from_secs(1_800);

/// How long after the last connection is closed its last record may live: 2 MSL, twice because it starts over, and as long
/// as a SYN-ACK is sent again.
pub const DRAIN_MAX: Duration = Duration::from_secs(400);

/// Acknowledgments of one connection in one second of virtual time that answer nothing but acknowledgments. The engine
/// challenges twice a second; one more can fall into a second by its place, one is a probe's.
pub const ACKS_TO_ACKS_PER_SECOND_MAX: u32 = 4;

/// Bytes by which a connection may hold more unread than its limit: a window rounded up to its scale, and a segment.
pub const UNREAD_SLACK_BYTES: u32 = 2_048;

/// Frames in a capture at most.
pub const CAPTURE_FRAMES_MAX: usize = 200_000;

/// How long nothing may be heard before there is silence: longer than any retransmission timeout.
pub const SILENCE: Duration = Duration::from_secs(70);

/// How often initial sequence numbers advance by one (RFC 9293 section 3.4.1).
pub const ISN_TICK: Duration = Duration::from_micros(4);

/// By how much less than zero a stream may begin that is to wrap: most are longer.
pub const WRAP_MARGIN_BYTES: u64 = 5_000;
