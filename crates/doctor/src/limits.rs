//! Every number that a verdict rests on, with its unit in the name and the reason beside it.
//!
//! What a connection takes is measured; the same figures stand in `crates/load/src/plan/figures/measured.rs`, and a test of the
//! command compares the two.

/// Connections asked about when nothing was said: the round number that a process of the default `fs.nr_open`, 1,048,576, can hold.
pub const CONNECTIONS_DEFAULT: u64 = 1_000_000;

/// Connections asked about at most: those of `crore plan`, more than there are people.
pub const CONNECTIONS_MAX: u64 = 10_000_000_000;

/// Bytes of the kernel for an idle socket (docs/benchmarks.md, `cargo xtask bench memory`).
pub const KERNEL_SOCKET_BYTES: u64 = 3_850;

/// The same where io_uring waits for it, an operation that receives included (`cargo xtask bench drivers`).
pub const URING_SOCKET_BYTES: u64 = 4_551;

/// User bytes of a subscriber of two channels where the kernel carries it (docs/scaling.md).
pub const KERNEL_USER_BYTES: u64 = 229;

/// Bytes of a core where the kernel carries connections: buffers and tables (docs/scaling.md).
pub const KERNEL_CORE_BYTES: u64 = 681_000;

/// The same with the receive buffers of io_uring (docs/scaling.md).
pub const URING_CORE_BYTES: u64 = 2_990_000;

/// Bytes of a subscriber of two channels on our own TCP/IP, everything in it (docs/scaling.md).
pub const OWN_USER_BYTES: u64 = 407;

/// Bytes of a core's frames on our own TCP/IP: 16,384 of 2 KiB (`crore_rt::limits::FRAMES`). AF_XDP locks them in memory.
pub const OWN_CORE_BYTES: u64 = 16_384 * 2_048;

/// Bytes of the program with nobody connected (docs/scaling.md).
pub const PROGRAM_BYTES: u64 = 6_885_000;

/// Bytes of an entry of the kernel's connection tracking, with a pointer of its table (docs/scaling.md).
pub const CONNTRACK_ENTRY_BYTES: u64 = 264;

/// Descriptors of a process that are no connections: standard streams, a configuration, logs, and some air.
pub const DESCRIPTORS_RESERVED: u64 = 64;

/// Descriptors of each worker: its epoll, bells, listeners.
pub const DESCRIPTORS_PER_WORKER: u64 = 10;

/// Descriptors that select(2) can name: `FD_SETSIZE` of the C library, a constant of its binary interface.
pub const SELECT_DESCRIPTORS: u64 = 1_024;

/// Connections from which on poll(2) costs more than the work that it finds: each call hands all of them to the kernel, 8 bytes
/// each, and looks at each answer.
pub const POLL_CONNECTIONS: u64 = 10_000;

/// Entries of a ring's table of direct descriptors at most (`IORING_MAX_FIXED_FILES` of Linux).
pub const RING_DESCRIPTORS_MAX: u64 = 1 << 20;

/// Bytes that io_uring should be able to lock for sends without copying: some hundred large ones under way.
pub const URING_LOCKED_BYTES: u64 = 64 << 20;

/// Bytes of a page, in which `tcp_mem` counts: those of x86-64, and of most arm64 servers.
pub const PAGE_BYTES: u64 = 4_096;

/// One connection in so many has something under way, unread or not acknowledged, at one time: a broadcast to all within a second over
/// paths of 0.1 s. Each such socket counts as a page of `tcp_mem` at least (measured: 5,000 sockets with 64 unread bytes, 4,870
/// pages; idle ones, none).
pub const CONNECTIONS_PER_BUSY: u64 = 10;

/// Connections that wait to be accepted at most: what crore asks listen(2) for (`crore_rt::limits::BACKLOG`).
pub const BACKLOG_MAX: u64 = 65_535;

/// One connection in so many is closed by the server within the minute that its port stays in TIME-WAIT.
pub const CONNECTIONS_PER_CLOSE: u64 = 100;

/// A range of local ports worth having: 10,000 to 65,535, above what most services listen on.
pub const PORTS_WIDE: [u64; 2] = [10_000, 65_535];

/// Descriptors that the rest of the machine opens beside ours.
pub const FILES_OF_OTHERS: u64 = 1_024;

/// Maps that our tables, stacks of threads and devices take at most, with air: each table is one, each thread has two.
pub const MAPS: u64 = 1_024;

/// Threads beside the workers and their compute pool: the pool for calls that wait, 128, the stall detector, the one that prepares pages,
/// and two more.
pub const THREADS_BESIDE: u64 = 132;

/// `vm.swappiness` up to which the kernel drops its caches before it takes memory from us.
pub const SWAPPINESS_MAX: u64 = 10;

/// Of all memory, one part in so many should stay free: below that the kernel is busy finding pages.
pub const MEMORY_FREE_PART: u64 = 10;

/// Bytes of the largest packet that a frame of ours holds on AF_XDP (docs/decisions/0016-each-queue-has-its-own-memory.md).
pub const XDP_MTU_BYTES: u64 = 1_778;

/// Flows that receive flow steering remembers at most: of a million idle connections few speak at one time.
pub const STEERED_FLOWS_MAX: u64 = 65_536;

/// Bytes of a file of the kernel's that are read at most. `/proc/interrupts` of a machine with hundreds of processors has a few
/// million. Stops: a device file in the wrong place.
pub const FILE_BYTES_MAX: u64 = 16 << 20;

/// Processors that a list of them may name: more than a kernel can be built for.
pub const PROCESSORS_MAX: u64 = 8_192;

/// Levels of control groups that are looked at, from ours to the root. systemd makes about five.
pub const GROUP_LEVELS_MAX: usize = 64;

/// Interfaces that are looked at: those of the default routes and what is below them. Stops: a bridge with thousands of cables.
pub const INTERFACES_MAX: usize = 64;
