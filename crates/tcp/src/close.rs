//! Finishing, closing, aborting. (RFC 9293 sections 3.6, 3.9.1 and 3.10.4.)

use crate::cold::Receiving;
use crate::conn::Conn;
use crate::engine::Engine;
use crate::event::{CloseReason, ConnId, Ready};
use crate::tcb::{Flags, State};

impl Engine {
    /// Nothing more will be sent: our FIN follows what is queued. Receiving goes on. False if the name is stale.
    pub fn shutdown(&mut self, conn: ConnId) -> bool {
        self.with_conn(conn, |conn| conn.finish()).is_some()
    }

    /// Gives the connection up. What is queued is still sent, then our FIN; what the peer still sends is refused with an
    /// RST, and so it is at once if received bytes were never taken (RFC 9293 SHLD-3): the peer must not believe that they
    /// were. No event follows. False if the name is stale.
    pub fn close(&mut self, conn: ConnId) -> bool {
        self.with_conn(conn, |conn| conn.give_up()).is_some()
    }

    /// Ends the connection at once with an RST, and gives its name up. No event follows. False if the name is stale.
    pub fn abort(&mut self, conn: ConnId) -> bool {
        let aborted = self.with_conn(conn, |conn| {
            conn.let_go();
            conn.cut_off();
            conn.drop_received();
        });
        aborted.is_some()
    }
}

impl Conn<'_> {
    fn finish(&mut self) {
        match self.tcb.state {
            // Nothing was ever agreed on, so there is nothing to finish (RFC 9293 section 3.10.4).
            State::SynSent => self.end(CloseReason::Aborted),
            State::SynReceived | State::Established | State::CloseWait => {
                self.tcb.set(Flags::FIN_WANTED);
                self.mark_dirty();
            }
            _ => {}
        }
    }

    fn give_up(&mut self) {
        let unread = self.receiving().is_some_and(|part: &mut Receiving| part.unread_bytes > 0);
        self.let_go();
        self.tcb.clear(Flags::WANTS_ROOM);
        if unread && self.tcb.state != State::Closed {
            self.cut_off();
        } else {
            self.finish();
        }
        self.drop_received();
    }

    /// From now on nobody is told, not even of what has happened already.
    pub(crate) fn let_go(&mut self) {
        self.tcb.set(Flags::ORPHAN);
        self.tcb.clear(Flags::TOLD);
        self.tcb.ready = Ready::default();
    }

    /// Ends a connection that may exist at the peer too, which therefore must hear of it.
    fn cut_off(&mut self) {
        if self.tcb.state == State::Closed {
            return;
        }
        if self.tcb.state.is_synchronised() || self.tcb.state == State::SynReceived {
            self.say_reset();
        }
        self.end(CloseReason::Aborted);
    }
}
