//! Every bound of the load generator, with its unit in the name and the reason beside it.

use crore_base::time::Duration;

/// Connections from one source address before another is used: beyond about half of the port range the kernel's search
/// for a free port takes seconds a thousand.
pub const CONNECTIONS_PER_SOURCE: u64 = 12_000;

/// Connections asked for at most: the runtime's slots of 16 processes.
pub const CONNECTIONS_MAX: u64 = 16 << 24;

/// Connects begun in a second when nothing was said: what a two-core machine serves beside the generator.
pub const CONNECT_RATE_DEFAULT: u64 = 5_000;

/// Connections kept when nothing was said.
pub const CONNECTIONS_DEFAULT: u64 = 1_000;

/// Rates above this cannot be scheduled in whole nanoseconds.
pub const RATE_MAX: u64 = 1_000_000_000;

/// How long to hold (or to request) when nothing was said.
pub const HOLD_DEFAULT: Duration = Duration::from_secs(10);

/// Load processes at most; more than this share no machine that we know.
pub const PROCESSES_MAX: u64 = 256;

/// Descriptors of a process that are not connections: standard streams, epoll, bells, the publisher, and some air.
pub const DESCRIPTORS_RESERVED: u64 = 64;

/// Bytes of a publication's data at most; the server's own limit is usually lower.
pub const PAYLOAD_BYTES_MAX: u64 = 8 << 20;

/// Bytes of one WebSocket message or event that a client takes: a publication of the largest size and its envelope.
pub const MESSAGE_BYTES_MAX: u32 = (PAYLOAD_BYTES_MAX as u32) * 2;

/// From the start of a connect to the reply of its subscription. Beyond it the connection has failed.
pub const CONNECT_DEADLINE: Duration = Duration::from_secs(30);

/// A request that got no answer for so long has failed, and its connection with it.
pub const REQUEST_DEADLINE: Duration = Duration::from_secs(30);

/// Publications on their way to the API without an answer. Beyond it the publisher waits, and the wait counts as
/// latency, because the moments of the schedule stay.
pub const PUBLISHES_IN_FLIGHT_MAX: u64 = 1_024;

/// How long after the end of its phase something that was due before may still be begun: timers are late, and machines
/// stall. A backlog that is longer is not worked off but counted as failed.
pub const BACKLOG_MAX: Duration = Duration::from_secs(2);

/// How long the publisher waits for its last answers.
pub const PUBLISH_ANSWERS_DEADLINE: Duration = Duration::from_secs(10);

/// Draining ends when nothing has arrived for so long, ...
pub const DRAIN_QUIET: Duration = Duration::from_secs(3);

/// ... or at last after this, even if something still arrives: another publisher may never stop.
pub const DRAIN_MAX: Duration = Duration::from_secs(60);

/// How often a draining lane looks whether all have caught up.
pub const DRAIN_STEP: Duration = Duration::from_millis(10);

/// How long a lane waits for the servers' answers to its close frames.
pub const CLOSE_DEADLINE: Duration = Duration::from_secs(3);

/// How often lanes report progress.
pub const PROGRESS_STEP: Duration = Duration::from_millis(100);

/// One point of the plots: several reports, so that their jitter does not show.
pub const SAMPLE_STEP: Duration = Duration::from_millis(500);

/// Points of a plot; a longer run is thinned out evenly.
pub const PLOT_POINTS_MAX: usize = 2_000;

/// The server's memory is settled when it grew by less than `SETTLED_BYTES` in so long, ...
pub const SETTLE_STEP: Duration = Duration::from_millis(200);

/// ... three times in a row, ...
pub const SETTLE_STEPS: u32 = 3;

/// ... (two huge pages would be noise of their own, so: less than one)
pub const SETTLED_BYTES: u64 = 1 << 20;

/// ... and it is taken as it is after this.
pub const SETTLE_MAX: Duration = Duration::from_secs(5);

/// Head start of a phase, so that every process has heard of it when it begins.
pub const PHASE_LEAD: Duration = Duration::from_millis(20);

/// Connections started before other tasks of the core run: a late ramp must not starve those already connected.
pub const STARTS_PER_TURN: u64 = 64;

/// Ranges of missing publications remembered for one connection. Beyond it the oldest range counts as lost for good.
pub const GAPS_MAX: usize = 256;

/// Different reasons of failure that are told apart; more are counted together. Stops: a server that puts a number of
/// its own into every refusal.
pub const REASONS_MAX: usize = 64;

/// Bytes of a reason; longer ones are cut.
pub const REASON_BYTES_MAX: usize = 120;

/// The longest latency that is told apart from longer ones.
pub const LATENCY_MAX: Duration = Duration::from_secs(3_600);

/// Significant decimal digits of latencies (HDR); three take about 300 KiB a lane.
pub const LATENCY_DIGITS: u8 = 3;

/// Source addresses used at most: enough for 49 million connections.
pub const SOURCES_MAX: usize = 4_096;
