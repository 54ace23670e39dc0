//! What was written, read and ended, on every side of every connection; and what must hold between the two sides of one.
//!
//! A side is one end as an application sees it. Which side is at the other end is told by the stream itself, whose first
//! bytes name their writer. What an engine says of a connection's end must have a cause on the other side.

mod cause;

use std::collections::HashMap;
use std::net::SocketAddr;

use crore_base::time::Instant;
use crore_tcp::CloseReason;

use crate::Check;
use crate::stream::{self, Reader};

/// The number of a side.
pub(crate) type SideId = u32;

/// How a side came to its end.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Gone {
    /// The application closed it, having read all that had come or not.
    Closed {
        /// Something had come that was not read.
        unread: bool,
    },
    /// The application aborted it.
    Aborted,
    /// The engine ended it.
    Ended(CloseReason),
    /// Its host started anew.
    Forgotten,
}

/// One end of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Side {
    pub(crate) host: usize,
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    pub(crate) active: bool,
    /// Made after everything had healed: nothing may go wrong.
    pub(crate) fresh: bool,
    pub(crate) created: Instant,
    pub(crate) opened: bool,
    /// Bytes that the engine took.
    pub(crate) written: u64,
    /// All has been written that ever will be, and the peer is to be told.
    pub(crate) shut: bool,
    pub(crate) reader: Reader,
    /// The engine said that the peer has finished.
    pub(crate) finish_told: bool,
    /// And all before it was read.
    pub(crate) finished: bool,
    pub(crate) gone: Option<Gone>,
    /// When it last did something that counts.
    pub(crate) moved: Instant,
}

/// What a world allows to end a connection besides its two applications.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct Allowed {
    /// Patience may end while faults last, or time steps over it.
    pub(crate) time_out: bool,
    /// What an application has closed may be given up before it is finished.
    pub(crate) orphans_end: bool,
    /// Questions for a neighbour may be lost.
    pub(crate) unreachable: bool,
    /// A server may answer with cookies.
    pub(crate) cookies: bool,
    /// A server may know nothing of a connection that its client believes in.
    pub(crate) half_dead: bool,
    /// Records that finish a connection may be gone before their time.
    pub(crate) short_memory: bool,
}

/// Every side there ever was.
#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) sides: Vec<Side>,
    /// Sides by both ends, the oldest first.
    by_ends: HashMap<(SocketAddr, SocketAddr), Vec<SideId>>,
    /// When each host started anew last.
    pub(crate) restarted: HashMap<usize, Instant>,
    pub(crate) allowed: Allowed,
    /// Streams that continued as another's.
    pub(crate) mixed: u64,
    /// Bytes that were read.
    pub(crate) delivered: u64,
    /// Ends by reason, to see that there are some.
    pub(crate) ends: [u64; 8],
}

impl Ledger {
    pub(crate) fn new(allowed: Allowed) -> Self {
        Self { allowed, ..Self::default() }
    }

    pub(crate) fn open(&mut self, now: Instant, host: usize, ends: (SocketAddr, SocketAddr), active: bool) -> SideId {
        let id = self.sides.len() as SideId;
        self.sides.push(Side {
            host,
            local: ends.0,
            remote: ends.1,
            active,
            fresh: false,
            created: now,
            opened: !active,
            written: 0,
            shut: false,
            reader: Reader::default(),
            finish_told: false,
            finished: false,
            gone: None,
            moved: now,
        });
        self.by_ends.entry(ends).or_default().push(id);
        id
    }

    pub(crate) fn side(&mut self, id: SideId) -> &mut Side {
        &mut self.sides[id as usize]
    }

    /// Who is at the other end: who the stream says, or who alone can be.
    pub(crate) fn peer_of(&self, id: SideId) -> Option<SideId> {
        let side = &self.sides[id as usize];
        if let Some(writer) = side.reader.writer {
            return Some(writer);
        }
        let others = self.others(id);
        // Somebody who has read from this side is its peer; else the one that is left over.
        let reads_us = others.iter().copied().find(|&other| self.sides[other as usize].reader.writer == Some(id));
        reads_us.or_else(|| {
            let free = |&other: &SideId| self.sides[other as usize].reader.writer.is_none();
            others.iter().copied().rfind(free)
        })
    }

    fn others(&self, id: SideId) -> &[SideId] {
        let side = &self.sides[id as usize];
        self.by_ends.get(&(side.remote, side.local)).map_or(&[], Vec::as_slice)
    }

    /// Bytes came out of the engine for this side.
    pub(crate) fn read(&mut self, now: Instant, id: SideId, bytes: &[u8]) -> Check {
        let side = &mut self.sides[id as usize];
        if bytes.is_empty() {
            return Err(format!("side {id} was lent no bytes at all"));
        }
        if side.finished {
            return Err(format!("side {id} was given {} bytes after the end of the stream", bytes.len()));
        }
        if let Some(gone) = side.gone
            && gone != Gone::Ended(CloseReason::InOrder)
        {
            return Err(format!("side {id} was given bytes after its end: {gone:?}"));
        }
        let before = side.reader.writer;
        side.moved = now;
        if let Err(stray) = side.reader.take(bytes) {
            let rest = &bytes[stray.place..];
            if !self.is_of_a_second_coming(id, rest) {
                return Err(format!("side {id}: {}", stray.what));
            }
            self.mixed += 1;
            let reader = &mut self.side(id).reader;
            (reader.is_mixed, reader.received) = (true, reader.received + rest.len() as u64);
        }
        let side = &self.sides[id as usize];
        self.delivered += bytes.len() as u64;
        let (received, writer) = (side.reader.received, side.reader.writer);
        let Some(writer) = writer.filter(|_| !side.reader.is_mixed) else { return Ok(()) };
        if before.is_none() {
            self.check_pair(id, writer)?;
        }
        let written = self.sides[writer as usize].written;
        if received > written {
            return Err(format!("side {id} was given {received} bytes of {written} that side {writer} wrote"));
        }
        Ok(())
    }

