//! What time does: retransmissions, probes, delayed ACKs, the ends of records, and the slow sweep.

use crore_base::time::{Duration, Instant};

use crate::cold::Timer;
use crate::conn::Conn;
use crate::engine::Engine;
use crate::event::{CloseReason, Ready};
use crate::limits::TIMERS_PER_CALL_MAX;
use crate::link::Resolution;
use crate::pool::PartId;
use crate::sweep::PROBING;
use crate::tcb::{Flags, State};

/// Timeouts in a row after which the application hears that the peer falters (RFC 9293 MUST-20, R1: at least 3).
const FALTERING_TIMEOUTS: u8 = 3;

/// Timeouts in a row after which the way to the peer is in doubt. One is a lost segment.
const LOST_WAY_TIMEOUTS: u8 = 2;

impl Engine {
    /// Does what is due at `now`. Bounded: with very much due at once it does a part, and [`poll_timeout`](Self::poll_timeout)
    /// says that there is more.
    pub fn on_timeout(&mut self, now: Instant) {
        self.set_clock(now);
        self.expire_timers();
        self.expire_acks();
        self.expire_half_open();
        self.expire_time_wait();
        self.cx.link.on_timeout(now);
        self.take_resolved();
        self.sweep();
    }

    /// When [`on_timeout`](Self::on_timeout) has something to do next; at once while [`poll_event`](Self::poll_event) has
    /// something to tell, which also the output pass can find. `None`: not until something else happens.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let cx = &self.cx;
        let ack = cx.queues.acks.front().map(|&(_, due)| self.instant_of(due));
        let sweep = (!self.tcbs.is_empty()).then_some(self.sweep.next);
        let told = !cx.queues.told.is_empty() || cx.listeners.is_acceptable();
        let deadlines = [
            told.then_some(cx.clock.now),
            cx.timers.next_deadline(),
            ack,
            cx.half_open.poll_timeout(),
            cx.time_wait.poll_timeout(),
            cx.link.poll_timeout(),
            sweep,
        ];
        deadlines.into_iter().flatten().min()
    }

    /// The instant of a millisecond of the wrapping clock that is near.
    fn instant_of(&self, ms: u32) -> Instant {
        let ahead = ms.wrapping_sub(self.cx.clock.ms) as i32;
        let now_ms = self.cx.clock.now.as_millis();
        let at = now_ms.saturating_add_signed(i64::from(ahead));
        Instant::ZERO + Duration::from_millis(at)
    }

    fn expire_timers(&mut self) {
        let mut due = std::mem::take(&mut self.due);
        self.cx.timers.expire(self.cx.clock.now, TIMERS_PER_CALL_MAX, &mut due);
        for token in due.drain(..) {
            match token & PROBING {
                0 => self.on_alarm(PartId::from_bits(token as u32)),
                _ => self.on_probing(token as u32),
            }
        }
        self.due = due;
    }

    /// The wheel has come to a sending part: its timer fires now, later, or was stopped.
    fn on_alarm(&mut self, id: PartId) {
        let part = self.cx.sending.of_mut(id);
        part.alarm = None;
        let owner = part.owner;
        match part.timer.deadline() {
            None => {}
            Some(deadline) if deadline > self.cx.clock.now => self.cx.set_alarm(id, deadline),
            Some(_) => {
                self.with(owner, |conn| conn.on_timer());
            }
        }
    }

    fn expire_acks(&mut self) {
        for _ in 0..TIMERS_PER_CALL_MAX {
            let Some(&(index, due)) = self.cx.queues.acks.front() else { return };
            if (due.wrapping_sub(self.cx.clock.ms) as i32) > 0 {
                return;
            }
            self.cx.queues.acks.pop_front();
            self.with(index, |conn| {
                conn.tcb.clear(Flags::ACK_QUEUED);
                if conn.tcb.is(Flags::ACK_LATER) {
                    conn.acknowledge_now();
                }
            });
        }
    }
}

