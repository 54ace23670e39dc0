//! One end of a simulated connection, and the events that travel between two ends.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::net::SocketAddr;

use crore_base::time::{Duration, Instant};

use crate::driver::ConnectionId;

/// How far an end has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    Connecting,
    Refused,
    Established,
    /// Closed by its owner: nothing is delivered any more.
    Closed,
}

/// One end of a link.
pub(super) struct End {
    pub(super) peer: u32,
    pub(super) stage: Stage,
    /// The core and slot that own it, once somebody does.
    pub(super) owner: Option<(usize, ConnectionId)>,
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    /// Delivered and not yet received.
    pub(super) inbox: VecDeque<u8>,
    /// Bytes sent to this end and not yet received by its owner: the window.
    pub(super) window_used: usize,
    /// The peer's direction has ended, after what is in the inbox.
    pub(super) ended: bool,
    pub(super) reset: bool,
    /// Our own direction has ended.
    pub(super) finished: bool,
    /// Nothing sent to this end arrives before this: segments never overtake each other.
    pub(super) not_before: Instant,
    /// The link is dead: nothing arrives, and nobody is told.
    pub(super) vanished: bool,
    /// Keep-alive gives a silent peer up after this long; none: never.
    pub(super) patience: Option<Duration>,
}

impl End {
    pub(super) fn new(peer: u32, local: SocketAddr, remote: SocketAddr) -> End {
        End {
            peer,
            stage: Stage::Connecting,
            owner: None,
            local,
            remote,
            inbox: VecDeque::new(),
            window_used: 0,
            ended: false,
            reset: false,
            finished: false,
            not_before: Instant::ZERO,
            vanished: false,
            patience: None,
        }
    }
}

/// What arrives at an end.
#[derive(Debug)]
pub(super) enum Arrival {
    /// Somebody wants to connect to the address of this end.
    Syn,
    /// The connect succeeded.
    Established,
    Refused,
    Bytes(Vec<u8>),
    /// The peer's direction has ended.
    Fin,
    Reset,
    /// Nothing arrives: this end gives the peer up by itself.
    GivenUp,
    /// The peer has received something: there is room again.
    Room,
}

/// Something on its way.
pub(super) struct Flight {
    pub(super) at: Instant,
    /// Keeps the order of what is due at the same moment.
    pub(super) number: u64,
    pub(super) to: u32,
    pub(super) arrival: Arrival,
}

impl PartialEq for Flight {
    fn eq(&self, other: &Flight) -> bool {
        (self.at, self.number) == (other.at, other.number)
    }
}

impl Eq for Flight {}

impl PartialOrd for Flight {
    fn partial_cmp(&self, other: &Flight) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Flight {
    /// The earliest is the greatest, so that a max-heap gives it first.
    fn cmp(&self, other: &Flight) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}
