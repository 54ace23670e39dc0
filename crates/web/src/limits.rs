//! Every bound of the server and its client: unit in the name, and the attack or mistake that it stops.

use std::time::{SystemTime, UNIX_EPOCH};

use crore_base::time::Duration;
use crore_http::Limits;

/// Bytes of a response's body that are copied behind its head, so that both leave in one piece; longer ones are sent
/// from where they are.
pub(crate) const BODY_COPIED_BYTES_MAX: usize = 8 * 1024;

/// Bytes of a file that is read and sent as a whole, in one hop to the pool; longer ones go out in slices.
pub(crate) const FILE_WHOLE_BYTES_MAX: u64 = 64 * 1024;

/// Bytes of a file that are read at a time. Two slices of each file under way are in memory.
pub(crate) const FILE_SLICE_BYTES: usize = 128 * 1024;

/// Bytes of responses to pipelined requests that are gathered before they are enqueued.
pub(crate) const GATHERED_BYTES_MAX: usize = 16 * 1024;

/// Capacity of a core's buffer for gathered responses that is kept for the next connection.
pub(crate) const OUTPUT_KEPT_BYTES_MAX: usize = 64 * 1024;

/// Bytes read and dropped after the last response, so that the peer can read it before a reset overtakes it
/// (RFC 9112, section 9.6).
pub(crate) const LINGER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Time that a WebSocket waits for its peer to close, after it was told that it broke a rule or that the conversation is over.
/// Stops: a peer that holds a connection by never answering a goodbye.
pub(crate) const WEBSOCKET_LINGER: Duration = Duration::from_secs(2);

/// Tokens that an accept rate saves up, in milliseconds of its rate: short storms pass, long ones are spread.
pub(crate) const ACCEPT_BURST_MS: u64 = 100;

/// Bytes of a request's body from which on the client asks first (`Expect: 100-continue`): what curl does. Below, a refused body
/// costs less than asking.
pub(crate) const EXPECT_BYTES_MIN: u64 = 1 << 20;

/// Bytes of a request's body that are given to the send queue at a time: several fit it, so that it never runs dry.
pub(crate) const UPLOAD_PIECE_BYTES: usize = 64 * 1024;

/// Bytes of a redirect's body that are read for the sake of its connection; a longer one is cheaper to leave.
pub(crate) const REDIRECT_BODY_BYTES_MAX: usize = 64 * 1024;

/// Bytes of a URL. Stops: a `Location` that no server would take as a target.
pub(crate) const URL_BYTES_MAX: usize = 8 * 1024;

/// What a server allows its peers. Deadlines are absolute: sending a byte now and then does not extend them.
#[derive(Clone, Copy, Debug)]
pub struct ServerOptions {
    /// Bounds of heads and, for routes that say nothing else, of bodies.
    pub http: Limits,
    /// Time for a head: from accepting a connection for its first, from its first byte for the others; default 10 s.
    /// Stops: slow heads (slowloris), connections that never ask.
    pub head_timeout: Duration,
    /// Time for a body, from the end of its head, beside the time that its bytes may take at the slowest rate; default 30 s.
    /// Stops: slow bodies.
    pub body_timeout: Duration,
    /// The slowest rate at which a body may come; default 16 KiB a second. So a large upload has time in proportion to what has come
    /// of it. Stops: bodies that are sent a byte now and then.
    pub body_bytes_per_second_min: u32,
    /// Time that a connection may wait for the next request; default 75 s.
    pub idle_timeout: Duration,
    /// Time for the peer to take what was sent when its queue is full; then the connection is reset; default 30 s.
    /// Stops: slow readers.
    pub write_timeout: Duration,
    /// Time for the peer to close after the last response; default 2 s.
    pub linger_timeout: Duration,
    /// Bytes of responses that may wait for the peer to read them before the next request is served; default 256 KiB.
    pub send_queue_bytes: u32,
    /// New connections taken each second; none, the default: all. Those above it wait in the kernel's backlog. Stops: a
    /// stampede of reconnects starving those already connected.
    pub accepts_per_second: Option<u32>,
    /// Seconds since 1970, for `Date`; none: no `Date`. The default asks the system.
    pub wall_clock: Option<fn() -> u64>,
}

impl Default for ServerOptions {
    fn default() -> Self {
        ServerOptions {
            http: Limits::default(),
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            body_bytes_per_second_min: 16 * 1024,
            idle_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(30),
            linger_timeout: Duration::from_secs(2),
            send_queue_bytes: 256 * 1024,
            accepts_per_second: None,
            wall_clock: Some(system_seconds),
        }
    }
}

/// Zero before 1970, which a clock that was never set may claim.
fn system_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
