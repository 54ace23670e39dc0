//! What comes in for the link itself: ARP, ICMP, ICMPv6 with neighbour discovery.
//!
//! Each message costs a bounded amount of work, allocates nothing, and makes no entry in any table; what it may do is
//! change an entry that our own traffic made, or put one answer into a bounded queue. ICMP messages are never answered
//! if they came by broadcast or multicast, or from an address that is no other host's.

use crore_base::time::Instant;
use crore_wire::arp::{self, Operation};
use crore_wire::ethernet::Mac;
use crore_wire::icmp::{self, Echo};
use crore_wire::icmpv6;
use crore_wire::ip::Ip;
use crore_wire::ndp::{NeighbourAdvertisement, NeighbourSolicitation};
use crore_wire::packet::Packet;
use crore_wire::{Refused, emit, ipv4, ipv6};

use super::addresses::Destination;
use super::error::{self, FlowError};
use super::limits::HOP_LIMIT;
use super::neighbours::Heard;
use super::output::Answer;
use super::{ALL_NODES, Link};

/// What an ICMP message of either family came to.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Icmp {
    /// The link has taken it: an echo will be answered, a neighbour was learned or told.
    Answered,
    /// It had nothing to say to us.
    Ignored(Ignored),
    /// It is about a segment of ours; the engine decides whether it is credible.
    Error(FlowError),
}

/// Why an ICMP message was ignored.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Ignored {
    /// It is not what it should be, or of a kind that we have no use for.
    Refused(Refused),
    /// It is for another host, or asks for one.
    NotOurs,
    /// It came to many hosts at once.
    Group,
    /// Its sender's address is ours, a group's, or none.
    Source,
    /// Nobody asked for it.
    NotAsked,
    /// Too many came at once, or more than its MTU would have to be returned.
    LeftOut,
    /// An obsolete way to ask for less (RFC 9293 MUST-55).
    SourceQuench,
    /// It does not quote a segment that we could have sent.
    Quote,
    /// It names a path MTU that is none, or no news.
    Mtu,
    /// Another host claims an address of ours.
    Conflict,
}

impl From<Refused> for Ignored {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl Link {
    /// Takes an ARP packet: answers a question for an address of ours, and learns from what the sender says about
    /// itself if that address was asked for before. Returns whether it was of use.
    ///
    /// Costs one or two hash lookups.
    pub(crate) fn on_arp(&mut self, now: Instant, packet: &arp::Packet) -> bool {
        let (sender, target) = (Ip::from(packet.sender), Ip::from(packet.target));
        if packet.sender_mac == self.mac {
            return false;
        }
        if self.addresses.is_ours(&sender) {
            self.counters.conflicts += 1;
            return false;
        }
        // A host that wants to know whether an address is free asks from none (RFC 5227 section 2.1).
        let is_probe = sender == Ip::UNSPECIFIED_V4;
        if !is_probe && !self.addresses.is_other_host(&sender) {
            return false;
        }
        let for_us = self.addresses.is_ours(&target);
        let answer = for_us && packet.operation == Operation::Reply;
        let learned = !is_probe && self.hear(now, &sender, packet.sender_mac, Heard { answer, replaces: true });
        if for_us && packet.operation == Operation::Request {
            self.answer(Answer::Arp { to: packet.sender_mac, theirs: packet.sender, ours: packet.target });
        }
        for_us || learned
    }

    /// Takes an ICMP message, the payload `bytes` of `packet`, whatever its destination.
    ///
    /// Costs one pass over the message for its checksum, and one to copy what an echo must return.
    pub(crate) fn on_icmp(&mut self, now: Instant, packet: &Packet, bytes: &[u8]) -> Icmp {
        debug_assert!(packet.source.is_v4());
        let outcome = icmp::parse(bytes).map_err(Ignored::from).and_then(|message| match message {
            icmp::Message::EchoRequest(echo) => self.on_echo(now, packet, &echo),
            icmp::Message::EchoReply(_) => Err(Ignored::NotAsked),
            icmp::Message::Error(error) => self.on_error(packet, &error),
        });
        outcome.unwrap_or_else(Icmp::Ignored)
    }

    /// Takes an ICMPv6 message, the payload `bytes` of `packet`, whatever its destination: questions for neighbours
    /// come to groups. Messages of neighbour discovery count only with a hop limit of 255, which no router lets pass.
    ///
    /// Costs what [`on_icmp`](Self::on_icmp) costs.
    pub(crate) fn on_icmpv6(&mut self, now: Instant, packet: &Packet, bytes: &[u8]) -> Icmp {
        debug_assert!(!packet.source.is_v4());
        let outcome = icmpv6::parse(bytes, packet).map_err(Ignored::from).and_then(|message| match message {
            icmpv6::Message::EchoRequest(echo) => self.on_echo(now, packet, &echo),
            icmpv6::Message::EchoReply(_) => Err(Ignored::NotAsked),
            icmpv6::Message::Error(error) => self.on_error(packet, &error),
            icmpv6::Message::Solicitation(solicitation) => self.on_solicitation(now, packet, &solicitation),
            icmpv6::Message::Advertisement(advertisement) => self.on_advertisement(now, packet, &advertisement),
        });
        outcome.unwrap_or_else(Icmp::Ignored)
    }

