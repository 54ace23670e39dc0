//! Every bound of the runtime, with its unit in the name and the reason beside it.

use crore_base::time::Duration;

/// Workers of one runtime. The wake-up number of a task has eight bits for its core; more cores than this share no
/// machine that we know.
pub const CORES_MAX: usize = 128;

/// Runtimes alive at one time in a process: tests run one each, a server runs one.
pub const RUNTIMES_MAX: usize = 254;

/// Tasks of one size class on one core: the index inside a class has 24 bits.
pub const TASKS_PER_CLASS_MAX: u32 = 1 << 24;

/// Connections on one core (slots of a driver).
pub const CONNECTIONS_PER_CORE_MAX: u32 = 1 << 24;

/// Timers armed on one core.
pub const TIMERS_PER_CORE_MAX: u32 = 1 << 24;

/// Listeners and watched descriptors on one core.
pub const WATCHES_PER_CORE_MAX: u32 = 1 << 12;

/// Descriptors, timers and signals of one reactor: more descriptors than this no process may have by default (`fs.nr_open`).
pub const REGISTRATIONS_MAX: u32 = 1 << 20;

/// One tick of the timer wheel: what a sleeper may be late.
pub const TIMER_TICK: Duration = Duration::from_millis(1);

/// Tasks polled in one turn before timers, network and other cores are looked at again.
pub const TASKS_PER_TURN: usize = 256;

/// The shortest poll that the stall detector can tell from a thread that was only not scheduled.
pub const STALL_MIN: Duration = Duration::from_millis(10);

/// How often the stall detector looks while a poll lasts as long as it may: a stall is noticed that much of its threshold late.
pub const STALL_LOOKS: u32 = 4;

/// Timers expired in one turn; the rest follow in the next.
pub const TIMERS_PER_TURN: usize = 4096;

/// Events harvested from the driver in one turn, so that a flood of them cannot starve timers and tasks.
pub const EVENTS_PER_TURN: usize = 1024;

/// Waits in a row that end without anything to do, after which the selector is built anew: Netty's number. One is no wonder, and so
/// many of them take less than a millisecond.
pub const FRUITLESS_WAITS_MIN: u32 = 512;

/// As [`FRUITLESS_WAITS_MIN`], when rebuilds do not help: each costs a system call a connection.
pub const FRUITLESS_WAITS_MAX: u32 = 1 << 20;

/// How long a core rests after a wait that failed, if there is no such cure: a loop that only fails must not take a processor.
pub const FAILED_WAIT_PAUSE: Duration = Duration::from_millis(1);

/// Descriptors that `select` can watch, those below this number: `FD_SETSIZE` (select(2)).
pub const SELECT_DESCRIPTORS: usize = 1024;

/// I/O operations of one poll of one task before it yields by itself.
pub const OPERATIONS_PER_POLL: u32 = 64;

/// Connections accepted by one listener in one turn: a storm of connects must leave room for those already served.
pub const ACCEPTS_PER_TURN: u32 = 64;

/// A listener that ran out of descriptors refuses this many waiting clients at once, so that they are told, ...
pub const ACCEPTS_SHED_PER_PAUSE: u32 = 16;

/// ... and then rests this long. Without the rest the loop would spin on `EMFILE`.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Connections that wait for a core to which another handed them. A core that is so far behind gets no more; when all are, those that
/// come wait in the kernel.
pub const HANDOVER_INBOX: usize = 256;

/// How long who hands connections over rests when all cores are so far behind.
pub const HANDOVER_PAUSE: Duration = Duration::from_millis(1);

/// Time between two attempts to connect to a Unix socket whose backlog is full: the kernel does not tell when it no longer is.
pub const UNIX_CONNECT_PAUSE: Duration = Duration::from_millis(10);

/// Bytes of one leased receive buffer.
pub const LEASE_BYTES: usize = 16 * 1024;

/// Receive buffers that a core keeps for the next `recv`; more are freed.
pub const LEASES_KEPT: usize = 32;

/// Payloads gathered into one write (`IOV_MAX` of Linux is 1,024; more than this gains nothing).
pub const GATHER_MAX: usize = 64;

/// Places for queued payloads that a core keeps when nothing is queued: those of a usual turn.
pub const SEND_NODES_KEPT: usize = 64;

/// Bytes that may wait in a connection's send queue unless it says otherwise.
pub const SEND_QUEUE_BYTES: u32 = 1 << 20;

/// Operations of one submission queue of io_uring: those of a usual turn leave with one system call.
pub const URING_ENTRIES: u32 = 1024;

/// As [`URING_ENTRIES`], at most: the kernel's own limit.
pub const URING_ENTRIES_MAX: u32 = 1 << 15;

/// Room for completions, in submission queues: a turn's receives and sends, so that the kernel need not keep them aside.
pub const URING_COMPLETIONS_PER_ENTRY: u32 = 4;

/// Completions taken in one turn. More than events of other models, because each send that has ended is one.
pub const URING_COMPLETIONS_PER_TURN: usize = 4096;

