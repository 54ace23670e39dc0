//! One connection while it is worked on: its control block, and all that connections share.
//!
//! The steps of event processing (`input/`), the output (`output/`) and the timers (`timeout.rs`) are methods of [`Conn`], each
//! in the file of its own concern. What they all need is here: its parts, its timer, its queues, its end.

use crore_base::time::{Duration, Instant};

use crate::cold::{Receiving, Sending, Timer};
use crate::context::Context;
use crate::event::{CloseReason, Ready};
use crate::flow::FlowTable;
use crate::pool::PartId;
use crate::profile::Profile;
use crate::record::Record;
use crate::tcb::{Flags, State, Tcb};
use crate::tuple::Tuple;

/// See the module.
pub(crate) struct Conn<'a> {
    pub(crate) cx: &'a mut Context,
    pub(crate) tcb: &'a mut Tcb,
    pub(crate) index: u32,
}

impl Conn<'_> {
    /// Its two ends.
    pub(crate) fn tuple(&self) -> Tuple {
        Tuple {
            local: self.cx.link.address(self.tcb.local),
            remote: self.tcb.remote,
            local_port: self.tcb.local_port,
            remote_port: self.tcb.remote_port,
        }
    }

    #[inline]
    pub(crate) fn profile(&self) -> &Profile {
        self.cx.profiles.of(self.tcb.profile)
    }

    /// Our timestamp now.
    #[inline]
    pub(crate) fn timestamp(&self) -> u32 {
        self.cx.clock.ms.wrapping_add(self.tcb.ts_offset)
    }

    /// Puts the connection in line for the next output pass.
    #[inline]
    pub(crate) fn mark_dirty(&mut self) {
        if !self.tcb.is(Flags::DIRTY) {
            self.tcb.set(Flags::DIRTY);
            self.cx.queues.dirty.push_back(self.index);
        }
    }

    /// An ACK leaves with the next output pass.
    #[inline]
    pub(crate) fn acknowledge_now(&mut self) {
        self.tcb.set(Flags::ACK_NOW);
        self.mark_dirty();
    }

    /// Tells the application, unless it has given the connection up.
    #[inline]
    pub(crate) fn tell(&mut self, ready: Ready) {
        if self.tcb.is(Flags::ORPHAN) {
            return;
        }
        self.tcb.ready |= ready;
        self.stand_in_line_to_tell();
    }

    /// Somebody has accepted the connection, and hears now what has happened to it before.
    pub(crate) fn accepted(&mut self) {
        self.tcb.unaccepted = false;
        if !self.tcb.ready.is_empty() {
            self.stand_in_line_to_tell();
        }
    }

    #[inline]
    fn stand_in_line_to_tell(&mut self) {
        if !self.tcb.is(Flags::TOLD) && !self.tcb.unaccepted {
            self.tcb.set(Flags::TOLD);
            self.cx.queues.told.push_back(self.index);
        }
    }

    /// The part it sends with, if it is sending.
    #[inline]
    pub(crate) fn sending(&mut self) -> Option<&mut Sending> {
        match self.tcb.sending {
            PartId::NONE => None,
            id => Some(self.cx.sending.of_mut(id)),
        }
    }

    /// The part it receives with, if bytes are unread or out of order.
    #[inline]
    pub(crate) fn receiving(&mut self) -> Option<&mut Receiving> {
        match self.tcb.receiving {
            PartId::NONE => None,
            id => Some(self.cx.receiving.of_mut(id)),
        }
    }

    /// Makes sure that it can send. False if every part is in use.
    #[inline]
    pub(crate) fn start_sending(&mut self) -> bool {
        if !self.tcb.sending.is_none() {
            return true;
        }
        let Some(id) = self.cx.sending.take() else { return false };
        self.tcb.sending = id;
        self.restore_congestion();
        let now = self.cx.clock.now;
        let part = self.cx.sending.of_mut(id);
        debug_assert!(part.queue.is_empty() && part.timer == Timer::Off, "a part was left untidy");
        part.owner = self.index;
        part.waiting_since = now;
        true
    }

    /// Gives the sending part back; what must outlive it is in the control block.
    #[inline]
    pub(crate) fn stop_sending(&mut self) {
        self.keep_congestion();
        let id = std::mem::take(&mut self.tcb.sending);
        if id.is_none() {
            return;
        }
        let part = self.cx.sending.of_mut(id);
        self.cx.silent -= u32::from(part.backoff > 0);
        part.reset();
        self.cx.sending.give_back(id);
    }

    /// Stands in line for a part to send with.
    pub(crate) fn stand_in_line(&mut self) {
        assert!(self.tcb.sending.is_none(), "who has a part needs none");
        if !self.tcb.is(Flags::STARVED) {
            self.tcb.set(Flags::STARVED);
            self.cx.queues.starved.push_back(self.index);
        }
    }

    /// Makes sure that it can keep received bytes. False if every part is in use.
    #[inline]
    pub(crate) fn start_receiving(&mut self) -> bool {
        if self.tcb.receiving.is_none() {
            self.tcb.receiving = self.cx.receiving.take().unwrap_or(PartId::NONE);
        }
        !self.tcb.receiving.is_none()
    }

    /// As [`start_receiving`](Self::start_receiving), for what came before its time. It gets no last part: it may wait for
    /// ever for what is missing, and then nobody could receive anything.
    pub(crate) fn start_receiving_early(&mut self) -> bool {
        let has_one = !self.tcb.receiving.is_none();
        (has_one || self.cx.receiving.available() > 1) && self.start_receiving()
    }

    /// Gives the receiving part back if nothing is in it; or, if it is the last that there is, nothing that is in order.
    #[inline]
    pub(crate) fn rest_receiving(&mut self) {
        let last = self.cx.receiving.available() == 0;
        let Some(part) = self.receiving() else { return };
        if last && part.unread.is_empty() && !part.is_idle() {
            // The peer was told of none of it, and will send it again.
            self.drop_received();
        } else if part.is_idle() {
            part.duplicates_owed = 0;
            let id = std::mem::take(&mut self.tcb.receiving);
            self.cx.receiving.give_back(id);
        }
    }

    /// Throws away what was received and not taken.
    pub(crate) fn drop_received(&mut self) {
        let id = std::mem::take(&mut self.tcb.receiving);
        if id.is_none() {
            return;
        }
        let part = self.cx.receiving.of_mut(id);
        let unread = std::mem::take(&mut part.unread);
        let early: Vec<_> = part.early.drain().collect();
        *part = Receiving::default();
        for chunk in unread.into_iter().chain(early) {
            self.cx.discard(chunk);
        }
        self.cx.receiving.give_back(id);
    }

    /// The retransmission timeout at the present back-off (RFC 6298), which is that of window probes too (RFC 9293 SHLD-30).
    #[inline]
    pub(crate) fn rto(&self) -> Duration {
        let rto = self.tcb.rtt.rto(&self.cx.rto_bounds);
        let backoff = if self.tcb.sending.is_none() { 0 } else { self.cx.sending.of(self.tcb.sending).backoff };
        if backoff == 0 { rto } else { crate::rtt::backed_off(rto, backoff, self.cx.rto_bounds.max) }
    }

    /// Arms the timer of the sending part anew, as `kind`, to fire after the retransmission timeout.
    #[inline]
    pub(crate) fn arm(&mut self, kind: fn(Instant) -> Timer) {
        let deadline = self.cx.clock.now + self.rto();
        let part = self.cx.sending.of_mut(self.tcb.sending);
        part.timer = kind(deadline);
        if part.alarm.is_none_or(|alarm| deadline < alarm.at) {
            self.cx.set_alarm(self.tcb.sending, deadline);
        }
    }

    /// Stops the timer of the sending part.
    #[inline]
    pub(crate) fn disarm(&mut self) {
        if let Some(part) = self.sending() {
            part.timer = Timer::Off;
        }
    }

    /// Ends the connection: its flow, its parts and its timer are gone. Its name stays until the application gives it up.
    pub(crate) fn end(&mut self, reason: CloseReason) {
        assert!(self.tcb.state != State::Closed, "a connection ends once");
        if !self.tcb.is(Flags::NO_FLOW) {
            let hash = self.tuple().hash(&self.cx.key);
            let removed = self.cx.flows.remove(hash, Record::Live(self.index).to_bits());
            assert!(removed, "a connection that lives is found by its flow");
            self.tcb.set(Flags::NO_FLOW);
        }
        self.stop_sending();
        if reason != CloseReason::InOrder || self.tcb.is(Flags::ORPHAN) {
            self.drop_received();
        }
        if !self.tcb.is(Flags::NO_HOP) {
            self.cx.link.release_hop(self.tcb.hop);
        }
        self.cx.link.release_local(self.tcb.local);
        self.cx.profiles.release(self.tcb.profile);
        self.tcb.state = State::Closed;
        self.tcb.reason = reason as u8;
        self.cx.counters.count(reason.counter());
        self.tell(Ready::CLOSED);
    }

    /// The table of flows, for those who replace this connection's entry.
    pub(crate) fn flows(&mut self) -> &mut FlowTable {
        &mut self.cx.flows
    }
}