impl Conn<'_> {
    /// The timer of the sending part has fired.
    fn on_timer(&mut self) {
        let now = self.cx.clock.now;
        let options = self.profile().options;
        if self.tcb.sending.is_none() {
            return;
        }
        let part = self.cx.sending.of_mut(self.tcb.sending);
        let fired = std::mem::take(&mut part.timer);
        let waited = now - part.waiting_since;
        self.cx.silent += u32::from(part.backoff == 0);
        let backoff = part.backoff.saturating_add(1);
        part.backoff = backoff;
        let synchronised = self.tcb.state.is_synchronised();
        let patience = if synchronised { options.user_timeout } else { options.connect_timeout };
        // RFC 9293 MUST-20, MUST-21, MUST-23: R2, in time.
        if waited >= patience {
            self.end(CloseReason::TimedOut);
            return;
        }
        if backoff == FALTERING_TIMEOUTS {
            self.tell(Ready::FALTERING);
        }
        if synchronised && backoff >= LOST_WAY_TIMEOUTS {
            self.look_for_the_way();
        }
        match fired {
            Timer::Off => unreachable!("a timer that fires was armed"),
            Timer::Retransmit(_) => self.retransmit(),
            Timer::Persist(_) => self.tcb.set(Flags::PROBE),
        }
        self.mark_dirty();
    }

    /// Frames that come tell the way to the peer, but to whoever only sends none come any more when the way has changed: there
    /// is another router, or the last frame came with a garbled source. So the link is asked (RFC 1122 section 3.3.1.4), and
    /// what it has found out is used from the next timeout on.
    fn look_for_the_way(&mut self) {
        debug_assert!(!self.tcb.is(Flags::NO_HOP), "a synchronised connection has heard from its peer");
        if let Resolution::Known(mac) = self.cx.link.resolve_again(self.cx.clock.now, &self.tcb.remote) {
            self.tcb.hop = self.cx.link.follow(self.tcb.hop, mac);
        }
    }

    /// RFC 6298 section 5.4 and RFC 9293 MUST-19: all that is in flight counts as lost, and leaves again from its beginning
    /// as the congestion window allows.
    fn retransmit(&mut self) {
        let flight = self.tcb.in_flight();
        let (una, next) = (self.tcb.snd_una, self.tcb.snd_nxt);
        let mss = u32::from(self.tcb.mss).max(1);
        let synchronised = self.tcb.state.is_synchronised();
        let closed = self.tcb.snd_wnd == 0 && synchronised;
        let part = self.cx.sending.of_mut(self.tcb.sending);
        debug_assert!(flight > 0, "only what is in flight is retransmitted");
        if !closed && synchronised {
            part.window.on_timeout(una, next, flight, mss);
        }
        part.rewind();
        match self.tcb.state {
            State::SynSent | State::SynReceived => part.resend_first = true,
            // RFC 9293 MUST-35, MUST-36: a closed window is probed, ever more rarely. And what left as a small segment leaves
            // as one again, though the window may be too small now for the rule against silly ones.
            _ => {
                part.resend_first = false;
                self.tcb.set(Flags::PROBE);
            }
        }
    }
}

impl Engine {
    fn expire_half_open(&mut self) {
        let now = self.cx.clock.now;
        self.resend_syn_acks(now);
    }

    fn expire_time_wait(&mut self) {
        for _ in 0..TIMERS_PER_CALL_MAX {
            let Some((index, record)) = self.cx.time_wait.expire(self.cx.clock.now) else { return };
            self.cx.forget_record(index, &record);
        }
    }

    /// Addresses that the link has found, or not: who waited for them goes on, or ends.
    pub(crate) fn take_resolved(&mut self) {
        while let Some((address, answer)) = self.cx.link.poll_resolved() {
            self.on_resolved(&address, answer.ok());
        }
    }
}
