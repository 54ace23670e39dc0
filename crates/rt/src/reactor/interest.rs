//! What a handler wants to be called for, and what it is called with.

use std::ops::BitOr;

use rustix::event::epoll::EventFlags;

/// What a descriptor is watched for. Failures and the peer's end are always told.
///
/// Level triggered unless [`edge`](Interest::edge) is asked for: the handler is called again as long as it is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Interest {
    read: bool,
    write: bool,
    edge: bool,
}

impl Interest {
    /// There is something to read, or to accept.
    pub const READ: Interest = Interest { read: true, write: false, edge: false };
    /// There is room to write, or a connect is over.
    pub const WRITE: Interest = Interest { read: false, write: true, edge: false };
    /// Failures only: for who rests.
    pub const NOTHING: Interest = Interest { read: false, write: false, edge: false };

    /// Called when it becomes so, and not again while it stays so: the handler reads or writes until it would block (epoll(7)).
    pub const fn edge(self) -> Interest {
        Interest { edge: true, ..self }
    }

    pub(super) fn to_flags(self) -> EventFlags {
        let mut flags = EventFlags::empty();
        flags.set(EventFlags::IN | EventFlags::RDHUP, self.read);
        flags.set(EventFlags::OUT, self.write);
        flags.set(EventFlags::ET, self.edge);
        flags
    }
}

impl BitOr for Interest {
    type Output = Interest;

    /// Both; at the edge if one is.
    fn bitor(self, other: Interest) -> Interest {
        Interest { read: self.read | other.read, write: self.write | other.write, edge: self.edge | other.edge }
    }
}

/// What a descriptor is ready for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ready {
    /// Reading does not block; it may fail, or find the end.
    pub readable: bool,
    /// Writing does not block; it may fail.
    pub writable: bool,
    /// The peer has ended its direction or is gone, or the descriptor has failed: reading or writing tells.
    pub ended: bool,
}

impl Ready {
    pub(super) fn from_flags(flags: EventFlags) -> Ready {
        let failed = flags.intersects(EventFlags::ERR | EventFlags::HUP);
        Ready {
            readable: failed || flags.intersects(EventFlags::IN | EventFlags::RDHUP),
            writable: failed || flags.contains(EventFlags::OUT),
            ended: failed || flags.contains(EventFlags::RDHUP),
        }
    }
}
