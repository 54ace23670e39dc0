//! Every bound of the harness, with its unit in the name and the reason beside it.

use crore_base::time::Duration;

/// Connections of the loads that send on all of them, when nothing was said.
pub(crate) const CONNECTIONS_DEFAULT: u64 = 100;

/// Connections that are held by the load `idle` when nothing was said: twice what `select` can watch, and so few that a process for each is
/// no burden on a small machine.
pub(crate) const IDLE_CONNECTIONS_DEFAULT: u64 = 2_000;

/// Connections that the load `connect` makes, one after the other in each of its lanes, when nothing was said.
pub(crate) const CONNECTS_DEFAULT: u64 = 5_000;

/// Connections asked for at most: the ports of the loopback addresses that we use.
pub(crate) const CONNECTIONS_MAX: u64 = 1 << 20;

/// Connections that ask while all others are idle.
pub(crate) const ACTIVE_CONNECTIONS: u64 = 10;

/// Connections that upload megabytes in the load `cpu`: twice as many as a small machine has processors, so that there is
/// always one waiting.
pub(crate) const DIGESTERS: u64 = 4;

/// Connections that are opened at the same time; a server's backlog is commonly at least twice as long.
pub(crate) const OPENINGS_MAX: u64 = 64;

/// Connections from one source address before another is used: beyond about half of the port range the kernel's search for
/// a free port takes seconds a thousand.
pub(crate) const CONNECTIONS_PER_SOURCE: u64 = 12_000;

/// Subscribers that the full load holds when nothing was said, if memory and descriptors are enough.
pub(crate) const FULL_SUBSCRIBERS: u64 = 1_000_000;

/// Requests a second of the full load that are tried first when nothing was said.
pub(crate) const FULL_RATE: u64 = 50_000;

/// How long each pass of the full load lasts when nothing was said: some flushes of a disk's cache are in it.
pub(crate) const FULL_TIME_DEFAULT: Duration = Duration::from_secs(10);

/// Connections on which the full load's requests come, at most.
pub(crate) const FULL_REQUESTERS: u64 = 500;

/// Rates of the full load that are tried after the first, each in the middle of what is left: what was not decided then is a thirtieth.
pub(crate) const FULL_SEARCH_STEPS: u32 = 5;

/// The full load's server takes less than this share of all processors, percent, ...
pub(crate) const FULL_CPU_PERCENT: f64 = 60.0;

/// ... all that runs on the machine less than this share of its memory, percent, ...
pub(crate) const FULL_MEMORY_PERCENT: f64 = 80.0;

/// ... and 99 of 100 requests of each kind are answered within this, ms.
pub(crate) const FULL_P99_MS: f64 = 1_000.0;

/// Answers come at least at this share of the rate, or the last come later the longer the pass is.
pub(crate) const FULL_ANSWERED_SHARE: f64 = 0.95;

/// Bytes of memory that a subscriber takes at most, both ends together, on our own TCP/IP and on the kernel's: for how many there is room.
pub(crate) const SUBSCRIBER_BYTES_OURS: u64 = 4 << 10;
/// See [`SUBSCRIBER_BYTES_OURS`].
pub(crate) const SUBSCRIBER_BYTES_KERNEL: u64 = 12 << 10;

/// Descriptors that are no subscribers' connections, beside those that request: files, rings, bells, and some air.
pub(crate) const FULL_DESCRIPTORS_RESERVED: u64 = 100;

/// Bytes of each publication.
pub(crate) const FULL_PUBLICATION_BYTES: usize = 128;

/// Between two publications to a group while requests are answered.
pub(crate) const FULL_PUBLICATION_PERIOD: Duration = Duration::from_secs(1);

/// Requests a second of the open loop when nothing was said: what every model bears on a small machine.
pub(crate) const RATE_DEFAULT: u64 = 1_000;

/// As [`RATE_DEFAULT`], beside uploads of megabytes or slow disks.
pub(crate) const RATE_BESIDE: u64 = 200;

/// Rates above this cannot be scheduled by one core that also checks the answers.
pub(crate) const RATE_MAX: u64 = 10_000_000;

/// How long each pass lasts when nothing was said.
pub(crate) const TIME_DEFAULT: Duration = Duration::from_secs(1);

/// The shortest pass: below it a processor's clock, of 10 ms, says nothing.
pub(crate) const TIME_MIN: Duration = Duration::from_millis(100);

/// The longest pass.
pub(crate) const TIME_MAX: Duration = Duration::from_secs(3_600);

/// Repetitions when nothing was said: the least number with a median that one accident does not move.
pub(crate) const REPEAT_DEFAULT: u64 = 3;

/// Repetitions at most.
pub(crate) const REPEAT_MAX: u64 = 1_000;

/// From the start of a model to its line that says where it listens.
pub(crate) const START_DEADLINE: Duration = Duration::from_secs(20);

/// From the end of a model's input to its own end; then it is ended by force.
pub(crate) const STOP_DEADLINE: Duration = Duration::from_secs(10);

/// How often somebody looks whether a model has ended.
pub(crate) const STOP_STEP: Duration = Duration::from_millis(5);

/// From the start of a connect to the first answer. A connection that takes longer is not held. Models that serve one
/// connection after the other need all of it, in each pass.
pub(crate) const HOLD_DEADLINE: Duration = Duration::from_secs(4);

/// A request that got no answer for so long has failed, and its connection with it.
pub(crate) const ANSWER_DEADLINE: Duration = Duration::from_secs(10);

/// How long after the end of its pass a request that was due before may still be begun; what waits longer is an error.
pub(crate) const BACKLOG_MAX: Duration = Duration::from_secs(2);

/// Bytes that go back and forth in the load `echo`.
pub(crate) const ECHO_BYTES: usize = 64;

/// Bytes of each upload in the load `cpu`.
pub(crate) const DIGEST_BYTES: usize = 1 << 20;

/// Uploads that differ from each other, so that an answer to the wrong one is noticed.
pub(crate) const DIGEST_BODIES: u64 = 4;

/// Bytes of the file that the load `disk` reads.
pub(crate) const DISK_FILE_BYTES: u64 = 64 << 20;

/// Bytes of each read from it, at a multiple of as many: large files are read in slices.
pub(crate) const DISK_SLICE_BYTES: u64 = 64 << 10;

/// Bytes of a read from a disk that a model answers at most.
pub(crate) const DISK_READ_BYTES_MAX: u64 = 1 << 20;

/// Longest latency that is told from longer ones.
pub(crate) const LATENCY_MAX: Duration = Duration::from_secs(60);

/// Digits to which latencies are exact.
pub(crate) const LATENCY_DIGITS: u8 = 3;

/// Connections whose system calls are counted: a tracer slows each call down a hundred times.
pub(crate) const TRACED_CONNECTIONS: u64 = 20;

/// Requests on each of them: so many that calls which depend on time, and not on requests, hardly count.
pub(crate) const TRACED_REQUESTS: u64 = 100;

/// Bytes of a model's errors that are kept for the notes.
pub(crate) const ERROR_TEXT_BYTES: u64 = 2_048;

/// Different kinds of failures that are told of one row; the rest is counted only.
pub(crate) const FAILURE_KINDS_MAX: usize = 3;
