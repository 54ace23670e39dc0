//! Every bound of the load generator, with its unit in the name and the reason beside it.

use crore_base::time::Duration;

/// Connections from one source address before another is used: beyond about half of the port range the kernel's search
/// for a free port takes seconds a thousand.
pub const CONNECTIONS_PER_SOURCE: u64 = 12_000;

/// As [`CONNECTIONS_PER_SOURCE`], where our own TCP/IP chooses the ports: as many as are found without a long search.
pub const CONNECTIONS_PER_OWN_SOURCE: u64 = 50_000;

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

/// Members of one group channel of `c10m`: its pushes are a walk of some thousand, as in chat rooms and tickers.
pub const GROUP_MEMBERS: u32 = 1_000;

/// Connections of the swarm that are being opened at one time: enough to keep both ends busy, few enough that queues of
/// half-open connections stay short.
pub const SWARM_WINDOW: u32 = 1_024;

/// Connections of the swarm at most: the runtime's slots of one core, with room for those that request.
pub const SWARM_CONNECTIONS_MAX: u64 = (1 << 24) - SWARM_REQUESTERS as u64;

/// Keep-alive connections that request during the steady phase.
pub const SWARM_REQUESTERS: u32 = 1_000;

/// From the start of a connect of the swarm to the reply of its last subscription. Beyond it the connection has failed.
pub const SWARM_OPEN_DEADLINE: Duration = Duration::from_secs(30);

/// How often connections that take too long to open are looked for.
pub const SWARM_SWEEP: Duration = Duration::from_secs(1);

/// A phase of the swarm is given up when nothing has moved for so long: longer than any pause of a busy machine.
pub const SWARM_QUIET: Duration = Duration::from_secs(15);

/// How often a phase looks whether it is done.
pub const SWARM_STEP: Duration = Duration::from_millis(5);

/// Publications of a channel whose bytes are kept for comparing; later ones are parsed by each client. Stops: somebody who
/// publishes to the channels of a run faster than they are delivered.
pub const RECENT_PUBLICATIONS_MAX: usize = 64;

/// Bytes of a frame that the swarm takes: many times its own publications, and a recovery of several.
pub const SWARM_FRAME_BYTES_MAX: usize = 64 << 10;

/// Bytes of the answer to an upgrade.
pub const SWARM_UPGRADE_BYTES_MAX: usize = 4 << 10;

/// How far an offset may be ahead of what was seen of its channel. Stops: a server that counts in leaps, for each of which
/// an entry would be made.
pub const OFFSET_LEAP_MAX: u32 = 1 << 16;

/// Clients with a gap whose missing publications are remembered; what further ones skip is lost for good.
pub const GAPPED_CLIENTS_MAX: usize = 1 << 16;

/// Requests of the verify phase under way at one time.
pub const VERIFY_WINDOW: u64 = 1_024;

/// One of so many clients is verified by a round trip.
pub const VERIFIED_ONE_OF: u32 = 100;

/// One of so many clients vanishes and comes back.
pub const LEAVING_ONE_OF: u32 = 10;

/// Clients told to vanish before other tasks run.
pub const LEAVES_PER_TURN: usize = 256;

/// Publications to the channel of all while some are away.
pub const MISSED_PUBLICATIONS: u32 = 3;

/// Groups that are published to while some are away; at most, since the others only repeat them.
pub const MISSED_GROUPS_MAX: u32 = 100;

/// Bytes of the broadcast's data.
pub const BROADCAST_BYTES: usize = 128;

/// Bytes that each client gets in a minute of the steady phase unless told otherwise, as in published runs with 10 and 12
/// million clients; in one publication.
pub const STEADY_BYTES: usize = 512;

/// How long the steady phase lasts when nothing was said.
pub const STEADY_DEFAULT: Duration = Duration::from_secs(60);

/// How long one phase of the whole test may be.
pub const PHASE_MAX: Duration = Duration::from_secs(24 * 3_600);

/// Publications kept for each channel of the test: what is published while clients are away, and some of others.
pub const HISTORY_PUBLICATIONS: u32 = 16;

/// Clients that a drain of the test sends away in a second.
pub const DRAIN_PER_SECOND: u64 = 200_000;

/// How long a child may take from its start until it says that it is ready.
pub const START_DEADLINE: Duration = Duration::from_secs(60);

/// How long a child may take to end after it was told, beyond its own drain; then it is killed.
pub const STOP_DEADLINE: Duration = Duration::from_secs(20);

/// How often the memory of both processes is read.
pub const MEMORY_STEP: Duration = Duration::from_millis(250);

/// How long an answer of the API may take: on one core it waits behind a walk of ten million.
pub const API_DEADLINE: Duration = Duration::from_secs(120);

/// Lines of a child's log that are quoted when it ends before its time.
pub const LOG_LINES_QUOTED: usize = 12;