    /// A server that remembers nothing can take an old handshake for a new one when it has given up the first connection, and
    /// both begin with the same cookie. If the client has not heard that the first one is gone, it takes the bytes of the
    /// second for more of the first: a danger of all SYN cookies, and of nothing else.
    fn is_of_a_second_coming(&self, id: SideId, bytes: &[u8]) -> bool {
        let side = &self.sides[id as usize];
        let first_is_gone = side.reader.writer.is_some_and(|writer| self.sides[writer as usize].gone.is_some());
        let position = side.reader.received;
        let others = self.others(id).iter();
        let mut seconds = others.filter(|&&other| {
            let one_is_gone = first_is_gone || self.sides[other as usize].gone.is_some();
            one_is_gone && Some(other) != side.reader.writer && stream::is_of(other, position, bytes)
        });
        self.allowed.cookies && side.active && seconds.next().is_some()
    }

    /// A stream has told who writes it: it must be the other end, and nobody else's.
    fn check_pair(&self, id: SideId, writer: SideId) -> Check {
        let reader = &self.sides[id as usize];
        let Some(side) = self.sides.get(writer as usize) else {
            return Err(format!("side {id} reads from side {writer}, which does not exist"));
        };
        if (side.local, side.remote) != (reader.remote, reader.local) {
            return Err(format!(
                "side {id} ({} from {}) reads from side {writer} ({} to {})",
                reader.local, reader.remote, side.local, side.remote
            ));
        }
        let readers = self.others(writer).iter();
        let mut others =
            readers.filter(|&&other| other != id && self.sides[other as usize].reader.writer == Some(writer));
        // A cookie that comes back twice makes two connections, the second when nothing is known of the first any more: the
        // price of remembering nothing (RFC 4987 section 3.6).
        let again = |other: &Side| self.allowed.cookies && other.gone.is_some();
        let twice = others.any(|&other| !again(&self.sides[other as usize]));
        if twice { Err(format!("side {writer} is read by two sides")) } else { Ok(()) }
    }

    /// The engine said that the peer has finished.
    pub(crate) fn finish_told(&mut self, id: SideId) -> Check {
        let side = self.side(id);
        let again = std::mem::replace(&mut side.finish_told, true);
        if again { Err(format!("side {id} was told twice that its peer has finished")) } else { Ok(()) }
    }

    /// All was read after the peer had finished: it must be all there is.
    pub(crate) fn finished(&mut self, now: Instant, id: SideId) -> Check {
        let side = &self.sides[id as usize];
        assert!(side.finish_told && !side.finished, "a stream ends once, when told");
        let received = side.reader.received;
        let wrote_that = |other: SideId| {
            let other = &self.sides[other as usize];
            other.shut && other.written == received
        };
        let known = side.reader.writer.map(wrote_that);
        if !side.reader.is_mixed && !known.unwrap_or_else(|| self.others(id).iter().any(|&other| wrote_that(other))) {
            let peer = self.peer_of(id).map(|peer| self.tell(peer));
            return Err(format!(
                "side {id} was told of the end of its stream after {received} bytes; its peer: {peer:?}"
            ));
        }
        let side = self.side(id);
        (side.finished, side.moved) = (true, now);
        Ok(())
    }

    /// The engine said that a connection has ended.
    pub(crate) fn ended(&mut self, now: Instant, id: SideId, reason: CloseReason) -> Check {
        self.ends[reason as usize] += 1;
        let explained = self.explain(id, reason);
        let text = self.tell(id);
        let side = self.side(id);
        (side.gone, side.moved) = (Some(Gone::Ended(reason)), now);
        explained.map_err(|why| format!("{text} ended by {reason:?}: {why}"))
    }

    /// Whether all that this side has written was read, or never will be.
    pub(crate) fn is_carried(&self, id: SideId) -> bool {
        let side = &self.sides[id as usize];
        let Some(peer) = self.peer_of(id) else { return side.written == 0 || self.peer_restarted(id) };
        let other = &self.sides[peer as usize];
        other.gone.is_some() || side.gone.is_some() || other.reader.received == side.written
    }

    /// A side in words.
    pub(crate) fn tell(&self, id: SideId) -> String {
        let side = &self.sides[id as usize];
        format!(
            "side {id} (host {}, {} to {}, {}{} written {}{} received {}{}{}{})",
            side.host,
            side.local,
            side.remote,
            if side.active { "active," } else { "passive," },
            if side.opened { "" } else { " not open," },
            side.written,
            if side.shut { " and shut," } else { "," },
            side.reader.received,
            if side.finish_told { ", told of the end" } else { "" },
            if side.finished { " and there" } else { "" },
            side.gone.map_or(String::new(), |gone| format!(", gone: {gone:?}")),
        )
    }
}
