//! What the owner of many connections asks beside sending and receiving: how much waits, what to forget, which options hold.

use crore_base::payload::Payload;

use crate::config::{ConfigError, Options};
use crate::conn::Conn;
use crate::engine::Engine;
use crate::event::{CloseReason, ConnId};
use crate::stream::SendError;
use crate::tcb::{Flags, State};

impl Engine {
    /// Whether the name is that of a connection, living or closed, which nobody has given up.
    #[inline]
    pub fn exists(&self, conn: ConnId) -> bool {
        self.tcbs.get(conn.0).is_some_and(|tcb| !tcb.is(Flags::ORPHAN))
    }

    /// Bytes in the send queue, those in flight included. `None` if the name is stale.
    #[inline]
    pub fn queued(&self, conn: ConnId) -> Option<u32> {
        let tcb = self.tcbs.get(conn.0)?;
        Some(if tcb.sending.is_none() { 0 } else { self.cx.sending.of(tcb.sending).queued })
    }

    /// Connections that have something queued or in flight whose peers are not overdue with an answer: how far the application
    /// is ahead of the network. Those that have fallen silent do not count, or the dead would hold up the living.
    #[inline]
    pub fn in_flight(&self) -> u32 {
        self.cx.sending.in_use() - self.cx.silent
    }

    /// Asks for [`Ready::WRITABLE`](crate::event::Ready::WRITABLE) when the peer has acknowledged something, as after a
    /// refused send. Does nothing if nothing is queued.
    pub fn want_room(&mut self, conn: ConnId) {
        self.with_conn(conn, |conn| {
            if conn.sending().is_some() {
                conn.tcb.set(Flags::WANTS_ROOM);
            }
        });
    }

    /// Drops the payloads of which no byte has left yet, and queues this one behind those of which some has.
    ///
    /// # Errors
    /// See [`SendError`]; the dropped ones are gone then too.
    pub fn supersede(&mut self, conn: ConnId, payload: Payload) -> Result<(), SendError> {
        let dropped = self.with_conn(conn, |conn| conn.drop_unbegun());
        dropped.unwrap_or(Err(SendError::Closed))?;
        self.send(conn, payload)
    }

    /// Forgets a connection without a word to its peer, as a host does that has lost its power. What the peer sends from now on
    /// finds a stranger (see [`Config::stealth`](crate::Config::stealth)). No event follows. False if the name is stale.
    pub fn vanish(&mut self, conn: ConnId) -> bool {
        let vanished = self.with_conn(conn, |conn| {
            conn.let_go();
            if conn.tcb.state != State::Closed {
                conn.end(CloseReason::Aborted);
            }
            conn.drop_received();
        });
        vanished.is_some()
    }

    /// The options of a living connection.
    pub fn options(&self, conn: ConnId) -> Option<Options> {
        let tcb = self.tcbs.get(conn.0).filter(|tcb| tcb.state != State::Closed)?;
        Some(self.cx.profiles.of(tcb.profile).options)
    }

    /// Changes the options of a living connection. What was agreed on with the peer when it was opened, the use of timestamps
    /// and the scale of the receive window, stays. False if the name is stale or the connection closed.
    ///
    /// # Errors
    /// An option that cannot be, or more than 255 distinct sets of options in use; nothing has changed then.
    pub fn set_options(&mut self, conn: ConnId, options: &Options) -> Result<bool, ConfigError> {
        options.validate()?;
        let Some(old) = self.tcbs.get(conn.0).filter(|tcb| tcb.state != State::Closed).map(|tcb| tcb.profile) else {
            return Ok(false);
        };
        let Some(new) = self.cx.profiles.acquire(options) else {
            return Err(ConfigError::saying(
                "255 distinct sets of options are in use, the most there can be".to_owned(),
            ));
        };
        if options.keep_alive.is_some() {
            self.hasten_sweep();
        }
        self.with_conn(conn, |conn| {
            conn.tcb.profile = new;
            conn.mark_dirty(); // without Nagle's algorithm something may be free to leave
        });
        self.cx.profiles.release(old);
        Ok(true)
    }
}

impl Conn<'_> {
    fn drop_unbegun(&mut self) -> Result<(), SendError> {
        if !self.tcb.state.sends() || self.tcb.is(Flags::FIN_WANTED) || self.tcb.is(Flags::ORPHAN) {
            return Err(SendError::Closed);
        }
        // A SYN is in flight without being in the queue.
        let syn = u32::from(!self.tcb.state.is_synchronised());
        let in_flight = self.tcb.in_flight().saturating_sub(syn);
        let Some(part) = self.sending() else { return Ok(()) };
        part.drop_behind(in_flight);
        if part.queued == 0 && self.tcb.in_flight() == 0 {
            self.stop_sending();
        }
        Ok(())
    }
}
