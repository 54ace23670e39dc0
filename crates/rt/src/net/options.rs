//! What may be asked of listeners and streams, and how sending fails.

use std::fmt;
use std::net::IpAddr;

use crore_base::time::{Duration, Instant};

use super::Accept;
use crate::limits::{BACKLOG, SEND_QUEUE_BYTES};

/// How to listen.
#[derive(Debug, Clone)]
pub struct ListenOptions {
    /// Lets every worker have a listener of its own on the same address (`SO_REUSEPORT`): the kernel spreads connections
    /// over them. On by default. It means something with [`Accept::PerWorker`] only.
    pub shared_port: bool,
    /// How the cores share what comes to the address; [`Accept::PerWorker`] by default.
    pub accept: Accept,
    /// Connections the kernel completes before they are accepted. It takes the smaller of this and
    /// `net.core.somaxconn`; 65,535 by default.
    pub backlog: i32,
    /// Settings of every connection that is accepted here, from its first byte on. Cheaper than [`set`] on each: what the kernel
    /// carries inherits them from the listener without a system call (tcp(7)).
    ///
    /// [`set`]: crate::net::TcpStream::set
    pub accepted: Vec<StreamOption>,
}

impl ListenOptions {
    /// Bytes that may wait in the send queue of an accepted connection.
    pub(crate) fn send_limit(&self) -> u32 {
        let limit =
            |option: &StreamOption| if let StreamOption::SendLimit(bytes) = option { Some(*bytes) } else { None };
        self.accepted.iter().rev().find_map(limit).unwrap_or(SEND_QUEUE_BYTES)
    }
}

impl Default for ListenOptions {
    fn default() -> ListenOptions {
        ListenOptions { shared_port: true, accept: Accept::default(), backlog: BACKLOG, accepted: Vec::new() }
    }
}

/// How to connect.
#[derive(Debug, Clone, Default)]
pub struct ConnectOptions {
    /// The local address to connect from; the system's choice by default. The port is always the system's choice.
    pub source: Option<IpAddr>,
    /// When to give up with [`std::io::ErrorKind::TimedOut`]; by default when the kernel does (two minutes and more).
    pub deadline: Option<Instant>,
}

/// When and how often to ask a silent peer whether it is still there (RFC 9293, section 3.8.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepAlive {
    /// Silence before the first probe, whole seconds, 1 s to 32,767 s.
    pub idle: Duration,
    /// Time between probes, whole seconds, 1 s to 32,767 s.
    pub interval: Duration,
    /// Unanswered probes after which the connection is dead, 1 to 127.
    pub probes: u32,
}

/// One setting of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamOption {
    /// Send small segments at once (on unless switched off) instead of gathering them (Nagle, RFC 896).
    NoDelay(bool),
    /// How long closing waits for unsent bytes; zero: reset at once; none: in the background.
    Linger(Option<Duration>),
    /// Probe a silent peer; none: do not (the default).
    KeepAlive(Option<KeepAlive>),
    /// How long sent bytes may stay unacknowledged before the connection is dead (RFC 5482); none: the kernel's rule.
    UserTimeout(Option<Duration>),
    /// Bytes that may wait in the send queue; 1 MiB unless set.
    SendLimit(u32),
}

/// Why a payload was not enqueued. It is then not sent at all, not even in part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendError {
    /// The send queue has no room: wait for [`sendable`](crate::net::TcpStream::sendable), or let the peer go.
    Full {
        /// Bytes that wait.
        queued: u32,
        /// Bytes that may wait.
        limit: u32,
    },
    /// The connection is closed, or our direction of it.
    Closed,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendError::Full { queued, limit } => {
                write!(f, "the send queue is full: {queued} of {limit} bytes wait for the peer to read")
            }
            SendError::Closed => f.write_str("the connection is closed"),
        }
    }
}

impl std::error::Error for SendError {}

impl From<SendError> for std::io::Error {
    fn from(error: SendError) -> std::io::Error {
        let kind = match error {
            SendError::Full { .. } => std::io::ErrorKind::WouldBlock,
            SendError::Closed => std::io::ErrorKind::BrokenPipe,
        };
        std::io::Error::new(kind, error)
    }
}
