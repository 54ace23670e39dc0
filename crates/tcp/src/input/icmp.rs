//! What is neither TCP nor ARP, and what the network says about segments of ours.

use crore_base::frame::Frame;
use crore_wire::packet::Packet;
use crore_wire::protocol;

use crate::conn::Conn;
use crate::counter::Counter;
use crate::engine::Engine;
use crate::event::{CloseReason, Ready};
use crate::limits::{MSS_MIN_V4, MSS_MIN_V6};
use crate::link::{FlowError, FlowErrorKind, Icmp};
use crate::record::Record;
use crate::tcb::State;
use crate::tuple::Tuple;

impl Engine {
    /// ICMP of both families goes to the link; other protocols are nobody's.
    pub(super) fn on_other(&mut self, packet: &Packet, frame: &Frame) -> Result<(), Counter> {
        let bytes = packet.payload(self.cx.frames.bytes(frame));
        let now = self.cx.clock.now;
        if !self.cx.link.accepts(packet.destination_mac) {
            return Err(Counter::DroppedElsewhere);
        }
        let outcome = match packet.protocol {
            protocol::ICMP if packet.source.is_v4() => self.cx.link.on_icmp(now, packet, bytes),
            protocol::ICMPV6 if !packet.source.is_v4() => self.cx.link.on_icmpv6(now, packet, bytes),
            _ => return Err(Counter::DroppedProtocol),
        };
        match outcome {
            Icmp::Answered => Ok(()),
            // RFC 9293 MUST-55: a Source Quench is among what is ignored.
            Icmp::Ignored(_) => Err(Counter::DroppedIcmp),
            Icmp::Error(error) => {
                self.on_flow_error(&error);
                Ok(())
            }
        }
    }

    /// RFC 9293 MUST-54, RFC 5927: an error counts only if it quotes a segment that is in flight.
    fn on_flow_error(&mut self, error: &FlowError) {
        let tuple = Tuple {
            local: error.local,
            remote: error.remote,
            local_port: error.local_port,
            remote_port: error.remote_port,
        };
        let hash = tuple.hash(&self.cx.key);
        let found = self.cx.flows.find(hash, |bits| match Record::from_bits(bits) {
            Record::Live(index) => self.tcbs.at(index).is_some_and(|tcb| {
                tcb.remote == tuple.remote
                    && tcb.remote_port == tuple.remote_port
                    && tcb.local_port == tuple.local_port
                    && self.cx.link.address(tcb.local) == tuple.local
            }),
            _ => false,
        });
        let noted = match found.map(Record::from_bits) {
            Some(Record::Live(index)) => self.with(index, |conn| conn.on_error(error)).unwrap_or(false),
            _ => false,
        };
        self.cx.counters.count(if noted { Counter::IcmpNoted } else { Counter::IcmpUnmatched });
    }
}

impl Conn<'_> {
    /// Takes note of an error about a segment of ours. False if the segment is not in flight.
    fn on_error(&mut self, error: &FlowError) -> bool {
        let in_flight = error.seq.is_within(self.tcb.snd_una, self.tcb.in_flight());
        if !in_flight {
            return false;
        }
        if let FlowErrorKind::TooBig { mtu } = error.kind {
            self.fit_into(mtu);
            return true;
        }
        let opening = matches!(self.tcb.state, State::SynSent | State::SynReceived);
        // RFC 9293 SHLD-26, RFC 5461: what is hard ends an open that is under way, and an established connection never.
        if opening && !error.is_soft() {
            self.end(CloseReason::Unreachable);
        } else {
            // RFC 9293 MUST-47, MUST-56: the application may hear of it, the connection goes on.
            self.tell(Ready::SOFT_ERROR);
        }
        true
    }

    /// RFC 1191, RFC 8201: a segment was larger than the path carries. It leaves again in smaller ones.
    fn fit_into(&mut self, mtu: u16) {
        let v4 = self.tcb.remote.is_v4();
        let (headers, least) = if v4 { (40, MSS_MIN_V4) } else { (60, MSS_MIN_V6) };
        let options = if self.tcb.is(crate::tcb::Flags::TIMESTAMPS) { 12 } else { 0 };
        let mss = mtu.saturating_sub(headers).max(least) - options;
        if mss >= self.tcb.mss || !self.tcb.state.is_synchronised() {
            return;
        }
        self.tcb.mss = mss;
        if let Some(part) = self.sending() {
            part.rewind();
            self.mark_dirty();
        }
    }
}