    /// RFC 1122 ECHO-REPLY, for both families.
    fn on_echo(&mut self, now: Instant, packet: &Packet, echo: &Echo<'_>) -> Result<Icmp, Ignored> {
        self.check_addresses(packet)?;
        let is_v4 = packet.source.is_v4();
        let room = usize::from(self.mtu) - if is_v4 { ipv4::LEN } else { ipv6::LEN } - icmp::LEN;
        // IPv4 returns as much as one datagram holds (RFC 1122 section 3.2.2.6), IPv6 all or nothing (RFC 4443 section
        // 4.2).
        if echo.data.len() > room && !is_v4 || !self.echoes.admit(now) {
            self.counters.echoes_left_out += 1;
            return Err(Ignored::LeftOut);
        }
        let path = emit::Path {
            source_mac: self.mac,
            destination_mac: packet.source_mac,
            source: packet.destination,
            destination: packet.source,
            hop_limit: HOP_LIMIT,
            dscp: packet.dscp_ecn >> 2,
        };
        let data = &echo.data[..echo.data.len().min(room)];
        self.echoes.push(path, &Echo { data, ..*echo });
        Ok(Icmp::Answered)
    }

    fn on_error(&mut self, packet: &Packet, error: &icmp::Error<'_>) -> Result<Icmp, Ignored> {
        self.check_addresses(packet)?;
        error::interpret(error, &packet.destination, self.mtu).map(Icmp::Error)
    }

    fn on_solicitation(
        &mut self,
        now: Instant,
        packet: &Packet,
        solicitation: &NeighbourSolicitation,
    ) -> Result<Icmp, Ignored> {
        let NeighbourSolicitation { target, source_mac } = solicitation;
        if packet.source_mac == self.mac {
            return Err(Ignored::Source);
        }
        let to_us = self.addresses.is_ours(&packet.destination) || packet.destination == target.solicited_node();
        if !to_us {
            return Err(Ignored::NotOurs);
        }
        // A host that wants to know whether an address is free asks from none (RFC 4862 section 5.4).
        let is_probe = packet.source.is_unspecified();
        if !is_probe {
            self.check_neighbour(&packet.source)?;
            source_mac.map(|mac| self.hear(now, &packet.source, mac, Heard { answer: false, replaces: true }));
        }
        if !self.addresses.is_ours(target) {
            return Err(Ignored::NotOurs);
        }
        // Who has no address is told with everybody else (RFC 4861 section 7.2.4).
        let (to, to_mac) = match is_probe {
            true => (ALL_NODES, Mac::of_ipv6_multicast(&ALL_NODES)),
            false => (packet.source, packet.source_mac),
        };
        self.answer(Answer::Neighbour { to_mac, to, ours: *target, solicited: !is_probe });
        Ok(Icmp::Answered)
    }

    fn on_advertisement(
        &mut self,
        now: Instant,
        packet: &Packet,
        advertisement: &NeighbourAdvertisement,
    ) -> Result<Icmp, Ignored> {
        let for_us = self.addresses.is_ours(&packet.destination);
        if packet.source_mac == self.mac {
            return Err(Ignored::Source);
        }
        if !for_us && packet.destination != ALL_NODES {
            return Err(Ignored::NotOurs);
        }
        self.check_neighbour(&advertisement.target)?;
        // It may be left out in the answer to a question that was for this neighbour alone (RFC 4861 section 4.4).
        let mac = advertisement.target_mac.unwrap_or(packet.source_mac);
        let heard = Heard { answer: for_us && advertisement.solicited, replaces: advertisement.replaces };
        if self.hear(now, &advertisement.target, mac, heard) { Ok(Icmp::Answered) } else { Err(Ignored::NotAsked) }
    }

    /// Whether a message may be answered or believed: it came from one other host to us alone.
    fn check_addresses(&self, packet: &Packet) -> Result<(), Ignored> {
        match self.addresses.destination(&packet.destination) {
            Destination::Ours if packet.destination_mac.is_group() => Err(Ignored::Group),
            Destination::Ours if self.addresses.is_other_host(&packet.source) => Ok(()),
            Destination::Ours => Err(Ignored::Source),
            Destination::Group => Err(Ignored::Group),
            Destination::Elsewhere => Err(Ignored::NotOurs),
        }
    }

    /// Whether an address that another host speaks for can be its own.
    fn check_neighbour(&mut self, address: &Ip) -> Result<(), Ignored> {
        if self.addresses.is_ours(address) {
            self.counters.conflicts += 1;
            return Err(Ignored::Conflict);
        }
        if self.addresses.is_other_host(address) { Ok(()) } else { Err(Ignored::Source) }
    }

    /// Passes on what a neighbour says about itself, unless it cannot be; returns whether we had asked about it.
    fn hear(&mut self, now: Instant, address: &Ip, mac: Mac, heard: Heard) -> bool {
        let is_host = !mac.is_group() && mac != Mac::default() && mac != self.mac;
        is_host && self.neighbours.on_heard(now, address, mac, heard)
    }
}
