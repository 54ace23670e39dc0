//! Every bound of the gateway that is not a setting, with its reason.

use crore_base::time::Duration;

/// Messages in a ring between two cores, of each lane. What does not fit waits in the hub's outboxes.
pub(crate) const RING_MESSAGES: usize = 1024;

/// Deliveries in one slice of a walk: about a millisecond of writes, so that requests are answered in between.
pub(crate) const WALK_DELIVERIES: usize = 512;

/// How long a walk rests when the network is behind: a tick of the timers.
pub(crate) const WALK_PAUSE: Duration = Duration::from_millis(1);

/// Messages taken from the rings of one lane before events and walks have their turn.
pub(crate) const RING_BATCH: usize = 256;

/// Bytes of one message of a client (section 16 of the protocol). Stops: clients that make the server hold their data.
pub(crate) const MESSAGE_BYTES: u32 = 64 * 1024;

/// Commands in one message. Stops: a 64 KiB message of 20,000 empty commands.
pub(crate) const COMMANDS_PER_MESSAGE: usize = 512;

/// Bytes of the body of an API request. Stops: a request that fills memory. Broadcasts to many channels fit.
pub(crate) const API_BODY_BYTES: u64 = 4 << 20;

/// Bytes of a publication's data.
pub(crate) const PUBLICATION_BYTES: usize = 1 << 20;

/// How deep the JSON of a publication may be nested. Stops: one publisher that makes every subscriber's parser overflow.
pub(crate) const PUBLICATION_DEPTH: usize = 128;

/// Below so many clients on a core memory is not worth giving back.
pub(crate) const EBB_CLIENTS: u64 = 4096;

/// Channels of one `broadcast`.
pub(crate) const BROADCAST_CHANNELS: usize = 10_000;

/// How long a client may take from the upgrade to `connect` (section 3 of the protocol).
pub(crate) const STALE_CONNECT: Duration = Duration::from_secs(10);

/// How long we wait for the peer's close frame after ours (section 10 of the protocol).
pub(crate) const CLOSE_WAIT: Duration = Duration::from_secs(5);

/// A long poll waits this long unless it says otherwise ...
pub(crate) const POLL_DEFAULT: Duration = Duration::from_secs(25);

/// ... and at most this long. Stops: requests parked for ever behind proxies that have forgotten them.
pub(crate) const POLL_MAX: Duration = Duration::from_secs(300);

/// Silence after which the kernel asks a peer whether it is still there.
pub(crate) const TCP_KEEP_ALIVE_IDLE: Duration = Duration::from_secs(60);
/// Time between its questions.
pub(crate) const TCP_KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(10);
/// Questions without an answer before it gives up.
pub(crate) const TCP_KEEP_ALIVE_PROBES: u32 = 3;
/// How long sent bytes may stay unacknowledged before the kernel gives the connection up (RFC 5482).
pub(crate) const TCP_USER_TIMEOUT: Duration = Duration::from_secs(90);

/// The shortest and the longest grain of pings; an interval has 64 grains in between.
pub(crate) const PING_GRAIN_MIN: Duration = Duration::from_millis(10);
/// See above.
pub(crate) const PING_GRAIN_MAX: Duration = Duration::from_millis(250);

/// How long a start waits for a port that is taken: much longer than the sockets of a killed process live on in the kernel.
pub(crate) const PORT_FREED_WITHIN: Duration = Duration::from_millis(500);

/// How often it looks meanwhile.
pub(crate) const PORT_TRIED_EVERY: Duration = Duration::from_millis(10);
