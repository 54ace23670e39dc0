use super::*;
use crate::emit::{self, Path};
use crate::seq::Seq;
use crate::tcp;

/// Adds a header's checksum again after a change to an IPv4 frame without options.
fn repair(frame: &mut [u8]) {
    frame[24..26].fill(0);
    let checksum = crate::checksum::Sum::of(&frame[14..34]).finish();
    frame[24..26].copy_from_slice(&checksum.to_be_bytes());
}

fn path(source: &str, destination: &str) -> Path {
    Path {
        source_mac: Mac([2, 0, 0, 0, 0, 1]),
        destination_mac: Mac([2, 0, 0, 0, 0, 2]),
        source: source.parse().unwrap(),
        destination: destination.parse().unwrap(),
        hop_limit: 63,
        dscp: 46,
    }
}

fn frame(source: &str, destination: &str) -> Vec<u8> {
    let header = tcp::Header { source_port: 4, destination_port: 5, seq: Seq(6), ..tcp::Header::default() };
    let mut out = vec![0; 128];
    let len = emit::tcp(&mut out, &path(source, destination), &header, [&b"data"[..]]);
    out.truncate(len);
    out
}

fn v4() -> Vec<u8> {
    frame("192.0.2.1", "198.51.100.2")
}

fn v6() -> Vec<u8> {
    frame("2001:db8::1", "2001:db8::2")
}

#[test]
fn a_frame_of_either_family_says_who_to_whom_and_where_the_payload_is() {
    for (mut frame, start, source, destination) in
        [(v4(), 34, "192.0.2.1", "198.51.100.2"), (v6(), 54, "2001:db8::1", "2001:db8::2")]
    {
        let end = frame.len() as u16;
        frame.extend([0xee; 9]);
        let expected = Packet {
            source_mac: Mac([2, 0, 0, 0, 0, 1]),
            destination_mac: Mac([2, 0, 0, 0, 0, 2]),
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            protocol: protocol::TCP,
            hop_limit: 63,
            dscp_ecn: 46 << 2,
            payload_start: start,
            payload_end: end,
        };
        assert_eq!(Packet::parse(&frame), Ok(expected), "padding is cut off");
        assert_eq!(Link::parse(&frame), Ok(Link::Ip(expected)));
        assert_eq!((expected.payload(&frame).len(), expected.payload_len()), (24, 24));
    }
}

#[test]
fn an_arp_frame_is_no_ip_packet() {
    let request = arp::Packet {
        operation: arp::Operation::Request,
        sender_mac: Mac([2, 0, 0, 0, 0, 1]),
        sender: [10, 0, 0, 1].into(),
        target_mac: Mac::default(),
        target: [10, 0, 0, 2].into(),
    };
    let mut frame = [0; 60];
    emit::arp(&mut frame, Mac::BROADCAST, &request);
    assert_eq!(Link::parse(&frame), Ok(Link::Arp(request)));
    assert_eq!(Packet::parse(&frame), Err(Refused::EtherType));
}

#[test]
fn frames_that_carry_something_else_are_refused() {
    for (ethertype, reason) in [
        (0x8100, Refused::VlanTag),
        (0x88a8, Refused::VlanTag),
        (0x88cc, Refused::EtherType),
        (0x0040, Refused::EtherType),
        (0x86dd, Refused::Ipv6Version),
        (0x0806, Refused::Arp),
    ] {
        let mut frame = v4();
        frame[12..14].copy_from_slice(&u16::to_be_bytes(ethertype));
        assert_eq!(Link::parse(&frame), Err(reason), "{ethertype:#x}");
    }
}

#[test]
fn frames_of_impossible_size_are_refused() {
    let frame = v4();
    for len in 0..14 {
        assert_eq!(Packet::parse(&frame[..len]), Err(Refused::EthernetLength), "cut to {len}");
    }
    assert_eq!(Packet::parse(&frame[..14]), Err(Refused::Ipv4Length));
    assert_eq!(Packet::parse(&v6()[..14]), Err(Refused::Ipv6Length));
    let mut long = frame;
    long.resize(65_536, 0);
    assert_eq!(Packet::parse(&long), Err(Refused::EthernetLength));
    assert!(Packet::parse(&long[..65_535]).is_ok());
}

#[test]
fn nobody_sends_as_a_group_of_stations() {
    let mut frame = v4();
    frame[6] |= 1;
    assert_eq!(Packet::parse(&frame), Err(Refused::EthernetSource));
}

/// RFC 9293 MUST-63
#[test]
fn nobody_sends_from_an_address_that_cannot_be_answered() {
    for source in ["0.0.0.0", "224.0.0.1", "239.1.2.3", "255.255.255.255"] {
        let mut frame = v4();
        frame[26..30].copy_from_slice(&source.parse::<Ip>().unwrap().v4_octets());
        repair(&mut frame);
        assert_eq!(Packet::parse(&frame), Err(Refused::SourceAddress), "{source}");
    }
    for source in ["::", "ff02::1"] {
        let mut frame = v6();
        frame[22..38].copy_from_slice(source.parse::<Ip>().unwrap().octets());
        assert_eq!(Packet::parse(&frame), Err(Refused::SourceAddress), "{source}");
    }
}

#[test]
fn the_unspecified_address_sends_icmpv6_only() {
    let mut frame = v6();
    frame[22..38].fill(0);
    frame[20] = protocol::ICMPV6;
    assert_eq!(Packet::parse(&frame).map(|packet| packet.source), Ok(Ip::UNSPECIFIED_V6));
}

#[test]
fn a_quoted_segment_says_whose_it_was() {
    for (frame, parse) in [(v4(), Quote::parse_v4 as fn(&[u8]) -> Option<Quote>), (v6(), Quote::parse_v6)] {
        let packet = Packet::parse(&frame).unwrap();
        let expected = Quote {
            source: packet.source,
            destination: packet.destination,
            source_port: 4,
            destination_port: 5,
            seq: Seq(6),
        };
        let least = usize::from(packet.payload_start) + 8;
        assert_eq!(parse(&frame[14..]), Some(expected));
        assert_eq!(parse(&frame[14..least]), Some(expected), "eight bytes of the segment are enough");
        for len in 14..least {
            assert_eq!(parse(&frame[14..len]), None, "cut to {len}");
        }
    }
}

#[test]
fn a_quote_is_read_through_options_and_whatever_routers_changed() {
    let frame = v4();
    let mut quoted = frame[14..].to_vec();
    quoted[8] = 1;
    quoted[10] ^= 0xff;
    assert!(Quote::parse_v4(&quoted).is_some());
    quoted.splice(20..20, [1; 8]);
    quoted[0] = 0x47;
    assert_eq!(Quote::parse_v4(&quoted).map(|quote| quote.seq), Some(Seq(6)));
}

#[test]
fn a_quote_of_something_else_is_none() {
    for (at, value) in [(0, 0x65), (0, 0x44), (9, 17), (7, 1)] {
        let mut quoted = v4()[14..].to_vec();
        quoted[at] = value;
        assert_eq!(Quote::parse_v4(&quoted), None, "byte {at} is {value}");
    }
    for (at, value) in [(0, 0x45), (6, 17), (6, 0)] {
        let mut quoted = v6()[14..].to_vec();
        quoted[at] = value;
        assert_eq!(Quote::parse_v6(&quoted), None, "byte {at} is {value}");
    }
    let mut mapped = v6()[14..].to_vec();
    mapped[8..24].copy_from_slice(Ip::v4([10, 0, 0, 1]).octets());
    assert_eq!(Quote::parse_v6(&mapped), None);
}
