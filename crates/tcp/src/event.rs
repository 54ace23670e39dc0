//! What the engine tells the application.

use std::ops::{BitOr, BitOrAssign};

use crore_base::slab::Handle;
use zerocopy::FromZeros;

use crate::counter::Counter;

/// The name of a connection. It goes stale when the connection is given up, and a stale one finds nothing.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub struct ConnId(pub(crate) Handle);

impl ConnId {
    /// The connection's slot: unique among the connections that exist at one time, small, dense.
    pub fn index(self) -> u32 {
        self.0.index()
    }

    /// The name as a handle, for who keeps connections of several kinds under one type.
    pub fn to_handle(self) -> Handle {
        self.0
    }

    /// The name that [`to_handle`](Self::to_handle) gave. A stranger's handle is safe: it finds nothing, or a connection that
    /// exists.
    pub fn from_handle(handle: Handle) -> Self {
        Self(handle)
    }
}

/// The name of a listener. It goes stale when the listener is closed.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub struct ListenerId {
    pub(crate) index: u16,
    pub(crate) generation: u16,
}

/// Something happened. Events of one connection that nobody has polled yet are merged into one.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// A listener has connections to accept; take them until there is none.
    Acceptable(ListenerId),
    /// Something happened to a connection.
    Connection {
        /// Which one.
        conn: ConnId,
        /// What the application called it.
        token: u32,
        /// What happened.
        ready: Ready,
        /// Why it is closed, with [`Ready::CLOSED`]; what the network said, with [`Ready::SOFT_ERROR`].
        reason: Option<CloseReason>,
    },
}

/// A set of things that happened to a connection.
#[derive(Copy, Clone, PartialEq, Eq, Default, FromZeros)]
#[repr(transparent)]
pub struct Ready(pub(crate) u8);

impl Ready {
    /// An active open succeeded.
    pub const OPENED: Self = Self(1);
    /// Bytes to receive. Told once; take them until there are none.
    pub const READABLE: Self = Self(2);
    /// The send queue has room again, after a send was refused for want of it.
    pub const WRITABLE: Self = Self(4);
    /// The peer has sent all it has to send; what it sent before can still be received.
    pub const FINISHED: Self = Self(8);
    /// The peer sent urgent data (RFC 9293 section 3.8.5); see `Engine::urgent`.
    pub const URGENT: Self = Self(16);
    /// The network reported trouble that may pass (RFC 9293 MUST-47, MUST-56).
    pub const SOFT_ERROR: Self = Self(32);
    /// The connection exists no more. Close it to give its name back.
    pub const CLOSED: Self = Self(64);
    /// Retransmissions passed the first threshold; the peer may be gone (RFC 9293 MUST-20, R1).
    pub const FALTERING: Self = Self(128);

    /// Whether all of `other` is in this set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether nothing is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl BitOr for Ready {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Ready {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl std::fmt::Debug for Ready {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const NAMES: [&str; 8] =
            ["OPENED", "READABLE", "WRITABLE", "FINISHED", "URGENT", "SOFT_ERROR", "CLOSED", "FALTERING"];
        let names = NAMES.iter().enumerate().filter(|(bit, _)| self.0 & (1 << bit) != 0);
        f.debug_set().entries(names.map(|(_, name)| name)).finish()
    }
}

/// Why a connection exists no more (RFC 9293 MUST-12 wants a reset told apart from an orderly close).
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum CloseReason {
    /// Both sides finished, and all was acknowledged.
    InOrder = 1,
    /// The peer refused the connection.
    Refused,
    /// The peer reset the connection.
    Reset,
    /// The peer did not acknowledge for the user timeout.
    TimedOut,
    /// The peer answered no keep-alive probe.
    KeepAlive,
    /// Nobody on the link answers for the address, or there is no route to it.
    Unreachable,
    /// The application aborted it.
    Aborted,
}

impl CloseReason {
    /// The counter of this reason.
    pub const fn counter(self) -> Counter {
        match self {
            Self::InOrder => Counter::ClosedInOrder,
            Self::Refused => Counter::ClosedRefused,
            Self::Reset => Counter::ClosedReset,
            Self::TimedOut => Counter::ClosedTimeout,
            Self::KeepAlive => Counter::ClosedKeepAlive,
            Self::Unreachable => Counter::ClosedUnreachable,
            Self::Aborted => Counter::ClosedAborted,
        }
    }

    pub(crate) const fn from_byte(byte: u8) -> Option<Self> {
        const ALL: [CloseReason; 7] = [
            CloseReason::InOrder,
            CloseReason::Refused,
            CloseReason::Reset,
            CloseReason::TimedOut,
            CloseReason::KeepAlive,
            CloseReason::Unreachable,
            CloseReason::Aborted,
        ];
        match byte {
            1..=7 => Some(ALL[byte as usize - 1]),
            _ => None,
        }
    }
}
