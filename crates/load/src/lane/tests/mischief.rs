//! What a test's server is told to do wrong, and to whom.

use crore_base::time::Duration;
use crore_rt::net::StreamId;

/// Pairs are (subscriber, publication), subscribers counted from 0 and publications from 1.
#[derive(Default, Clone)]
pub(super) struct Mischief {
    pub(super) lose: Vec<(usize, u64)>,
    pub(super) repeat: Vec<(usize, u64)>,
    /// Held back until the next one was sent.
    pub(super) swap: Vec<(usize, u64)>,
    pub(super) cut: Vec<(usize, u64)>,
    pub(super) no_log: bool,
    pub(super) refuse_upgrade: bool,
    pub(super) refuse_subscribe: bool,
    pub(super) refuse_publish: bool,
    /// Never answers commands.
    pub(super) silent: bool,
    /// Sends each subscriber one ping of each kind.
    pub(super) pings: bool,
    /// How long the first plain request waits for its answer.
    pub(super) stall: Option<Duration>,
}

/// Somebody who is pushed to.
pub(super) struct Subscriber {
    pub(super) stream: StreamId,
    pub(super) is_socket: bool,
    pub(super) held_back: Option<Vec<u8>>,
}
