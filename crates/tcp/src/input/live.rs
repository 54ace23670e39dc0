//! A segment for a connection with a control block: the steps of RFC 9293 section 3.10.7.4, in its order.

use crore_wire::ethernet::Mac;
use crore_wire::tcp::Flags as Bits;

use crate::conn::Conn;
use crate::input::segment::{Segment, Step, Verdict};
use crate::tcb::{Flags, State};

impl Conn<'_> {
    /// Takes a segment through all steps, and does what they demand.
    #[inline]
    pub(crate) fn on_segment(&mut self, segment: &mut Segment) -> Verdict {
        match self.steps(segment) {
            Ok(()) => Verdict::Delivered,
            Err(verdict) => {
                self.follow(verdict);
                verdict
            }
        }
    }

    fn steps(&mut self, segment: &mut Segment) -> Step {
        if self.tcb.state == State::SynSent {
            return self.answer_to_syn(segment);
        }
        // Header prediction (Jacobson 1990): what only concerns segments with SYN, RST, FIN or URG is left out for all others.
        let is_plain = segment.is_plain();
        if !is_plain {
            self.take_syn_ack_as_ack(segment);
        }
        self.check_timestamps(segment)?;
        self.check_sequence(segment)?;
        if !is_plain {
            self.check_reset(segment)?;
            self.check_syn(segment)?;
        }
        self.take_ack(segment)?;
        self.heard_from(segment);
        self.note_timestamp(segment);
        if !is_plain {
            self.take_urgent(segment);
        }
        self.take_data(segment)?;
        self.take_fin(segment)
    }

    /// Two SYNs that crossed are both answered by a SYN-ACK, which repeats the SYN that we know already; what is new in it
    /// is the ACK (RFC 9293 section 3.5, figure 8).
    fn take_syn_ack_as_ack(&mut self, segment: &mut Segment) {
        let header = &mut segment.header;
        let crossed = self.tcb.state == State::SynReceived && header.flags.contains(Bits::SYN.with(Bits::ACK));
        // RFC 9293 MUST-10: simultaneous open.
        if crossed && header.seq + 1 == self.tcb.rcv_nxt && !header.flags.contains(Bits::RST) {
            header.seq += 1;
            header.flags = header.flags.without(Bits::SYN);
        }
    }

    /// The peer is alive, and this is the way to it.
    fn heard_from(&mut self, segment: &mut Segment) {
        segment.after_rest = segment.len > 0 && self.has_rested_since(self.tcb.heard_ms);
        self.tcb.heard_ms = self.cx.clock.ms;
        self.tcb.probes = 0;
        self.answer_by(segment.mac);
    }

    /// Replies go to the neighbour that the last frame came from, even if we have not found it by asking yet.
    #[inline]
    pub(super) fn answer_by(&mut self, mac: Mac) {
        if !self.tcb.is(Flags::NO_HOP) {
            self.tcb.hop = self.cx.link.follow(self.tcb.hop, mac);
        } else if let Some(hop) = self.cx.link.hop(mac) {
            self.tcb.hop = hop;
            self.tcb.clear(Flags::NO_HOP);
        }
    }
}
