//! The answer to our SYN. (RFC 9293 section 3.10.7.3.)

use crore_wire::tcp::Flags as Bits;

use crate::conn::Conn;
use crate::counter::Counter;
use crate::event::CloseReason;
use crate::input::segment::{Segment, Step, Verdict};
use crate::limits::{MSS_DEFAULT_V4, MSS_DEFAULT_V6, MSS_MIN_V4, MSS_MIN_V6, WINDOW_SCALE_MAX};
use crate::tcb::{Flags, State};

/// Bytes that timestamps take in every segment, padding included.
const TIMESTAMPS_LEN: u16 = 12;

impl Conn<'_> {
    pub(super) fn answer_to_syn(&mut self, segment: &mut Segment) -> Step {
        let has_ack = segment.has(Bits::ACK);
        let ack = segment.header.ack;
        let acceptable = ack.is_after(self.tcb.snd_una) && ack.is_at_or_before(self.tcb.snd_nxt);
        if has_ack && !acceptable {
            return Err(Verdict::Refused(Counter::DroppedHandshake));
        }
        if segment.has(Bits::RST) {
            // Without an ACK of our SYN anybody could have sent it.
            return Err(if has_ack {
                Verdict::Ends(CloseReason::Refused)
            } else {
                Verdict::Dropped(Counter::DroppedReset)
            });
        }
        if !segment.has(Bits::SYN) {
            return Err(Verdict::Dropped(Counter::DroppedHandshake));
        }
        self.agree(segment);
        // RFC 9293 MUST-10: a SYN without an ACK crossed ours, and both are answered.
        if !has_ack {
            return self.cross(segment);
        }
        self.established(segment);
        self.acknowledge_now();
        self.after_syn(segment)
    }

    /// The rest of a SYN segment, now that its SYN is done with.
    fn after_syn(&mut self, segment: &mut Segment) -> Step {
        segment.header.seq += 1;
        segment.header.flags = segment.header.flags.without(Bits::SYN);
        self.take_ack(segment)?;
        self.take_urgent(segment);
        self.take_data(segment)?;
        self.take_fin(segment)
    }

    fn cross(&mut self, segment: &Segment) -> Step {
        self.tcb.state = State::SynReceived;
        self.tcb.snd_wl2 = self.tcb.snd_una;
        self.tcb.snd_wnd = u32::from(segment.header.window);
        self.tcb.snd_wnd_max = self.tcb.snd_wnd;
        if let Some(part) = self.sending() {
            part.resend_first = true;
        }
        self.mark_dirty();
        Ok(())
    }

    /// Takes over what the peer's SYN says.
    fn agree(&mut self, segment: &Segment) {
        let options = &segment.header.options;
        self.tcb.rcv_nxt = segment.header.seq + 1;
        // RFC 7323 SYN-WINDOW: the window of a SYN is never scaled, in either direction.
        self.tcb.rcv_edge = self.tcb.rcv_nxt + self.profile().options.receive_bytes_max.min(65_535);
        self.tcb.last_ack_sent = self.tcb.rcv_nxt;
        self.tcb.snd_wnd = u32::from(segment.header.window);
        self.tcb.snd_wnd_max = self.tcb.snd_wnd;
        self.tcb.snd_wl1 = segment.header.seq;
        self.tcb.snd_wl2 = segment.header.ack;
        // RFC 7323 SCALE-BOTH: we have asked for it; what the peer says decides.
        match options.window_scale {
            // RFC 7323 SCALE-14: a larger one is taken for 14 (section 2.3).
            Some(scale) => self.tcb.set_scales(scale.min(WINDOW_SCALE_MAX), self.profile().receive_scale),
            None => self.tcb.set_scales(0, 0),
        }
        if let Some(timestamps) = options.timestamps
            && self.profile().options.timestamps
        {
            self.tcb.set(Flags::TIMESTAMPS);
            self.tcb.ts_recent = timestamps.value;
        }
        if options.sack_permitted {
            self.tcb.set(Flags::SACK_PERMITTED);
        }
        self.tcb.heard_ms = self.cx.clock.ms;
        self.answer_by(segment.mac);
        let v4 = self.tcb.remote.is_v4();
        self.tcb.mss = send_mss(options.mss, self.cx.link.mss(v4), v4, self.tcb.is(Flags::TIMESTAMPS));
        self.start_congestion();
    }
}

/// Most bytes of data in one segment to a peer that named `peer` (RFC 9293 MUST-14, MUST-15, MUST-16), `ours` being what
/// fits the link.
pub(crate) fn send_mss(peer: Option<u16>, ours: u16, v4: bool, timestamps: bool) -> u16 {
    let (default, least) = if v4 { (MSS_DEFAULT_V4, MSS_MIN_V4) } else { (MSS_DEFAULT_V6, MSS_MIN_V6) };
    // RFC 9293 MUST-15: a peer that names none takes the default.
    let peer = peer.unwrap_or(default).max(least);
    // RFC 9293 MUST-16: neither more than the peer takes nor than the link carries, options included.
    let whole = peer.min(ours);
    assert!(whole > TIMESTAMPS_LEN, "a segment of {whole} bytes has room for data besides its options");
    if timestamps { whole - TIMESTAMPS_LEN } else { whole }
}
