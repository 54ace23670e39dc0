//! What leaves the engine, on its way to the table: parsed, checked, counted from the right numbers.

use crore_base::frame::Frame;
use crore_wire::arp::{self, Operation};
use crore_wire::icmpv6::{self, Message};
use crore_wire::ndp::NeighbourAdvertisement;
use crore_wire::packet::Link;
use crore_wire::tcp::Flags;
use crore_wire::{emit, protocol, tcp};

use super::Table;
use super::segment::Seen;

impl Table {
    /// Takes what the engine sends, and checks it.
    pub(crate) fn collect(&mut self) {
        let mut out: Vec<Frame> = Vec::new();
        loop {
            while self.engine.poll_output(self.now, &mut out, 4096) > 0 {}
            if out.is_empty() {
                return;
            }
            let frames: Vec<Vec<u8>> = out.iter().map(|frame| self.engine.frames().bytes(frame).to_vec()).collect();
            out.drain(..).for_each(|frame| self.engine.frames_mut().free(frame));
            frames.into_iter().for_each(|frame| self.takes(frame));
        }
    }

    fn takes(&mut self, frame: Vec<u8>) {
        let packet = match Link::parse(&frame).expect("the engine sends frames as they should be") {
            Link::Ip(packet) if packet.protocol == protocol::TCP => packet,
            Link::Ip(packet) => {
                let question = icmpv6::parse(packet.payload(&frame), &packet);
                if let Ok(Message::Solicitation(_)) = question {
                    self.tells_where_it_is();
                }
                return self.others.push(frame);
            }
            Link::Arp(question) => {
                if question.operation == Operation::Request && self.peer.address == question.target.into() {
                    self.tells_where_it_is();
                }
                return self.others.push(frame);
            }
        };
        let (header, start) = tcp::parse(packet.payload(&frame)).expect("the engine's headers are headers");
        let is_peers = packet.destination == self.peer.address
            && header.destination_port == self.peer.port
            && packet.source == self.peer.engine
            && header.source_port == self.peer.engine_port;
        if is_peers && header.flags.contains(Flags::SYN) {
            self.peer.origins.engine = header.seq;
            self.peer.engine_next = 0;
        }
        let has_ack = header.flags.contains(Flags::ACK);
        let seen = Seen {
            flags: header.flags,
            seq: header.seq - self.peer.origins.engine,
            ack: if has_ack { header.ack - self.peer.origins.peer } else { 0 },
            payload: packet.payload(&frame)[start..].to_vec(),
            header,
            packet,
            frame,
        };
        self.guard.check(&seen, is_peers);
        if !is_peers {
            return self.strays.push_back(seen);
        }
        if !header.flags.contains(Flags::RST) {
            self.hears(&seen);
        }
        self.seen.push_back(seen);
    }

    /// What the peer knows after a segment of the engine's has come.
    fn hears(&mut self, seen: &Seen) {
        if (seen.end().wrapping_sub(self.peer.engine_next) as i32) > 0 {
            self.peer.engine_next = seen.end();
        }
        if let Some(timestamps) = seen.header.options.timestamps {
            self.peer.heard_clock = timestamps.value;
        }
    }

    /// The peer answers a question for its link-layer address.
    pub(crate) fn tells_where_it_is(&mut self) {
        if !self.peer_is_found {
            return;
        }
        let mut frame = vec![0; 256];
        let written = if self.peer.address.is_v4() {
            let packet = arp::Packet {
                operation: Operation::Reply,
                sender_mac: self.peer.mac,
                sender: self.peer.address.v4_octets().into(),
                target_mac: self.peer.engine_mac,
                target: self.peer.engine.v4_octets().into(),
            };
            emit::arp(&mut frame, self.peer.engine_mac, &packet)
        } else {
            let message = Message::Advertisement(NeighbourAdvertisement {
                target: self.peer.address,
                router: false,
                solicited: true,
                replaces: true,
                target_mac: Some(self.peer.mac),
            });
            emit::icmpv6(&mut frame, &self.peer.path(), &message)
        };
        frame.truncate(written);
        self.injects(&[frame]);
    }
}
