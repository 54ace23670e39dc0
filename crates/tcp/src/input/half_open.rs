//! A segment for a half-open passive connection: SYN-RECEIVED without a control block. (RFC 9293 section 3.10.7.4.)

use crore_base::time::{Duration, Instant};
use crore_wire::seq::Seq;
use crore_wire::tcp::{Flags as Bits, Timestamps};
use zerocopy::FromZeros;

use crate::congestion::Window;
use crate::counter::Counter;
use crate::engine::Engine;
use crate::event::ListenerId;
use crate::input::segment::{Segment, Verdict};
use crate::input::send_mss;
use crate::link::{HopId, LocalId};
use crate::output::reply::Reply;
use crate::profile::ProfileId;
use crate::record::Record;
use crate::syn_cache::{Fate, Record as HalfOpen};
use crate::tcb::{Flags, State, Tcb};

/// Half-open connections that one call looks after.
const HALF_OPEN_PER_CALL_MAX: usize = 1024;

impl Engine {
    pub(super) fn on_half_open(&mut self, index: u32, segment: &mut Segment) -> Verdict {
        let half = *self.cx.half_open.get(index).expect("a flow leads to a record that exists");
        let next = half.irs + 1;
        if segment.has(Bits::RST) {
            // RFC 5961 RST-EXACT. RFC 9293 MUST-11: back to LISTEN, without a word to anybody.
            if segment.header.seq != next {
                return Verdict::Dropped(Counter::DroppedReset);
            }
            self.forget_half_open(index);
            return Verdict::Delivered;
        }
        if segment.has(Bits::SYN) {
            return self.on_syn_again(&half, segment);
        }
        if !self.is_in_window(&half, segment) {
            // Without data it could be an answer to an answer of ours, and those must come to an end.
            if segment.len > 0 || segment.has(Bits::FIN) {
                self.acknowledge_half_open(&half);
            }
            return Verdict::Dropped(Counter::DroppedWindow);
        }
        if !segment.has(Bits::ACK) {
            return Verdict::Dropped(Counter::DroppedNoAck);
        }
        if segment.header.ack != half.iss + 1 {
            return Verdict::Refused(Counter::DroppedHandshake);
        }
        self.establish(&half, Some(index), segment)
    }

    /// Whether a segment begins or ends in the window that our SYN-ACK offered.
    fn is_in_window(&self, half: &HalfOpen, segment: &Segment) -> bool {
        let (next, window) = (half.irs + 1, self.window_of(half).max(1));
        let len = segment.header.sequence_len(segment.len);
        segment.header.seq.is_within(next, window) || len > 0 && (segment.end() - 1).is_within(next, window)
    }

    /// The same SYN once more: our answer was lost. Another one: somebody's old or forged SYN, and it is for the true peer
    /// to say so.
    fn on_syn_again(&mut self, half: &HalfOpen, segment: &Segment) -> Verdict {
        if segment.header.seq == half.irs && !segment.has(Bits::ACK) {
            self.send_syn_ack(half, false);
            return Verdict::Delivered;
        }
        self.acknowledge_half_open(half);
        Verdict::Dropped(Counter::DroppedSyn)
    }

    /// Tells the peer where we are. It may be established already, so this is a segment like any other: with our window, and
    /// with timestamps if there are to be any (RFC 7323 TS-ALWAYS).
    fn acknowledge_half_open(&mut self, half: &HalfOpen) {
        let mut reply = Reply::new(&half.tuple, half.mac, half.iss + 1, half.irs + 1, Bits::ACK);
        let listener = self.cx.listeners.at(half.listener);
        let scale = listener.map_or(0, |(_, listener)| self.cx.profiles.of(listener.profile).receive_scale);
        let scale = half.scale.get().map_or(0, |_| scale);
        reply.header.window = (self.window_of(half) >> scale) as u16;
        let value = self.cx.clock.ms.wrapping_add(half.ts_offset);
        reply.header.options.timestamps = half.timestamps.then_some(Timestamps { value, echo: half.ts_recent });
        self.cx.reply(reply);
    }

    /// The window that our SYN-ACK offered.
    fn window_of(&self, half: &HalfOpen) -> u32 {
        let listener = self.cx.listeners.at(half.listener);
        let profile = listener.map(|(_, listener)| self.cx.profiles.of(listener.profile));
        profile.map_or(0, |profile| profile.options.receive_bytes_max.min(65_535))
    }

    /// The handshake is complete: a control block takes over from the record `from`, or from nothing if it was a cookie, and
    /// the segment goes on to it.
    pub(super) fn establish(&mut self, half: &HalfOpen, from: Option<u32>, segment: &mut Segment) -> Verdict {
        let listener = self.cx.listeners.at(half.listener).map(|(id, _)| id);
        let Some(id) = listener.filter(|&id| self.cx.listeners.has_room(id)) else {
            return Verdict::Dropped(Counter::DroppedBacklog);
        };
        let Some((profile, hop, local)) = self.names_for(id, half) else {
            return Verdict::Dropped(Counter::DroppedFull);
        };
        let tcb = self.established_tcb(half, profile, hop, local, segment);
        let Some(index) = self.admit(tcb) else {
            self.cx.profiles.release(profile);
            self.cx.link.release_hop(hop);
            self.cx.link.release_local(local);
            return Verdict::Dropped(Counter::DroppedFull);
        };
        let live = Record::Live(index).to_bits();
        match from {
            Some(record) => {
                let replaced = self.cx.flows.replace(segment.hash, Record::HalfOpen(record).to_bits(), live);
                assert!(replaced, "the record was found by its flow");
                self.cx.half_open.remove(record);
            }
            None => {
                let entry = self.cx.flows.insert(segment.hash, live);
                assert!(entry.is_ok(), "the table of flows has room for every record there can be");
            }
        }
        self.cx.counters.count(Counter::OpenedPassive);
        let handle = self.tcbs.handle_at(index).expect("it was just admitted");
        self.cx.listeners.push(id, handle);
        let verdict = self.with(index, |conn| {
            conn.start_measuring(segment);
            let verdict = conn.on_segment(segment);
            conn.follow(verdict);
            verdict
        });
        verdict.unwrap_or(Verdict::Delivered)
    }

