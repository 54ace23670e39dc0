//! etherparse as a judge: it reads what we write, and we read what it writes.

mod generate;

use crore_wire::checksum::Sum;
use crore_wire::emit;
use crore_wire::packet::Packet;
use crore_wire::seq::Seq;
use crore_wire::tcp::{self, Flags, Header};
use crore_wire::{icmp, icmpv6, protocol};
use etherparse::{
    Icmpv4Slice, Icmpv6Slice, NetSlice, PacketBuilder, SlicedPacket, TcpHeader, TcpOptionElement, TcpSlice,
    TransportSlice,
};
use generate::{header, path, path_v4, path_v6, payload};
use proptest::collection::vec;
use proptest::prelude::*;

fn flags_of(theirs: &TcpSlice<'_>) -> Flags {
    let bits = [
        (theirs.fin(), Flags::FIN),
        (theirs.syn(), Flags::SYN),
        (theirs.rst(), Flags::RST),
        (theirs.psh(), Flags::PSH),
        (theirs.ack(), Flags::ACK),
        (theirs.urg(), Flags::URG),
        (theirs.ece(), Flags::ECE),
        (theirs.cwr(), Flags::CWR),
    ];
    bits.iter().filter(|(is_set, _)| *is_set).fold(Flags::NONE, |flags, (_, flag)| flags | *flag)
}

/// Our options as etherparse lists them.
fn elements(ours: &tcp::Options) -> Vec<TcpOptionElement> {
    let mut elements = Vec::new();
    elements.extend(ours.mss.map(TcpOptionElement::MaximumSegmentSize));
    elements.extend(ours.sack_permitted.then_some(TcpOptionElement::SelectiveAcknowledgementPermitted));
    elements.extend(ours.timestamps.map(|times| TcpOptionElement::Timestamp(times.value, times.echo)));
    elements.extend(ours.window_scale.map(TcpOptionElement::WindowScale));
    elements
}

fn check_tcp(theirs: &TcpSlice<'_>, ours: &Header) -> Result<(), TestCaseError> {
    prop_assert_eq!((theirs.source_port(), theirs.destination_port()), (ours.source_port, ours.destination_port));
    prop_assert_eq!((theirs.sequence_number(), theirs.acknowledgment_number()), (ours.seq.0, ours.ack.0));
    prop_assert_eq!((theirs.window_size(), theirs.urgent_pointer()), (ours.window, ours.urgent));
    prop_assert_eq!(flags_of(theirs), ours.flags);
    prop_assert!(!theirs.ns());
    let options: Result<Vec<_>, _> = theirs.options_iterator().collect();
    let options = options.map_err(|error| TestCaseError::fail(error.to_string()))?;
    let options: Vec<_> = options.into_iter().filter(|option| *option != TcpOptionElement::Noop).collect();
    prop_assert_eq!(options, elements(&ours.options));
    Ok(())
}

