//! Every bound of this crate: its unit is in the name, its reason is beside it.

use crore_base::time::Duration;

/// Bytes of the ring that carries one queue's frames one way through a wire: over 5,000 small frames or 680 full ones,
/// two milliseconds at the fastest rate, and both directions together stay in the second-level cache of one core.
pub const RING_BYTES: u32 = 1 << 20;

/// Bytes of a ring between two queues that seldom meet: a flow keeps its queue number at both ends, so what crosses
/// over is ARP and the like. It still holds more than a burst of full frames.
pub const CROSS_RING_BYTES: u32 = 128 << 10;

/// Bytes that a ring has at least: dozens of full frames. An end that asks for less is confused.
pub const RING_BYTES_MIN: u32 = 64 << 10;

/// Bytes that a ring has at most. An end that asks for more is confused, and would make this one map it.
pub const RING_BYTES_MAX: u32 = 64 << 20;

/// Bytes to which records in a ring are aligned: a cache line, so that the two sides never write to one line, and small
/// frames are still dense.
pub const RECORD_ALIGN_BYTES: usize = 64;

/// Queues that a device has at most. Wires have a ring for each pair of queues, and each queue's doorbell travels in
/// one message of at most 253 descriptors (`SCM_MAX_FD`).
pub const QUEUES_MAX: u16 = 64;

/// Bytes of the name of a wire at most. With what surrounds it, it fits the 107 bytes of a socket's name.
pub const WIRE_NAME_BYTES_MAX: usize = 64;

/// Largest IP packet on a wire, in bytes: that of ordinary Ethernet, so that what works on the wire works on a network.
pub const WIRE_MTU_BYTES: u16 = 1500;

/// How long the joining end of a wire waits for the hosting end to answer. Its loop answers within a turn; one that
/// does not within this time is stopped or has no loop.
pub const WIRE_ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Processes that may wait at once for the hosting end of a wire to answer.
pub const WIRE_BACKLOG: i32 = 8;

/// Calls of receive between two looks at the socket on which the ends of a wire have met: a look is two system calls
/// and costs as much as a dozen frames, and the other end's death may be noticed a few milliseconds later. Sleepers
/// notice at once.
pub const WIRE_TEND_CALLS: u32 = 4096;

/// Wires that an error message names at most.
pub const WIRES_SHOWN_MAX: usize = 8;

/// Bytes of the name of a network interface at most (`IFNAMSIZ` without its closing zero).
pub const INTERFACE_NAME_BYTES_MAX: usize = 15;

/// Bytes of an Ethernet header, the part of a frame that an MTU does not count.
pub const ETHERNET_HEADER_BYTES: usize = 14;

/// Frames that one direction of the fault injector holds back at most, for delay, rate or reordering. More are dropped,
/// as a router with a full queue does.
pub const FAULTY_HELD_FRAMES_MAX: usize = 65_536;

/// How long a frame that was chosen to be overtaken waits for frames to overtake it. Without a bound the last frame of
/// a connection would never arrive.
pub const FAULTY_OVERTAKEN_MAX: Duration = Duration::from_millis(20);

/// Bits that one corruption turns over at most. Checksums find all of one, and most of several.
pub const FAULTY_FLIPPED_BITS_MAX: u32 = 4;

/// Bytes that a capture collects before it writes them out.
pub const PCAP_BUFFER_BYTES: usize = 256 << 10;
