//! smoltcp as a judge: it reads what we write, and we read what it writes.

mod generate;

use std::net::{IpAddr, Ipv6Addr};

use crore_wire::checksum::Sum;
use crore_wire::emit::{self, Path};
use crore_wire::ip::Ip;
use crore_wire::ndp::{NeighbourAdvertisement, NeighbourSolicitation};
use crore_wire::packet::{Link, Packet};
use crore_wire::seq::Seq;
use crore_wire::tcp::{self, Flags, Header, Options, SackBlocks, Timestamps};
use crore_wire::{arp, icmp, icmpv6};
use generate::{header, mac, path, path_v4, path_v6, payload, v4, v6};
use proptest::collection::vec;
use proptest::prelude::*;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr, Icmpv4Packet,
    Icmpv4Repr, Icmpv6Packet, Icmpv6Repr, IpAddress, IpProtocol, IpRepr, Ipv4Packet, Ipv4Repr, Ipv6Packet, Ipv6Repr,
    NdiscNeighborFlags, NdiscRepr, RawHardwareAddress, TcpControl, TcpPacket, TcpRepr, TcpSeqNumber, TcpTimestampRepr,
};

fn checked() -> ChecksumCapabilities {
    ChecksumCapabilities::default()
}

fn address(ip: &Ip) -> IpAddress {
    ip.to_std().into()
}

fn ipv6(ip: &Ip) -> Ipv6Addr {
    Ipv6Addr::from(*ip.octets())
}

/// What smoltcp finds in the Ethernet and IP headers of a frame of ours, and where the payload is.
fn ip_of<'a>(frame: &'a [u8], path: &Path) -> (IpRepr, &'a [u8]) {
    let ethernet = EthernetFrame::new_checked(frame).unwrap();
    assert_eq!(ethernet.src_addr(), EthernetAddress(path.source_mac.0));
    assert_eq!(ethernet.dst_addr(), EthernetAddress(path.destination_mac.0));
    match ethernet.ethertype() {
        EthernetProtocol::Ipv4 => {
            let packet = Ipv4Packet::new_checked(ethernet.payload()).unwrap();
            assert!(packet.dont_frag() && packet.dscp() == path.dscp && packet.ident() == 0);
            (Ipv4Repr::parse(&packet, &checked()).unwrap().into(), packet.payload())
        }
        EthernetProtocol::Ipv6 => {
            let packet = Ipv6Packet::new_checked(ethernet.payload()).unwrap();
            assert_eq!(packet.traffic_class(), path.dscp << 2);
            (Ipv6Repr::parse(&packet).unwrap().into(), packet.payload())
        }
        other => panic!("no IP in a frame of {other}"),
    }
}

/// A frame of smoltcp's on this path, with a payload that `write` fills in.
fn frame_of(path: &Path, protocol: IpProtocol, len: usize, write: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let ip = IpRepr::new(address(&path.source), address(&path.destination), protocol, len, path.hop_limit);
    let mut frame = vec![0xee; 14 + ip.header_len() + len];
    let ethertype = if path.source.is_v4() { EthernetProtocol::Ipv4 } else { EthernetProtocol::Ipv6 };
    let ethernet = EthernetRepr {
        src_addr: EthernetAddress(path.source_mac.0),
        dst_addr: EthernetAddress(path.destination_mac.0),
        ethertype,
    };
    ethernet.emit(&mut EthernetFrame::new_unchecked(&mut frame));
    ip.emit(&mut frame[14..], &checked());
    write(&mut frame[14 + ip.header_len()..]);
    frame
}

/// A header as smoltcp can write it: it knows no urgent data and not every set of flags.
fn for_smoltcp(header: Header, control: u8) -> (Header, TcpControl) {
    let (control, flags) = [
        (TcpControl::None, Flags::NONE),
        (TcpControl::Psh, Flags::PSH),
        (TcpControl::Syn, Flags::SYN),
        (TcpControl::Fin, Flags::FIN),
        (TcpControl::Rst, Flags::RST),
    ][usize::from(control % 5)];
    let mut options = header.options;
    options.window_scale = options.window_scale.map(|shift| shift % 15);
    if control != TcpControl::Syn {
        options = Options { mss: None, window_scale: None, sack_permitted: false, ..options };
    }
    let ports = |port: u16| port.max(1);
    let header = Header {
        source_port: ports(header.source_port),
        destination_port: ports(header.destination_port),
        flags: flags | (header.flags & Flags::ACK),
        ack: if header.flags.contains(Flags::ACK) { header.ack } else { Seq(0) },
        urgent: 0,
        options,
        ..header
    };
    (header, control)
}

