//! Bytes in and out of a connection, for the application. (RFC 9293 section 3.9.1.)

use std::fmt;

use crore_base::payload::Payload;

use crate::chunk::Chunk;
use crate::conn::Conn;
use crate::engine::Engine;
use crate::event::ConnId;
use crate::limits::SEND_QUEUE_PAYLOADS_MAX;
use crate::reassembly::Chunk as _;
use crate::tcb::{Flags, State};

/// Why bytes were not queued.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum SendError {
    /// The name is stale, the connection has ended, or its sending side was shut down.
    Closed,
    /// The send queue has no room for all of it now. [`Ready::WRITABLE`](crate::event::Ready::WRITABLE) tells when it has.
    Full,
    /// Every cold part is in use by other connections. [`Ready::WRITABLE`](crate::event::Ready::WRITABLE) tells when one is
    /// free.
    Busy,
    /// It is larger than the whole send queue may ever be.
    TooLarge,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the connection does not send any more",
            Self::Full => "the send queue is full",
            Self::Busy => "too many connections are sending",
            Self::TooLarge => "the payload is larger than the send queue may be",
        })
    }
}

impl std::error::Error for SendError {}

/// Received bytes, lent to the application: look at them with [`Engine::bytes`], and give them back with
/// [`Engine::give_back`]. One that is dropped instead costs the engine a frame for ever.
#[must_use = "give it back, or the engine loses a frame"]
pub struct Received(Chunk);

impl Received {
    /// Bytes in it; never none.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl Engine {
    /// Queues a reference to `payload`: all of it or nothing. Nothing is copied until it leaves.
    ///
    /// # Errors
    /// See [`SendError`].
    #[inline]
    pub fn send(&mut self, conn: ConnId, payload: Payload) -> Result<(), SendError> {
        match self.conn(conn) {
            Some(mut conn) => conn.queue(payload),
            None => Err(SendError::Closed),
        }
    }

    /// Bytes that the send queue takes now.
    pub fn writable(&mut self, conn: ConnId) -> usize {
        let Some(tcb) = self.tcbs.get(conn.0) else { return 0 };
        if !tcb.state.sends() || tcb.is(Flags::FIN_WANTED) {
            return 0;
        }
        let queued = if tcb.sending.is_none() { 0 } else { self.cx.sending.of(tcb.sending).queued };
        self.cx.profiles.of(tcb.profile).options.send_bytes_max.saturating_sub(queued) as usize
    }

    /// Lends the next received bytes, as many as came in one frame. `None`: none are there now.
    #[inline]
    pub fn recv(&mut self, conn: ConnId) -> Option<Received> {
        let mut conn = self.conn(conn)?;
        // The call after the last, with which each reading ends.
        if conn.tcb.receiving.is_none() {
            return None;
        }
        conn.take_unread().map(Received)
    }

    /// The bytes that were lent.
    #[inline]
    pub fn bytes<'a>(&'a self, received: &'a Received) -> &'a [u8] {
        received.0.bytes(&self.cx.frames)
    }

    /// Takes lent bytes back.
    #[inline]
    pub fn give_back(&mut self, received: Received) {
        self.cx.discard(received.0);
    }

    /// Bytes of urgent data that have not been taken yet, counted from the next byte to take; those that have not come yet
    /// included. `None`: there is none (RFC 9293 MUST-33).
    pub fn urgent(&self, conn: ConnId) -> Option<u32> {
        let tcb = self.tcbs.get(conn.0)?;
        if tcb.receiving.is_none() {
            return None;
        }
        let part = self.cx.receiving.of(tcb.receiving);
        let next = tcb.rcv_nxt - part.unread_bytes;
        part.urgent_end.map(|end| end - next)
    }
}

impl Conn<'_> {
    #[inline]
    fn queue(&mut self, payload: Payload) -> Result<(), SendError> {
        if !self.tcb.state.sends() || self.tcb.is(Flags::FIN_WANTED) || self.tcb.is(Flags::ORPHAN) {
            return Err(SendError::Closed);
        }
        if payload.is_empty() {
            return Ok(());
        }
        let most = self.profile().options.send_bytes_max as usize;
        if payload.len() > most {
            return Err(SendError::TooLarge);
        }
        if !self.start_sending() {
            self.tcb.set(Flags::WANTS_ROOM);
            self.stand_in_line();
            return Err(SendError::Busy);
        }
        let part = self.cx.sending.of_mut(self.tcb.sending);
        if part.queued as usize + payload.len() > most || part.queue.len() == SEND_QUEUE_PAYLOADS_MAX {
            self.tcb.set(Flags::WANTS_ROOM);
            return Err(SendError::Full);
        }
        part.queued += payload.len() as u32;
        part.queue.push(payload);
        if self.tcb.state != State::SynSent {
            self.mark_dirty();
        }
        Ok(())
    }

    #[inline]
    fn take_unread(&mut self) -> Option<Chunk> {
        let next = self.tcb.rcv_nxt;
        let part = self.receiving()?;
        let chunk = part.unread.pop_front()?;
        part.unread_bytes -= chunk.len() as u32;
        let read_up_to = next - part.unread_bytes;
        if part.urgent_end.is_some_and(|end| end.is_at_or_before(read_up_to)) {
            part.urgent_end = None;
        }
        self.rest_receiving();
        if self.tcb.state != State::Closed && self.window_has_opened() {
            self.acknowledge_now();
        }
        Some(chunk)
    }
}
