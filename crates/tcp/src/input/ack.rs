//! Fourth: the acknowledgment. (RFC 9293 section 3.10.7.4, RFC 5961 section 5, RFC 5681, RFC 6298.)

use crore_base::time::Duration;
use crore_wire::seq::Seq;
use crore_wire::tcp::Flags as Bits;

use crate::cold::Timer;
use crate::congestion;
use crate::conn::Conn;
use crate::counter::Counter;
use crate::event::{CloseReason, Ready};
use crate::input::segment::{Segment, Step, Verdict};
use crate::tcb::{Flags, State};

impl Conn<'_> {
    #[inline(always)]
    pub(super) fn take_ack(&mut self, segment: &Segment) -> Step {
        if !segment.has(Bits::ACK) {
            return Err(Verdict::Dropped(Counter::DroppedNoAck));
        }
        let ack = segment.header.ack;
        if self.tcb.state == State::SynReceived {
            self.complete_simultaneous_open(segment)?;
        }
        self.check_ack_range(ack)?;
        if self.tcb.sending.is_none() {
            debug_assert!(self.tcb.in_flight() == 0, "what is in flight has a part");
            self.update_window(segment, false);
        } else if ack.is_after(self.tcb.snd_una) {
            self.acknowledged(ack, segment);
            self.update_window(segment, true);
        } else {
            self.acknowledged_nothing(segment);
            self.update_window(segment, false);
        }
        self.after_our_fin()
    }

    #[cold]
    fn complete_simultaneous_open(&mut self, segment: &Segment) -> Step {
        let ack = segment.header.ack;
        if !ack.is_after(self.tcb.snd_una) || ack.is_after(self.tcb.snd_nxt) {
            return Err(Verdict::Refused(Counter::DroppedHandshake));
        }
        self.established(segment);
        Ok(())
    }

    /// Our SYN is acknowledged, and both sides agree now.
    pub(super) fn established(&mut self, segment: &Segment) {
        assert!(matches!(self.tcb.state, State::SynSent | State::SynReceived), "a connection is established once");
        assert!(self.tcb.in_flight() == 1, "nothing but a SYN was sent before");
        self.measure_round_trip(segment.header.ack, segment);
        self.tcb.state = State::Established;
        self.tcb.snd_una = self.tcb.snd_nxt;
        self.cx.counters.count(Counter::OpenedActive);
        self.disarm();
        let part = self.cx.sending.of_mut(self.tcb.sending);
        part.resend_first = false;
        if part.backoff > 0 {
            self.cx.silent -= 1;
            part.backoff = 0;
            self.tcb.rtt.syn_was_lost();
        }
        if part.queued == 0 && !self.tcb.is(Flags::FIN_WANTED) {
            self.stop_sending();
        } else {
            self.mark_dirty();
        }
        self.tell(Ready::OPENED);
    }

    /// RFC 5961 ACK-RANGE: what acknowledges the future, or a past that no window of the peer reached, is challenged, and
    /// its data is not looked at.
    fn check_ack_range(&mut self, ack: Seq) -> Step {
        if self.is_credible(ack) {
            return Ok(());
        }
        self.challenge();
        Err(Verdict::Dropped(Counter::DroppedAck))
    }

    /// Whether the true peer can have acknowledged this.
    pub(super) fn is_credible(&self, ack: Seq) -> bool {
        let oldest = Seq(self.tcb.snd_una.0.wrapping_sub(self.tcb.snd_wnd_max));
        ack.is_at_or_before(self.tcb.snd_nxt) && ack.is_at_or_after(oldest)
    }

    /// Something new is acknowledged, up to `ack`.
    #[inline]
    fn acknowledged(&mut self, ack: Seq, segment: &Segment) {
        let newly = ack - self.tcb.snd_una;
        self.measure_round_trip(ack, segment);
        let mss = u32::from(self.tcb.mss);
        let flight = self.tcb.in_flight();
        let now = self.cx.clock.now;
        let all = ack == self.tcb.snd_nxt;
        let fin = all && self.tcb.is(Flags::FIN_SENT);
        let part = self.cx.sending.of_mut(self.tcb.sending);
        // A FIN counts in sequence numbers, but is no data.
        let data = (newly - u32::from(fin)).min(part.queued);
        debug_assert!(newly - data <= 1, "only a FIN is acknowledged besides data");
        part.acknowledge(data);
        if part.backoff > 0 {
            self.cx.silent -= 1;
            self.cx.counters.count(Counter::HeardAgain);
            part.backoff = 0;
        }
        part.waiting_since = now;
        let verdict = part.window.on_ack(newly, ack, flight, mss);
        part.resend_first = verdict == congestion::Verdict::RetransmitFirst;
        self.tcb.snd_una = ack;
        self.after_progress(all);
    }

    /// RFC 6298 REARM: the timer starts over when new data is acknowledged, and stops when nothing is in flight (section 5).
    fn after_progress(&mut self, all: bool) {
        let part = self.cx.sending.of_mut(self.tcb.sending);
        let idle = part.queued == 0 && all;
        let more = part.unsent() > 0 || part.resend_first;
        let room = part.queued;
        if all {
            self.disarm();
        } else {
            self.arm(Timer::Retransmit);
        }
        if self.tcb.is(Flags::WANTS_ROOM) && room <= self.profile().options.send_bytes_max / 2 {
            self.tcb.clear(Flags::WANTS_ROOM);
            self.tell(Ready::WRITABLE);
        }
        let fin_waits = self.tcb.is(Flags::FIN_WANTED) && !self.tcb.is(Flags::FIN_SENT);
        if idle && !fin_waits {
            self.stop_sending();
        } else if more || fin_waits {
            self.mark_dirty();
        }
    }

    /// RFC 9293 MUST-18 and RFC 6298 KARN: from timestamps, which tell a retransmission apart, or from one segment at a time
    /// that was sent only once.
    #[inline]
    fn measure_round_trip(&mut self, ack: Seq, segment: &Segment) {
        if self.tcb.is(Flags::TIMESTAMPS) {
            let Some(timestamps) = segment.header.options.timestamps else { return };
            let elapsed = self.timestamp().wrapping_sub(timestamps.echo);
            // An echo from the future or from days ago is nonsense, or an attack on the estimate.
            if timestamps.echo != 0 && elapsed < 600_000 {
                // RFC 7323 appendix G: many samples a round trip count as one.
                let (flight, two) = (self.tcb.in_flight(), 2 * u32::from(self.tcb.mss).max(1));
                let samples = if flight < 2 * two { 1 } else { flight / two };
                self.tcb.rtt.sample_of(Duration::from_millis(u64::from(elapsed)), samples);
            }
            return;
        }
        let now = self.cx.clock.now;
        let part = self.cx.sending.of_mut(self.tcb.sending);
        if let Some((end, since)) = part.timed
            && ack.is_at_or_after(end)
        {
            part.timed = None;
            self.tcb.rtt.sample(now - since);
        }
    }

    /// The ACK says nothing new: a duplicate that hints at a loss (RFC 5681 section 2), or an answer to a probe.
    #[inline(never)]
    fn acknowledged_nothing(&mut self, segment: &Segment) {
        let current = segment.header.ack == self.tcb.snd_una;
        let now = self.cx.clock.now;
        if self.tcb.snd_wnd == 0 && current {
            // RFC 9293 MUST-37: a peer that answers probes is alive, however long its window stays closed.
            self.cx.sending.of_mut(self.tcb.sending).waiting_since = now;
            return;
        }
        let window = segment.window(self.tcb.snd_scale());
        let bare = segment.len == 0 && !segment.has(Bits::FIN) && window == self.tcb.snd_wnd;
        let flight = self.tcb.in_flight();
        if !current || !bare || flight == 0 {
            return;
        }
        let (una, mss) = (self.tcb.snd_una, u32::from(self.tcb.mss));
        let next = self.tcb.snd_nxt;
        let part = self.cx.sending.of_mut(self.tcb.sending);
        if part.window.on_duplicate_ack(una, next, flight, mss) == congestion::Verdict::RetransmitFirst {
            part.resend_first = true;
        }
        self.mark_dirty();
    }

    /// RFC 9293 section 3.10.7.4: only from segments that are not older than the last that told the window. One that
    /// acknowledges something new is not, though it may be a retransmission with an old sequence number: with the window of
    /// before, we would send beyond what the peer takes.
    fn update_window(&mut self, segment: &Segment, is_news: bool) {
        let (seq, ack) = (segment.header.seq, segment.header.ack);
        let newer = self.tcb.snd_wl1.is_before(seq) || self.tcb.snd_wl1 == seq && self.tcb.snd_wl2.is_at_or_before(ack);
        if !newer && !is_news || ack.is_before(self.tcb.snd_una) {
            return;
        }
        // RFC 9293 MUST-1: 16 bits without a sign, widened before they are shifted.
        let window = segment.window(self.tcb.snd_scale());
        let before = std::mem::replace(&mut self.tcb.snd_wnd, window);
        self.tcb.snd_wl1 = seq;
        self.tcb.snd_wl2 = ack;
        self.tcb.snd_wnd_max = self.tcb.snd_wnd_max.max(window);
        if window > before {
            self.window_opened(before == 0);
        }
    }

    /// More may be sent now. What probed a closed window may have been refused, so sending starts over there; without a probe
    /// nothing was refused, and a peer that opens and closes its window must not have everything sent again each time.
    #[inline(never)]
    fn window_opened(&mut self, was_closed: bool) {
        if self.tcb.sending.is_none() {
            return;
        }
        let part = self.cx.sending.of_mut(self.tcb.sending);
        if was_closed && part.backoff > 0 {
            self.cx.silent -= 1;
            part.rewind();
            part.backoff = 0;
            // RFC 6298 section 5.1: what leaves now is under a timer of its own, not under the long one of a probe.
            part.timer = Timer::Off;
        }
        self.mark_dirty();
    }

    /// What the acknowledgment of our FIN leads to.
    fn after_our_fin(&mut self) -> Step {
        let acknowledged = self.tcb.is(Flags::FIN_SENT) && self.tcb.snd_una == self.tcb.snd_nxt;
        if !acknowledged {
            return Ok(());
        }
        match self.tcb.state {
            State::FinWait1 => self.tcb.state = State::FinWait2,
            State::Closing => self.tcb.state = State::TimeWait,
            State::LastAck => return Err(Verdict::Ends(CloseReason::InOrder)),
            _ => {}
        }
        Ok(())
    }
}
