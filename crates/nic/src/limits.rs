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

/// Bytes of a netlink answer that is read at once: as many as the kernel puts into one.
pub const NETLINK_ANSWER_BYTES: usize = 32 << 10;

/// Receives that one netlink question may take. A machine with tens of thousands of neighbours needs a few hundred.
pub const NETLINK_MESSAGES_MAX: usize = 4096;

/// Entries of each of the four rings of an AF_XDP socket: what a 10 Gbit/s link brings of the smallest frames in 140
/// microseconds and of full ones in 2.5 milliseconds, longer than a turn of the loop takes. Beyond what a ring holds,
/// frames are dropped, by the kernel or by us, and counted.
pub const XDP_RING_FRAMES: u32 = 2048;

/// Entries that a ring has at least: what the kernel takes in one call. It is enough to see what happens when rings are
/// always full or empty, and not to serve anybody well.
pub const XDP_RING_FRAMES_MIN: u32 = 32;

/// Entries that a ring has at most: what 10 Gbit/s bring of the smallest frames in a millisecond. All that waits in a
/// larger one would be late.
pub const XDP_RING_FRAMES_MAX: u32 = 16_384;

/// Frames that a pool needs at least to serve a queue: a burst in each direction, and one in hand.
pub const XDP_POOL_FRAMES_MIN: u32 = 128;

/// The part of a pool that a queue gives to the kernel to receive into, at most: one in this many frames. The rest is
/// for what is being sent and for what waits to be read; without a bound a small pool would be all in the ring.
pub const XDP_FILL_PART: u32 = 2;

/// Bytes that the kernel keeps free in front of a received frame (`XDP_PACKET_HEADROOM`).
pub const XDP_HEADROOM_BYTES: usize = 256;

/// Bytes that a socket may have on their way to the device in copy mode. The kernel counts about 2,300 for each small
/// frame, and without `CAP_NET_ADMIN` cuts this to `net.core.wmem_max`.
pub const XDP_SEND_BUFFER_BYTES: usize = 8 << 20;

/// Frames that the kernel takes out of the transmit ring in one call, in copy mode: a burst is allowed as many calls as
/// the ring has of these.
pub const XDP_KICK_FRAMES: u32 = 32;

/// How often a bind to a queue is tried while the kernel says that it is busy, which it does for a moment after another
/// process has given it up.
pub const XDP_BIND_TRIES_MAX: u32 = 100;

/// Milliseconds between two of those tries: one second all in all.
pub const XDP_BIND_PAUSE_MS: u64 = 10;

/// How long frames are held back for a device that does not finish sending any. After that it counts as stuck, and
/// frames are dropped until it goes on: some drivers never do before their socket is closed, and an upper layer that
/// waits for room would wait, and keep its core busy, for ever.
pub const XDP_STALL: Duration = Duration::from_millis(100);

/// Frames of a queue that are looked at for being on the right queue when it starts, all of them. Thousands show each
/// queue of a card its flows, and the look costs a hash of each.
pub const XDP_PROOF_FRAMES: u32 = 4096;

/// Frames of a queue that pass later before one is looked at: enough to notice that something has changed, for next to
/// nothing a frame.
pub const XDP_SAMPLE_FRAMES: usize = 64;

/// TCP segments whose checksum is just the sum of the pseudo-header before it is said that a neighbour does not write
/// checksums: by chance that is so for one in 65,536.
pub const XDP_PARTIAL_CHECKSUMS_MIN: u64 = 8;

/// Whole prefixes in a claim. The filter compares each frame's destination with them one by one.
pub const XDP_CLAIM_PREFIXES_MAX: usize = 16;

/// Addresses that a claim excepts. As above; an interface seldom has more, twice over for broadcasts.
pub const XDP_CLAIM_EXCEPTIONS_MAX: usize = 32;

/// Addresses that a claim shares with the kernel. As above.
pub const XDP_CLAIM_SHARED_MAX: usize = 16;

/// Source prefixes of each family that are blocked at most. The kernel takes about 100 bytes for each.
pub const XDP_BLOCKED_MAX: u32 = 65_536;

/// Processors that a kernel can be built for (`CONFIG_NR_CPUS`): a lookup of numbers for each processor writes as many.
pub const XDP_PROCESSORS_MAX: usize = 8192;

/// Bytes of what the kernel's verifier may say about a filter that it does not take.
pub const XDP_VERIFIER_LOG_BYTES: usize = 256 << 10;

/// Interfaces, or lines, that an error message shows at most.
pub const XDP_SHOWN_MAX: usize = 8;

/// Bytes of a device string of DPDK at most: the longest that its drivers document, with a socket's path of 107 in it, are half
/// of that.
pub const DPDK_DEVICE_BYTES_MAX: usize = 256;

/// Bytes of a device's name in it (`RTE_DEV_NAME_MAX_LEN` without its closing zero).
pub const DPDK_NAME_BYTES_MAX: usize = 63;

/// Frames that are received or sent in one call: what DPDK's own examples and its drivers' vector code are made for.
pub const DPDK_BURST_FRAMES: usize = 32;

/// Descriptors of a queue's ring in each direction that are asked for; a device that can only have fewer gets fewer. As
/// [`XDP_RING_FRAMES`], but that both directions are polled, so half of it is time enough.
pub const DPDK_RING_FRAMES: u16 = 1024;

/// Mbufs of a queue: both rings full, what cores keep in their caches, and a burst each way. One less than a power of two
/// wastes no slot of the ring that a mempool is.
pub const DPDK_POOL_MBUFS: u32 = 4095;

/// Mbufs that a core keeps at hand beside the pool: several bursts, so that most are taken without an atomic, and a divisor of
/// [`DPDK_POOL_MBUFS`], so that none are stranded.
pub const DPDK_CACHE_MBUFS: u32 = 273;

/// Bytes of huge pages that a queue takes: its mbufs with their headers.
pub const DPDK_QUEUE_BYTES: u64 = 12 << 20;

/// Bytes of huge pages that DPDK takes besides, for its own tables and those of drivers.
pub const DPDK_OWN_BYTES: u64 = 64 << 20;

/// Megabytes that DPDK may use of ordinary pages where there are no huge ones: all of its queues at once. It is reserved in
/// the beginning, and taken from the system as it is used.
pub const DPDK_ORDINARY_MIB: u32 = 1024;

/// Bytes of what DPDK said that an error repeats: three or four of its lines.
pub const DPDK_SAID_BYTES_MAX: usize = 300;