    /// Everything that a new connection holds a share of.
    fn names_for(&mut self, listener: ListenerId, half: &HalfOpen) -> Option<(ProfileId, HopId, LocalId)> {
        let profile = self.cx.listeners.of(listener)?.profile;
        let hop = self.cx.link.hop(half.mac)?;
        let Some(local) = self.cx.link.local(&half.tuple.local) else {
            self.cx.link.release_hop(hop);
            return None;
        };
        self.cx.profiles.share(profile);
        Some((profile, hop, local))
    }

    fn established_tcb(
        &self,
        half: &HalfOpen,
        profile: ProfileId,
        hop: HopId,
        local: LocalId,
        segment: &Segment,
    ) -> Tcb {
        let mut tcb = Tcb::new_zeroed();
        let set = self.cx.profiles.of(profile);
        tcb.remote = half.tuple.remote;
        tcb.remote_port = half.tuple.remote_port;
        tcb.local_port = half.tuple.local_port;
        (tcb.local, tcb.hop, tcb.profile) = (local, hop, profile);
        tcb.unaccepted = true;
        tcb.state = State::Established;
        tcb.snd_una = half.iss + 1;
        tcb.snd_nxt = half.iss + 1;
        tcb.rcv_nxt = half.irs + 1;
        tcb.rcv_edge = tcb.rcv_nxt + set.options.receive_bytes_max.min(65_535);
        tcb.last_ack_sent = tcb.rcv_nxt;
        if let Some(scale) = half.scale.get() {
            tcb.set_scales(scale, set.receive_scale);
        }
        tcb.snd_wnd = segment.header.scaled_window(tcb.snd_scale());
        tcb.snd_wnd_max = tcb.snd_wnd;
        tcb.snd_wl1 = half.irs;
        tcb.snd_wl2 = tcb.snd_una;
        tcb.ts_offset = half.ts_offset;
        if half.timestamps {
            tcb.set(Flags::TIMESTAMPS);
            tcb.ts_recent = half.ts_recent;
        }
        if half.sack {
            tcb.set(Flags::SACK_PERMITTED);
        }
        let v4 = half.tuple.remote.is_v4();
        tcb.mss = send_mss(Some(half.mss), self.cx.link.mss(v4), v4, half.timestamps);
        tcb.heard_ms = self.cx.clock.ms;
        if half.retransmissions > 0 {
            tcb.rtt.syn_was_lost();
        }
        // RFC 5681 section 3.1 with RFC 6928: a SYN-ACK lost more than once says that the path is full.
        if half.retransmissions > 1 {
            let window = Window::after_lost_handshake(u32::from(tcb.mss), tcb.snd_una);
            (tcb.cwnd, tcb.ssthresh) = (window.cwnd, window.ssthresh);
        }
        tcb
    }

    /// Sends SYN-ACKs again that nobody acknowledged, and forgets those that nobody will.
    pub(crate) fn resend_syn_acks(&mut self, now: Instant) {
        let mut due = std::mem::take(&mut self.half_open_due);
        self.cx
            .half_open
            .expire(now, HALF_OPEN_PER_CALL_MAX, &mut |index, record, fate| due.push((index, *record, fate)));
        for (index, half, fate) in due.drain(..) {
            match fate {
                Fate::Resend => {
                    self.cx.counters.count(Counter::SynAcksResent);
                    self.send_syn_ack(&half, false);
                }
                Fate::Expired => self.forget_half_open_flow(index, &half),
            }
        }
        self.half_open_due = due;
    }

    /// Forgets all that are on their way to a listener that is no more.
    pub(crate) fn forget_half_open_of(&mut self, listener: ListenerId) {
        let indexes: Vec<u32> = self.cx.half_open.of_listener(u32::from(listener.index)).collect();
        for index in indexes {
            self.forget_half_open(index);
        }
    }

    fn forget_half_open(&mut self, index: u32) {
        if let Some(half) = self.cx.half_open.remove(index) {
            self.forget_half_open_flow(index, &half);
        }
    }

    fn forget_half_open_flow(&mut self, index: u32, half: &HalfOpen) {
        let hash = half.tuple.hash(&self.cx.key);
        let removed = self.cx.flows.remove(hash, Record::HalfOpen(index).to_bits());
        assert!(removed, "a half-open connection is found by its flow");
    }
}

impl crate::conn::Conn<'_> {
    /// The first measure of the round trip: from our SYN-ACK's timestamp to its echo.
    fn start_measuring(&mut self, segment: &Segment) {
        if let Some(timestamps) = segment.header.options.timestamps
            && self.tcb.is(Flags::TIMESTAMPS)
        {
            let elapsed = self.timestamp().wrapping_sub(timestamps.echo);
            if timestamps.echo != 0 && elapsed < 60_000 {
                self.tcb.rtt.sample(Duration::from_millis(u64::from(elapsed)));
            }
        }
        debug_assert!(
            Seq::later_of(self.tcb.snd_una, segment.header.ack) == self.tcb.snd_una,
            "only our SYN is acknowledged"
        );
    }
}