/// The ranges that smoltcp writes: they come with ACK and without the option that permits them, and beside everything
/// that a SYN negotiates the header's 40 bytes have no room for three of them.
fn ranges_for<'a>(header: &Header, ranges: &'a [(u32, u32)]) -> &'a [(u32, u32)] {
    let have_room = header.options.emitted_len() <= 12;
    let are_written = header.flags.contains(Flags::ACK) && !header.options.sack_permitted && have_room;
    if are_written { ranges } else { &[] }
}

fn repr_of<'a>(header: &Header, control: TcpControl, ranges: &[(u32, u32)], payload: &'a [u8]) -> TcpRepr<'a> {
    TcpRepr {
        src_port: header.source_port,
        dst_port: header.destination_port,
        control,
        seq_number: TcpSeqNumber(header.seq.0 as i32),
        ack_number: header.flags.contains(Flags::ACK).then_some(TcpSeqNumber(header.ack.0 as i32)),
        window_len: header.window,
        window_scale: header.options.window_scale,
        max_seg_size: header.options.mss,
        sack_permitted: header.options.sack_permitted,
        sack_ranges: std::array::from_fn(|index| ranges.get(index).copied()),
        timestamp: header.options.timestamps.map(|Timestamps { value, echo }| TcpTimestampRepr::new(value, echo)),
        payload,
    }
}

fn hardware(mac: crore_wire::ethernet::Mac) -> RawHardwareAddress {
    EthernetAddress(mac.0).into()
}