/// Receive buffers of a ring, of [`LEASE_BYTES`] each.
pub const URING_BUFFERS: u16 = 256;

/// As [`URING_BUFFERS`], at most: the kernel's own limit.
pub const URING_BUFFERS_MAX: u32 = 1 << 15;

/// Received buffers of one core that nobody has read yet, 64 MiB: beyond it nothing is received until somebody reads.
pub const URING_UNREAD_MAX: usize = 4096;

/// Received buffers of one connection that nobody has read yet, after which its receiving is cancelled: a sender whose receiver
/// rests fills the window then, not the core's memory.
pub const URING_UNREAD_PER_CONNECTION_MAX: u16 = 8;

/// Sockets in the table of one ring; a core that has more opens another ring.
pub const URING_FILES: u32 = 1 << 16;

/// As [`URING_FILES`], at most: the kernel's own limit.
pub const URING_FILES_MAX: u32 = 1 << 20;

/// Rings of one core: what the number of a socket has bits for, and more sockets than a machine holds.
pub const URING_RINGS_MAX: usize = 1 << 11;

/// Accepted connections of one listener that wait for its task, after which accepting is cancelled.
pub const URING_ACCEPTED_MAX: usize = 1024;

/// Operations on files of one core that the kernel has at one time: more than a disk's queue gains from, and few enough that their
/// completions always find room beside the network's. Beyond it their callers wait, in order.
pub const URING_FILE_OPERATIONS_MAX: u32 = 256;

/// Threads of the kernel's that work on files for one core: as many calls that wait for disks at one time. Otherwise they would be four
/// for each processor.
pub const URING_FILE_THREADS_MAX: u32 = 64;

/// A read or write of more bytes than this is left to a thread of the kernel's: if the file is in the cache the core would copy them
/// itself, about as long as a thread takes to be woken for it.
pub const URING_FILE_BYTES_INLINE_MAX: usize = 64 * 1024;

/// How long a driver that ends waits for operations on files that it has cancelled and the kernel has not done with; buffers of those
/// that a disk still holds are then left to it for ever.
pub const URING_FILES_LAST_WAIT: Duration = Duration::from_secs(2);

/// From how many bytes on a payload is sent without a copy: never, unless asked for. On loopback the kernel copies it anyway, and pays
/// for the notification.
pub const URING_ZERO_COPY_FROM: Option<u32> = None;

/// How long a closed connection may take to hand its last queued bytes to the peer.
pub const CLOSE_LINGER: Duration = Duration::from_secs(5);

/// Connections that the kernel completes before we accept them (the kernel takes the smaller of this and `somaxconn`).
pub const BACKLOG: i32 = 65_535;

/// Functions sent to another core that may wait in one ring; more wait at the sender. In a model one, so that rings are full.
pub const CONTROL_RING: usize = if cfg!(loom) { 1 } else { 256 };

/// Bytes under way in one direction of a simulated connection.
pub const SIM_WINDOW_BYTES: usize = 64 * 1024;

pub use crore_base::limits::FRAME_BYTES;

/// Frames of a core whose TCP/IP is our own, 2 KiB each: room for a few turns of input and output, and for 8 MiB of received
/// bytes that nobody has read yet. Memory is taken as they are used.
pub const FRAMES: u32 = 16_384;

/// Of them, those kept for ACK, RST and ARP, so that a core that has run out still answers.
pub const FRAMES_RESERVED: u32 = 512;

/// Frames taken from a device in one turn.
pub const FRAMES_PER_TURN: usize = 256;

/// Frames given to a device in one turn: more than are taken, because each may cause several.
pub const FRAMES_SENT_PER_TURN: usize = 1024;

/// How often a core that its network keeps awake looks for events of the kernel: each look is a system call of about a
/// microsecond.
pub const KERNEL_ASKED_EVERY: Duration = Duration::from_micros(200);

/// How long after the last frame a core that mostly waits polls for the next before it sleeps: about what falling asleep and
/// being woken cost.
pub const POLLED_WHEN_IDLE: Duration = Duration::from_micros(20);

/// As [`POLLED_WHEN_IDLE`], for a core that mostly works: what a halted virtual processor may take to run again, several times
/// over.
pub const POLLED_WHEN_BUSY: Duration = Duration::from_micros(400);

/// The first sleep of a core that found nothing at a device which can only be polled: shorter than the kernel's slack on timers
/// (50 us, prctl(2)), so about that.
pub const NAP_FIRST: Duration = Duration::from_micros(10);

/// The longest of those sleeps: with the slack 6,000 looks a second, some percent of a processor, and less delay than a
/// scheduler may cause on any busy machine.
pub const NAP_MAX: Duration = Duration::from_micros(100);

/// Frames under way from one core to another that found their queue to be the wrong one.
pub const EXCHANGE_FRAMES: usize = 1024;

/// Frames after which a core says whether the device spreads flows as we do: with as many, of some hundreds of flows, none at
/// a wrong core is no chance.
pub const STEERING_PROOF_FRAMES: u64 = 10_000;

