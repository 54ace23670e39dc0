//! Every bound of the laboratory's models, with its unit in the name and the reason beside it.

/// Bytes of a body that is uploaded for its digest: the size of the laboratory's heavy request. Stops: a body without end.
pub const BODY_BYTES_MAX: u64 = 1024 * 1024;

/// Bytes of one part of the data file: an answer is held in memory until it is sent. Stops: one request that asks for a
/// terabyte.
pub const PART_BYTES_MAX: usize = 1024 * 1024;

/// Bytes read at a time. Also what bounds the answers to requests that come together: 16 KiB of the shortest requests
/// become 80 KiB of answers, and nothing more is read until those are sent.
pub const READ_BYTES: usize = 16 * 1024;

/// Bytes thrown away after the last answer of a connection that we end, so that what the client still sends does not reset the
/// connection before the client has read (RFC 9112, section 9.6). One body and what may lie behind it.
pub const LINGER_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Reads of one connection before the others have their turn.
pub const ROUNDS_PER_TURN: u32 = 16;

/// Events taken from the kernel at a time.
pub const EVENTS_PER_TURN: usize = 256;

/// Connections accepted before those that are there have their turn again.
pub const ACCEPTS_PER_TURN: u32 = 64;

/// Connections that one process serves at a time: those beyond are closed as soon as they are accepted. The number of descriptors
/// that a process may have is usually lower.
pub const CONNECTIONS_MAX: usize = 1 << 20;

/// Child processes or threads, where each connection has one of its own: those that come beyond wait in the kernel's queue.
/// The system's own bound for a user (`ulimit -u`) is some tens of thousands.
pub const CHILDREN_MAX: usize = 16_000;

/// Between the death of a child that is replaced and the next. Stops: children that die at once being made as fast as they can.
pub const RAISE_PAUSE_MS: u64 = 100;

/// Connections that wait for a thread of the pool; those beyond wait in the kernel's queue.
pub const POOL_QUEUE_MAX: usize = 1_024;

/// Connections that the kernel completes before they are accepted; it takes the smaller of this and `net.core.somaxconn`.
pub const BACKLOG: i32 = 65_535;

/// How long who has no descriptor, process or thread to give waits before asking again. Without it the loop would spin.
pub const PAUSE_MS: u64 = 20;

/// Bytes of a thread's stack where each connection has a thread: the service uses less than a quarter of it.
pub const STACK_BYTES: usize = 128 * 1024;

/// Bytes read at a time by a coroutine with a stack of its own, where the buffer lies: what is touched stays.
pub const STACK_ROOM_BYTES: usize = 4 * 1024;

/// Connections of the model on native AIO, each with one request under way, of which all processes together have 65,536
/// (`fs.aio-max-nr`).
pub const AIO_CONNECTIONS_MAX: usize = 16_384;

/// Pauses for want of room for native AIO, some seconds together; then it is an error.
pub const AIO_PAUSES_MAX: u32 = 200;

/// Workers of one model. More processors share no machine that we know.
pub const WORKERS_MAX: usize = 1_024;

/// Bytes of an answer that a CGI child or FastCGI worker may give: the largest part, and room for its head.
pub const ANSWER_BYTES_MAX: usize = PART_BYTES_MAX + 4 * 1024;

/// Bytes of one datagram: what fits an Ethernet frame without fragments (RFC 8200's 1,280 and Ethernet's 1,500 in mind).
pub const DATAGRAM_BYTES_MAX: usize = 1_432;

/// Requests that wait for the embedded store: more than connections ask at a time, so that it is the database that holds them up. Those
/// beyond wait outside. Stops: a batch that takes seconds.
pub const STORE_QUEUE_MAX: usize = 4_096;

/// As [`STORE_QUEUE_MAX`], for the file of the records.
pub const RECORDS_QUEUE_MAX: usize = 4_096;

/// Bytes of a record that the full load appends: a line of a log.
pub const RECORD_BYTES: usize = 256;

/// Bytes of the file of the records: an hour of five thousand a second, with room. Stops: a run that fills the disk.
pub const RECORDS_FILE_BYTES_MAX: u64 = 8 << 30;

/// Records of each writer that can be read back.
pub const RECORDS_KEPT: u32 = 16;

/// Writers of records: connections that ask, those that were opened for failed ones included.
pub const WRITERS_MAX: usize = 1 << 16;

/// Connections to PostgreSQL: so many transactions it commits together at most; a default server takes a hundred.
pub const POSTGRESQL_CONNECTIONS: usize = 32;

/// How often a database that has just been started is asked whether it is ready, ...
pub const DATABASE_READY_TRIES: u32 = 150;

/// ... with such pauses: some ten seconds together, less than what the harness waits for a server.
pub const DATABASE_READY_PAUSE_MS: u64 = 100;

const _: () = assert!(LINGER_BYTES_MAX as u64 >= BODY_BYTES_MAX + READ_BYTES as u64, "one refused body passes");