proptest! {
    /// RFC 9293 MUST-2
    #[test]
    fn it_reads_the_segments_that_we_write(path in path(), header in header(), control: u8, payload in payload()) {
        let (header, control) = for_smoltcp(header, control);
        let mut frame = vec![0xee; 2048];
        let len = emit::tcp(&mut frame, &path, &header, [&payload[..]]);
        let (ip, segment) = ip_of(&frame[..len], &path);
        prop_assert_eq!((ip.src_addr(), ip.dst_addr()), (address(&path.source), address(&path.destination)));
        prop_assert_eq!((ip.next_header(), ip.hop_limit()), (IpProtocol::Tcp, path.hop_limit));
        let packet = TcpPacket::new_checked(segment).unwrap();
        let theirs = TcpRepr::parse(&packet, &ip.src_addr(), &ip.dst_addr(), &checked()).unwrap();
        prop_assert_eq!(theirs, repr_of(&header, control, &[], &payload));
    }

    #[test]
    fn we_read_the_segments_that_it_writes(path in path(), header in header(), control: u8, ranges in vec(any::<(u32, u32)>(), 0..=3),
                                           payload in payload()) {
        let (header, control) = for_smoltcp(header, control);
        let ranges = ranges_for(&header, &ranges);
        let theirs = repr_of(&header, control, ranges, &payload);
        let (source, destination) = (address(&path.source), address(&path.destination));
        let frame = frame_of(&path, IpProtocol::Tcp, theirs.buffer_len(), |out| {
            theirs.emit(&mut TcpPacket::new_unchecked(out), &source, &destination, &checked());
        });
        let packet = Packet::parse(&frame).unwrap();
        prop_assert_eq!((packet.source, packet.destination), (path.source, path.destination));
        let segment = packet.payload(&frame);
        let pseudo = Sum::pseudo_header(&packet.source, &packet.destination, packet.protocol, segment.len() as u32);
        prop_assert!(tcp::verify(segment, &pseudo));
        let (header_again, start) = tcp::parse(segment).unwrap();
        prop_assert_eq!((header_again, &segment[start..]), (header, &payload[..]));
        let blocks = SackBlocks::parse(segment).unwrap();
        prop_assert_eq!(blocks.as_slice(), ranges.iter().map(|&(start, end)| (Seq(start), Seq(end))).collect::<Vec<_>>());
    }

    #[test]
    fn echoes_pass_both_ways(path in path_v4(), ident: u16, seq_no: u16, data in payload()) {
        let ours = icmp::Message::EchoRequest(icmp::Echo { identifier: ident, sequence: seq_no, data: &data });
        let theirs = Icmpv4Repr::EchoRequest { ident, seq_no, data: &data };
        let mut frame = vec![0xee; 2048];
        let len = emit::icmp(&mut frame, &path, &ours);
        let (_, message) = ip_of(&frame[..len], &path);
        prop_assert_eq!(Icmpv4Repr::parse(&Icmpv4Packet::new_checked(message).unwrap(), &checked()), Ok(theirs));

        let frame = frame_of(&path, IpProtocol::Icmp, theirs.buffer_len(), |out| {
            theirs.emit(&mut Icmpv4Packet::new_unchecked(out), &checked());
        });
        let packet = Packet::parse(&frame).unwrap();
        prop_assert_eq!(icmp::parse(packet.payload(&frame)), Ok(ours));
    }

    #[test]
    fn neighbour_discovery_passes_both_ways(path in path_v6(), target in v6(), mac in prop::option::of(mac()),
                                            flags: [bool; 3]) {
        let path = Path { hop_limit: 255, ..path };
        let lladdr = mac.map(hardware);
        let [router, solicited, replaces] = flags;
        let mut their_flags = NdiscNeighborFlags::empty();
        their_flags.set(NdiscNeighborFlags::ROUTER, router);
        their_flags.set(NdiscNeighborFlags::SOLICITED, solicited);
        their_flags.set(NdiscNeighborFlags::OVERRIDE, replaces);
        let target_addr = ipv6(&target);
        let advertisement = NeighbourAdvertisement { target, router, solicited, replaces, target_mac: mac };
        for (ours, theirs) in [
            (
                icmpv6::Message::Solicitation(NeighbourSolicitation { target, source_mac: mac }),
                NdiscRepr::NeighborSolicit { target_addr, lladdr },
            ),
            (
                icmpv6::Message::Advertisement(advertisement),
                NdiscRepr::NeighborAdvert { flags: their_flags, target_addr, lladdr },
            ),
        ] {
            let theirs = Icmpv6Repr::Ndisc(theirs);
            let (source, destination) = (ipv6(&path.source), ipv6(&path.destination));
            let mut frame = vec![0xee; 2048];
            let len = emit::icmpv6(&mut frame, &path, &ours);
            let (ip, message) = ip_of(&frame[..len], &path);
            prop_assert_eq!(ip.hop_limit(), 255);
            let packet = Icmpv6Packet::new_checked(message).unwrap();
            prop_assert_eq!(Icmpv6Repr::parse(&source, &destination, &packet, &checked()), Ok(theirs));

            let frame = frame_of(&path, IpProtocol::Icmpv6, theirs.buffer_len(), |out| {
                theirs.emit(&source, &destination, &mut Icmpv6Packet::new_unchecked(out), &checked());
            });
            let packet = Packet::parse(&frame).unwrap();
            prop_assert_eq!(icmpv6::parse(packet.payload(&frame), &packet), Ok(ours));
        }
    }

    #[test]
    fn arp_passes_both_ways(is_request: bool, sender_mac in mac(), destination in mac(), sender in v4(),
                            target in v4()) {
        let (operation, their_operation) = if is_request {
            (arp::Operation::Request, ArpOperation::Request)
        } else {
            (arp::Operation::Reply, ArpOperation::Reply)
        };
        let (IpAddr::V4(sender), IpAddr::V4(target)) = (sender.to_std(), target.to_std()) else {
            panic!("both are IPv4");
        };
        let ours = arp::Packet { operation, sender_mac, sender, target_mac: destination, target };
        let theirs = ArpRepr::EthernetIpv4 {
            operation: their_operation,
            source_hardware_addr: EthernetAddress(sender_mac.0),
            source_protocol_addr: sender,
            target_hardware_addr: EthernetAddress(destination.0),
            target_protocol_addr: target,
        };
        let mut frame = vec![0xee; 42];
        prop_assert_eq!(emit::arp(&mut frame, destination, &ours), 42);
        let ethernet = EthernetFrame::new_checked(&frame[..]).unwrap();
        prop_assert_eq!(ethernet.ethertype(), EthernetProtocol::Arp);
        prop_assert_eq!(ArpRepr::parse(&ArpPacket::new_checked(ethernet.payload()).unwrap()), Ok(theirs));

        theirs.emit(&mut ArpPacket::new_unchecked(&mut frame[14..]));
        prop_assert_eq!(Link::parse(&frame), Ok(Link::Arp(ours)));
    }
}