/// How often a core looks whether its queue of an interface works as it should, which costs a system call.
pub const DEVICE_LOOKS_APART: Duration = Duration::from_secs(5);

/// Connections of a core that may have something in flight at once before who fans out waits, to begin with: half a ring of an
/// AF_XDP socket.
pub const PACE_FIRST: u32 = 1024;

/// As [`PACE_FIRST`], on a wire of shared memory, which loses nothing: what does not fit its rings waits at the sender. With fewer under
/// way the two ends wait for each other (a broadcast to two million takes 1.8 to 3.1 s with 1,024 and 1.0 s with these).
pub const PACE_FIRST_ON_WIRE: u32 = 16 << 10;

/// As [`PACE_FIRST`], at least: two bursts, so that half a million a second can leave with a rest of a millisecond in between.
pub const PACE_MIN: u32 = 512;

/// As [`PACE_FIRST`], at most: a million segments a second that take a quarter of a second to be acknowledged, and 46 MB.
pub const PACE_MAX: u32 = 1 << 18;

/// How long a runtime that ends waits for its peers to take what was still queued, from when a frame moved last.
pub const LAST_WORDS: Duration = Duration::from_millis(500);

/// How long it then still answers what comes, counted in the same way: longer than an ACK may be delayed.
pub const LAST_ANSWERS: Duration = Duration::from_millis(60);

/// Bytes of a capture file at most; what comes after is not captured.
pub const CAPTURE_BYTES_MAX: u64 = 1 << 30;

/// Threads of the pool for closures that wait: as many disks and resolvers as one process keeps busy. Each has a stack of 2 MiB,
/// of which it uses some pages.
pub const BLOCKING_THREADS_MAX: usize = 128;

/// Closures that wait for a thread of that pool. Beyond it their callers wait, so that a resolver that hangs cannot fill the
/// memory with what is asked of it.
pub const BLOCKING_QUEUED_MAX: usize = 1024;

/// Threads of the pool for closures that calculate, until a runtime with more cores uses it.
pub const COMPUTE_THREADS_MIN: usize = 1;

/// As [`BLOCKING_QUEUED_MAX`], of that pool.
pub const COMPUTE_QUEUED_MAX: usize = 1024;

/// How much its threads give way at least (nice(2), 0 to 19): at 10 they have about a tenth of a processor that a loop wants too.
pub const COMPUTE_NICENESS: i32 = 10;

/// How long a pool's thread without work stays: longer than the pauses of a service that is used, so that its requests find
/// threads.
pub const POOL_THREAD_KEPT: std::time::Duration = std::time::Duration::from_secs(10);

/// Bytes of one slice of a file at most: two are held at a time, and a slice is read by one call, which nothing can interrupt.
pub const FILE_SLICE_BYTES_MAX: usize = 16 << 20;

/// Bytes of one read or write of a file at most: Linux takes no more in one call (read(2)).
pub const FILE_CALL_BYTES_MAX: usize = 0x7fff_f000;

/// Bytes that are copied to be written by a driver; more of them are written from where they are, by the pool.
pub const FILE_COPIED_BYTES_MAX: usize = 64 * 1024;

/// Bytes of a file that is read whole that are asked for at first: most files are shorter. Each further piece is as long as all
/// before it.
pub const FILE_READ_BYTES_FIRST: usize = 16 * 1024;

/// Names tried for the temporary file of an atomic write before it is given up: each that is taken is a crash of long ago.
pub const TEMPORARY_NAMES_TRIED: u32 = 100;

/// Addresses of one name at most; a resolver that answers with more is wrong or hostile.
pub const ADDRESSES_PER_NAME_MAX: usize = 64;

/// Bytes of a host's name: 255 on the wire are 253 as text (RFC 1035, section 2.3.4).
pub const HOST_NAME_BYTES_MAX: usize = 253;
/// Plaintext bytes of one TLS record at most (RFC 8446, section 5.1).
pub const TLS_RECORD_BYTES: usize = 16 * 1024;

/// What a record adds to its plaintext at most: a header of 5 bytes, and 24 of nonce and tag (AES-GCM in TLS 1.2, RFC 5288) or 17
/// of tag and type (TLS 1.3).
pub const TLS_RECORD_OVERHEAD_BYTES: usize = 29;

/// Plaintext that is encrypted into one payload, four records: what the scratch space of a core is made for.
pub const TLS_PIECE_BYTES: usize = 4 * TLS_RECORD_BYTES;

/// A record with an alert in it is shorter than this.
pub const TLS_ALERT_BYTES: usize = 64;

/// Ciphertext kept until it is whole: a handshake message of 64 KiB, the longest that rustls takes, in records with their overhead,
/// and a lease behind it. Stops: certificates that never end.
pub const TLS_INCOMING_BYTES_MAX: usize = 96 * 1024;

/// Bytes of a certificate chain or a key in a file. Stops: a wrong path that is read until memory is full.
pub const PEM_BYTES_MAX: u64 = 1 << 20;
