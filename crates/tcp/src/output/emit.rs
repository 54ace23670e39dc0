//! The one place that writes segments of connections, and with them every acknowledgment. (RFC 9293, RFC 7323.)

use crore_base::frame::Frame;
use crore_wire::emit::Path;
use crore_wire::seq::Seq;
use crore_wire::tcp::{Flags as Bits, Header, Options, Timestamps};

use crate::cold::Cursor;
use crate::conn::Conn;
use crate::counter::Counter;
use crate::output::plan::Plan;
use crate::tcb::{Flags, State};

impl Conn<'_> {
    /// Sends what was planned. False, and nothing has changed, if there is no frame.
    #[inline]
    pub(crate) fn emit(&mut self, plan: Plan, out: &mut Vec<Frame>) -> bool {
        match plan {
            Plan::Syn => self.emit_syn(out),
            Plan::Again { len, fin } => self.emit_again(len, fin, out),
            Plan::Next { len, fin } => self.emit_next(len, fin, out),
            Plan::WindowProbe => {
                let sent = self.emit_next(1, false, out);
                if sent {
                    self.cx.counters.count(Counter::WindowProbes);
                }
                sent
            }
        }
    }

    fn emit_syn(&mut self, out: &mut Vec<Frame>) -> bool {
        let answered = self.tcb.state == State::SynReceived;
        let flags = if answered { Bits::SYN.with(Bits::ACK) } else { Bits::SYN };
        let mut header = self.header(self.tcb.snd_una, flags);
        let options = self.profile().options;
        let v4 = self.tcb.remote.is_v4();
        // RFC 9293 MUST-65, MUST-67: the MSS option, on a SYN only, says what we can receive.
        header.options.mss = Some(self.cx.link.mss(v4));
        let agreed = !answered || self.tcb.scales != 0;
        header.options.window_scale = agreed.then_some(self.profile().receive_scale);
        let timestamps = if answered { self.tcb.is(Flags::TIMESTAMPS) } else { options.timestamps };
        let echo = if answered { self.tcb.ts_recent } else { 0 };
        header.options.timestamps = timestamps.then(|| Timestamps { value: self.timestamp(), echo });
        // RFC 7323 SYN-WINDOW: never scaled.
        header.window = options.receive_bytes_max.min(65_535) as u16;
        if !self.write_bare(&header, out) {
            return false;
        }
        let now = self.cx.clock.now;
        let end = self.tcb.snd_una + 1;
        let part = self.cx.sending.of_mut(self.tcb.sending);
        // RFC 6298 KARN: a SYN that crossed the peer's leaves a second time too, with an ACK.
        let again = std::mem::take(&mut part.resend_first);
        part.timed = (!again).then_some((end, now));
        if again && part.backoff > 0 {
            self.cx.counters.count(Counter::RetransmittedTimeout);
            self.tcb.retransmissions = self.tcb.retransmissions.saturating_add(1);
        }
        self.tcb.snd_nxt = end;
        true
    }

    fn emit_again(&mut self, len: u32, fin: bool, out: &mut Vec<Frame>) -> bool {
        let part = self.cx.sending.of(self.tcb.sending);
        let first = Cursor { payload: 0, offset: part.acknowledged };
        let last = len == part.queued;
        if !self.emit_data(self.tcb.snd_una, first, len, fin, last, out) {
            return false;
        }
        let part = self.cx.sending.of_mut(self.tcb.sending);
        part.resend_first = false;
        part.timed = None;
        self.cx.counters.count(Counter::RetransmittedFast);
        self.tcb.retransmissions = self.tcb.retransmissions.saturating_add(1);
        true
    }

    #[inline]
    fn emit_next(&mut self, len: u32, fin: bool, out: &mut Vec<Frame>) -> bool {
        let part = self.cx.sending.of(self.tcb.sending);
        let seq = self.tcb.snd_una + part.next;
        let last = len == part.unsent();
        if !self.emit_data(seq, part.cursor, len, fin, last, out) {
            return false;
        }
        let now = self.cx.clock.now;
        let again = seq.is_before(self.tcb.snd_nxt);
        let end = seq + len + u32::from(fin);
        let part = self.cx.sending.of_mut(self.tcb.sending);
        part.resend_first &= part.next > 0;
        part.pass(len);
        part.fin_left |= fin;
        if again {
            part.timed = None;
            self.cx.counters.count(Counter::RetransmittedTimeout);
            self.tcb.retransmissions = self.tcb.retransmissions.saturating_add(1);
        } else if part.timed.is_none() && !self.tcb.is(Flags::TIMESTAMPS) {
            part.timed = Some((end, now));
        }
        if self.tcb.in_flight() == 0 {
            part.waiting_since = now;
        }
        self.tcb.snd_nxt = Seq::later_of(self.tcb.snd_nxt, end);
        self.tcb.sent_ms = self.cx.clock.ms;
        self.tcb.clear(Flags::PROBE);
        if fin && !self.tcb.is(Flags::FIN_SENT) {
            self.our_fin_left();
        }
        true
    }

    /// RFC 9293 section 3.6: sending the FIN moves the state.
    fn our_fin_left(&mut self) {
        self.tcb.set(Flags::FIN_SENT);
        self.tcb.state = match self.tcb.state {
            State::Established => State::FinWait1,
            State::CloseWait => State::LastAck,
            other => unreachable!("a FIN leaves once, and not in {other:?}"),
        };
    }

    #[inline]
    fn emit_data(&mut self, seq: Seq, from: Cursor, len: u32, fin: bool, last: bool, out: &mut Vec<Frame>) -> bool {
        let mut flags = Bits::ACK;
        // RFC 9293 MUST-60, MUST-61: the last of what is queued is pushed.
        if last && len > 0 {
            flags = flags.with(Bits::PSH);
        }
        if fin {
            flags = flags.with(Bits::FIN);
        }
        let header = self.acknowledging(seq, flags);
        if !self.write(&header, from, len, out) {
            return false;
        }
        self.acknowledged_up_to_now(&header);
        true
    }

    /// An ACK and nothing else. It may use the frames held in reserve, so that a full pool does not make us mute.
    pub(crate) fn emit_ack(&mut self, out: &mut Vec<Frame>) -> bool {
        let header = self.acknowledging(self.bare_seq(), Bits::ACK);
        if !self.write_bare(&header, out) {
            return false;
        }
        self.acknowledged_up_to_now(&header);
        if let Some(part) = self.receiving() {
            part.duplicates_owed = part.duplicates_owed.saturating_sub(1);
        }
        true
    }

    /// The number of a segment without data: the next one, or the end of the peer's window if that lies before it, as it
    /// does behind a probe or a window that was pulled back. The peer would not hear what comes from beyond its window.
    pub(crate) fn bare_seq(&self) -> Seq {
        self.tcb.snd_una + self.tcb.in_flight().min(self.tcb.snd_wnd)
    }

    /// A probe of an idle connection: an old sequence number, which makes the peer answer (RFC 9293 section 3.8.4).
    pub(crate) fn emit_keep_alive(&mut self, out: &mut Vec<Frame>) -> bool {
        let old = Seq(self.tcb.snd_nxt.0.wrapping_sub(1));
        let mut header = self.acknowledging(old, Bits::ACK);
        // A peer drops it for its number and looks at nothing else in it. So nothing new is promised, and an ACK that is owed
        // is owed still: else two that probe each other at the same moment would both go without an answer.
        header.window = (self.tcb.rcv_wnd() >> self.tcb.rcv_scale()).min(65_535) as u16;
        if !self.write_bare(&header, out) {
            return false;
        }
        self.tcb.clear(Flags::PROBE);
        self.cx.counters.count(Counter::KeepAliveProbes);
        true
    }

    /// The header of a segment that tells the peer what we have and what we can take.
    #[inline]
    fn acknowledging(&mut self, seq: Seq, flags: Bits) -> Header {
        let window = self.advertise();
        let mut header = self.header(seq, flags);
        header.window = window;
        // RFC 7323 TS-ALWAYS: once agreed on, in every segment.
        if self.tcb.is(Flags::TIMESTAMPS) {
            header.options.timestamps = Some(Timestamps { value: self.timestamp(), echo: self.tcb.ts_recent });
        }
        header
    }

    #[inline]
    fn header(&self, seq: Seq, flags: Bits) -> Header {
        Header {
            source_port: self.tcb.local_port,
            destination_port: self.tcb.remote_port,
            seq,
            ack: if flags.contains(Bits::ACK) { self.tcb.rcv_nxt } else { Seq(0) },
            flags,
            window: 0,
            // RFC 9293 SHLD-13: nothing of ours is urgent.
            urgent: 0,
            options: Options::NONE,
        }
    }

    /// What follows from having sent an ACK.
    #[inline]
    fn acknowledged_up_to_now(&mut self, header: &Header) {
        debug_assert!(header.ack == self.tcb.rcv_nxt, "an ACK says what we have");
        self.tcb.last_ack_sent = self.tcb.rcv_nxt;
        self.tcb.clear(Flags::ACK_NOW);
        self.tcb.clear(Flags::ACK_LATER);
        let edge = self.tcb.rcv_nxt + header.scaled_window(self.tcb.rcv_scale());
        self.tcb.rcv_edge = Seq::later_of(self.tcb.rcv_edge, edge);
    }

    /// How packets of this connection travel.
    #[inline]
    pub(crate) fn path(&self) -> Path {
        let options = &self.profile().options;
        Path {
            source_mac: self.cx.link.mac(),
            destination_mac: self.cx.link.hop_mac(self.tcb.hop),
            // RFC 9293 MUST-45: the address of the first segment, for ever.
            source: self.cx.link.address(self.tcb.local),
            destination: self.tcb.remote,
            // RFC 9293 MUST-48, MUST-49: as the application wants them.
            hop_limit: options.hop_limit,
            dscp: options.dscp,
        }
    }

    /// Writes a segment with `len` bytes of the queue from `from` on. False if there is no frame.
    #[inline]
    fn write(&mut self, header: &Header, from: Cursor, len: u32, out: &mut Vec<Frame>) -> bool {
        if len == 0 {
            return self.write_bare(header, out);
        }
        let Some(mut frame) = self.cx.frames.alloc() else { return self.has_no_frame() };
        let path = self.path();
        let buffer = self.cx.frames.buffer_mut(&mut frame);
        let part = self.cx.sending.of(self.tcb.sending);
        let written = match part.slice(from, len) {
            Some(bytes) => crore_wire::emit::tcp(buffer, &path, header, Some(bytes)),
            None => crore_wire::emit::tcp(buffer, &path, header, part.slices(from, len)),
        };
        self.send(frame, written, out)
    }

    /// Writes a segment without data. It may use the frames in reserve.
    fn write_bare(&mut self, header: &Header, out: &mut Vec<Frame>) -> bool {
        let Some(mut frame) = self.cx.frames.alloc_reserved() else { return self.has_no_frame() };
        let path = self.path();
        let buffer = self.cx.frames.buffer_mut(&mut frame);
        let written = crore_wire::emit::tcp(buffer, &path, header, None);
        self.send(frame, written, out)
    }

    #[cold]
    fn has_no_frame(&mut self) -> bool {
        self.cx.counters.count(Counter::FramesExhausted);
        false
    }

    #[inline]
    fn send(&mut self, mut frame: Frame, written: usize, out: &mut Vec<Frame>) -> bool {
        frame.set_len(written);
        self.cx.counters.count(Counter::FramesOut);
        out.push(frame);
        true
    }
}