proptest! {
    /// RFC 9293 MUST-2
    #[test]
    fn it_reads_the_segments_that_we_write(path in path(), header in header(), payload in payload()) {
        let mut frame = vec![0xee; 2048];
        let len = emit::tcp(&mut frame, &path, &header, [&payload[..]]);
        let theirs = SlicedPacket::from_ethernet(&frame[..len]).unwrap();
        let Some(TransportSlice::Tcp(segment)) = &theirs.transport else {
            panic!("no TCP in {theirs:?}");
        };
        check_tcp(segment, &header)?;
        prop_assert_eq!(segment.payload(), &payload[..]);
        match theirs.net.unwrap() {
            NetSlice::Ipv4(ip) => {
                let ip = ip.header();
                prop_assert_eq!(ip.source(), path.source.v4_octets());
                prop_assert_eq!(ip.destination(), path.destination.v4_octets());
                prop_assert_eq!((ip.ttl(), ip.dcp().value(), ip.identification()), (path.hop_limit, path.dscp, 0));
                prop_assert!(ip.dont_fragment() && !ip.is_fragmenting_payload());
                prop_assert_eq!(ip.header_checksum(), ip.to_header().calc_header_checksum());
                let checksum = segment.calc_checksum_ipv4(ip.source(), ip.destination()).unwrap();
                prop_assert_eq!(segment.checksum(), checksum);
            }
            NetSlice::Ipv6(ip) => {
                let ip = ip.header();
                prop_assert_eq!((&ip.source(), &ip.destination()), (path.source.octets(), path.destination.octets()));
                prop_assert_eq!((ip.hop_limit(), ip.traffic_class()), (path.hop_limit, path.dscp << 2));
                let checksum = segment.calc_checksum_ipv6(ip.source(), ip.destination()).unwrap();
                prop_assert_eq!(segment.checksum(), checksum);
            }
            NetSlice::Arp(_) => panic!("no IP in the frame"),
        }
    }

    #[test]
    fn we_read_the_segments_that_it_writes(path in path(), header in header(), ranges in vec(any::<(u32, u32)>(), 0..=3), payload in payload()) {
        let mut theirs = TcpHeader::new(header.source_port, header.destination_port, header.seq.0, header.window);
        theirs.acknowledgment_number = header.ack.0;
        theirs.urgent_pointer = header.urgent;
        let has = |flag| header.flags.contains(flag);
        (theirs.fin, theirs.syn, theirs.rst, theirs.psh) =
            (has(Flags::FIN), has(Flags::SYN), has(Flags::RST), has(Flags::PSH));
        (theirs.ack, theirs.urg, theirs.ece, theirs.cwr) =
            (has(Flags::ACK), has(Flags::URG), has(Flags::ECE), has(Flags::CWR));
        // It packs options without aligning them.
        let mut options = elements(&header.options);
        // Beside everything that a SYN negotiates there is no room.
        let ranges = if header.options.emitted_len() > 12 { &[] } else { &ranges[..] };
        if let [first, rest @ ..] = ranges {
            let others = std::array::from_fn(|index| rest.get(index).copied());
            options.push(TcpOptionElement::SelectiveAcknowledgement(*first, others));
        }
        theirs.set_options(&options).unwrap();
        let ethernet = PacketBuilder::ethernet2(path.source_mac.0, path.destination_mac.0);
        let ip = if path.source.is_v4() {
            ethernet.ipv4(path.source.v4_octets(), path.destination.v4_octets(), path.hop_limit)
        } else {
            ethernet.ipv6(*path.source.octets(), *path.destination.octets(), path.hop_limit)
        };
        let mut frame = Vec::new();
        ip.tcp_header(theirs).write(&mut frame, &payload).unwrap();

        let packet = Packet::parse(&frame).unwrap();
        prop_assert_eq!((packet.source, packet.destination), (path.source, path.destination));
        prop_assert_eq!((packet.hop_limit, packet.protocol), (path.hop_limit, protocol::TCP));
        let segment = packet.payload(&frame);
        let pseudo = Sum::pseudo_header(&packet.source, &packet.destination, packet.protocol, segment.len() as u32);
        prop_assert!(tcp::verify(segment, &pseudo));
        let (header_again, start) = tcp::parse(segment).unwrap();
        prop_assert_eq!((header_again, &segment[start..]), (header, &payload[..]));
        let blocks = tcp::SackBlocks::parse(segment).unwrap();
        prop_assert_eq!(blocks.as_slice(), ranges.iter().map(|&(start, end)| (Seq(start), Seq(end))).collect::<Vec<_>>());
    }

    #[test]
    fn it_reads_the_echoes_that_we_write(v4 in path_v4(), v6 in path_v6(), identifier: u16, sequence: u16,
                                         data in payload()) {
        let echo = icmp::Echo { identifier, sequence, data: &data };
        let expected = etherparse::IcmpEchoHeader { id: identifier, seq: sequence };
        let mut frame = vec![0xee; 2048];

        let len = emit::icmp(&mut frame, &v4, &icmp::Message::EchoRequest(echo));
        let theirs = Icmpv4Slice::from_slice(&frame[emit::ip_len(true)..len]).unwrap();
        prop_assert_eq!(theirs.icmp_type(), etherparse::Icmpv4Type::EchoRequest(expected));
        prop_assert_eq!(theirs.icmp_type().calc_checksum(&data), theirs.checksum());

        let len = emit::icmpv6(&mut frame, &v6, &icmpv6::Message::EchoReply(echo));
        let theirs = Icmpv6Slice::from_slice(&frame[emit::ip_len(false)..len]).unwrap();
        prop_assert_eq!(theirs.icmp_type(), etherparse::Icmpv6Type::EchoReply(expected));
        prop_assert!(theirs.is_checksum_valid(*v6.source.octets(), *v6.destination.octets()));
        prop_assert_eq!(theirs.payload(), &data[..]);
    }

    #[test]
    fn we_read_the_errors_that_it_writes(path in path_v6(), mtu: u32, quoted in payload()) {
        let ethernet = PacketBuilder::ethernet2(path.source_mac.0, path.destination_mac.0);
        let mut frame = Vec::new();
        ethernet
            .ipv6(*path.source.octets(), *path.destination.octets(), path.hop_limit)
            .icmpv6(etherparse::Icmpv6Type::PacketTooBig { mtu })
            .write(&mut frame, &quoted)
            .unwrap();
        let packet = Packet::parse(&frame).unwrap();
        let expected = icmp::Error { kind: icmp::ErrorKind::PacketTooBig, code: 0, mtu, quoted: &quoted };
        prop_assert_eq!(icmpv6::parse(packet.payload(&frame), &packet), Ok(icmpv6::Message::Error(expected)));
    }
}
