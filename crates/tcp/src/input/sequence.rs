//! First: is the segment new, and within the window? (RFC 9293 section 3.10.7.4, RFC 7323 section 5.3.)

use crore_wire::tcp::Flags as Bits;

use crate::conn::Conn;
use crate::counter::Counter;
use crate::input::segment::{Segment, Step, Verdict};
use crate::limits::CHALLENGE_INTERVAL_MS;
use crate::tcb::Flags;

impl Conn<'_> {
    /// Protection against wrapped sequence numbers: a segment older than one we have seen is a duplicate, whatever its
    /// sequence number says.
    pub(super) fn check_timestamps(&mut self, segment: &Segment) -> Step {
        // RFC 7323 PAWS-NOT-RST: an RST is judged by its sequence number alone.
        if !self.tcb.is(Flags::TIMESTAMPS) || segment.has(Bits::RST) {
            return Ok(());
        }
        let Some(timestamps) = segment.header.options.timestamps else {
            // A peer that has started anew knows of none. RFC 5961 SYN-CHALLENGE: it must hear of us.
            if segment.has(Bits::SYN) {
                return Ok(());
            }
            // RFC 7323 TS-ALWAYS: what else comes without one is silently dropped (section 3.2).
            return Err(Verdict::Dropped(Counter::DroppedNoTimestamp));
        };
        // RFC 7323 PAWS and RECENT-EXPIRES: after 24 days of silence the last timestamp says nothing.
        let older = (timestamps.value.wrapping_sub(self.tcb.ts_recent) as i32) < 0;
        if older && !self.tcb.is(Flags::TS_STALE) {
            self.answer_unacceptable(segment);
            return Err(Verdict::Dropped(Counter::DroppedPaws));
        }
        Ok(())
    }

    /// The four cases of acceptability. What is beyond the window is cut off later, where the data is taken.
    pub(super) fn check_sequence(&mut self, segment: &mut Segment) -> Step {
        let (seq, next, window) = (segment.header.seq, self.tcb.rcv_nxt, self.tcb.rcv_wnd());
        let len = segment.header.sequence_len(segment.len);
        // The one that is expected, whatever the window: the first of each pair below.
        if seq == next && len <= window {
            return Ok(());
        }
        let acceptable = match (len, window) {
            (0, 0) => seq == next,
            // A peer that has filled the window and lost the first of it sends its ACKs from the window's end, and must be
            // heard: else two that fill each other's windows wait for ever. Linux takes them too.
            (0, _) => seq.is_within(next, window + u32::from(!segment.has(Bits::RST))),
            (_, 0) => false,
            (_, _) => seq.is_within(next, window) || (seq + (len - 1)).is_within(next, window),
        };
        if !acceptable {
            self.judge_unacceptable(segment)?;
        }
        Ok(())
    }

    fn judge_unacceptable(&mut self, segment: &mut Segment) -> Step {
        // RFC 9293 MUST-66: with a closed window, ACK, RST and URG of a segment at its edge still count; its data does not.
        let at_closed_window = self.tcb.rcv_wnd() == 0 && segment.header.seq == self.tcb.rcv_nxt;
        if at_closed_window && !segment.has(Bits::SYN) {
            segment.len = 0;
            segment.header.flags = segment.header.flags.without(Bits::FIN);
            self.acknowledge_now();
            return Ok(());
        }
        if !segment.has(Bits::RST) {
            self.heed_repetition(segment);
            self.answer_unacceptable(segment);
        }
        Err(Verdict::Dropped(Counter::DroppedWindow))
    }

    /// A peer that sends again what we have has not heard our ACK, perhaps because the way to it is another now: the answer
    /// goes back to where the segment came from. And it echoes this segment's clock, not that of the one whose ACK was lost,
    /// or the peer would take all the time since then for a round trip. Only from the last window, and only with an
    /// acknowledgment that can be: other numbers prove nothing.
    fn heed_repetition(&mut self, segment: &Segment) {
        let behind = self.tcb.rcv_nxt - segment.header.seq;
        let is_recent = (1..=self.profile().options.receive_bytes_max).contains(&behind);
        if !is_recent || !segment.has(Bits::ACK) || !self.is_credible(segment.header.ack) {
            return;
        }
        self.answer_by(segment.mac);
        if segment.len > 0 && !segment.has(Bits::SYN) {
            self.note_timestamp(segment);
        }
    }

    /// RFC 7323 RECENT: section 4.3, only from segments that begin at or before the last acknowledgment that we sent; and, as
    /// their data, only if their own acknowledgment was found right: who guesses one number must not make the peer look old.
    pub(super) fn note_timestamp(&mut self, segment: &Segment) {
        if !self.tcb.is(Flags::TIMESTAMPS) || segment.has(Bits::RST) {
            return;
        }
        if let Some(timestamps) = segment.header.options.timestamps
            && segment.header.seq.is_at_or_before(self.tcb.last_ack_sent)
        {
            self.tcb.ts_recent = timestamps.value;
            self.tcb.clear(Flags::TS_STALE);
        }
    }

    /// Tells the peer where we are. Data or a FIN that came again is answered at once, because the peer waits for it; what
    /// carries neither could be an answer to our own answer, so that is done at most twice a second.
    pub(super) fn answer_unacceptable(&mut self, segment: &Segment) {
        if (segment.len > 0 || segment.has(Bits::FIN)) && !segment.has(Bits::SYN) {
            self.acknowledge_now();
        } else {
            self.challenge();
        }
    }

    /// RFC 5961 CHALLENGE-PER-CONNECTION: an ACK that asks the true peer what it thinks, throttled for each connection by
    /// itself (section 7), so that nobody can read off a shared limit what other connections do.
    pub(super) fn challenge(&mut self) {
        let recent =
            self.tcb.challenged_ms != 0 && self.cx.clock.ms_since(self.tcb.challenged_ms) < CHALLENGE_INTERVAL_MS;
        if recent {
            self.cx.counters.count(Counter::ChallengesLeftOut);
            return;
        }
        self.tcb.challenged_ms = self.cx.clock.ms.max(1);
        self.cx.counters.count(Counter::ChallengeAcks);
        self.acknowledge_now();
    }
}
