//! What must hold of any value that can be written, and of any frame that was damaged on its way.

mod generate;

use crore_wire::checksum::Sum;
use crore_wire::emit::{self, Path};
use crore_wire::icmp::{self, Echo, Error, ErrorKind};
use crore_wire::ndp::{NeighbourAdvertisement, NeighbourSolicitation};
use crore_wire::packet::{Link, Packet, Quote, Tcp};
use crore_wire::tcp::{self, Header, Options, Timestamps};
use crore_wire::{Refused, arp, icmpv6, ipv4, ipv6, protocol};
use generate::{header, mac, path, path_v4, path_v6, payload, v4, v6};
use proptest::prelude::*;
use proptest::sample::Index;

/// A frame written over rubbish.
fn written(write: impl FnOnce(&mut [u8]) -> usize) -> Vec<u8> {
    let mut out = vec![0xee; 2048];
    let len = write(&mut out);
    out.truncate(len);
    out
}

fn frame(path: &Path, header: &Header, payload: &[u8]) -> Vec<u8> {
    written(|out| emit::tcp(out, path, header, [payload]))
}

/// A whole segment as a receiver takes it: only with a right checksum.
fn received(frame: &[u8]) -> Result<(Packet, Header, Vec<u8>), Refused> {
    let packet = Packet::parse(frame)?;
    if packet.protocol != protocol::TCP {
        return Err(Refused::EtherType);
    }
    let segment = packet.payload(frame);
    let pseudo = Sum::pseudo_header(&packet.source, &packet.destination, protocol::TCP, segment.len() as u32);
    if !tcp::verify(segment, &pseudo) {
        return Err(Refused::TcpChecksum);
    }
    let (header, start) = tcp::parse(segment)?;
    Ok((packet, header, segment[start..].to_vec()))
}

/// The two ways to read a segment: what the fast one takes, the other reads the same. Whether it was taken.
fn is_plain(frame: &[u8]) -> bool {
    let Some(plain) = Tcp::plain(frame) else { return false };
    let packet = Packet::parse(frame).expect("what is plain is in order");
    assert_eq!(packet.protocol, protocol::TCP);
    assert_eq!(Tcp::of(&packet, frame), Ok(plain));
    true
}

fn any_echo() -> impl Strategy<Value = (u16, u16, Vec<u8>)> {
    (any::<u16>(), any::<u16>(), prop::collection::vec(any::<u8>(), 0..600))
}

/// Makes the IP checksum of an IPv4 frame right, and then that of its segment, if there is one.
fn put_checksums_right(frame: &mut [u8]) {
    frame[24..26].fill(0);
    let checksum = Sum::of(&frame[14..34]).finish();
    frame[24..26].copy_from_slice(&checksum.to_be_bytes());
    let Ok(packet) = Packet::parse(frame) else { return };
    let segment = &mut frame[usize::from(packet.payload_start)..usize::from(packet.payload_end)];
    if segment.len() < tcp::LEN {
        return;
    }
    segment[16..18].fill(0);
    let mut sum = Sum::pseudo_header(&packet.source, &packet.destination, packet.protocol, segment.len() as u32);
    sum.add(segment);
    segment[16..18].copy_from_slice(&sum.finish().to_be_bytes());
}

fn any_kind() -> impl Strategy<Value = ErrorKind> {
    use ErrorKind::*;
    prop::sample::select(vec![Unreachable, PacketTooBig, TimeExceeded, ParameterProblem])
}

proptest! {
    #[test]
    fn a_segment_over_ipv4_with_timestamps_alone_is_plain_and_reads_the_same(
        path in path(), header in header(), payload in payload(), padding in 0usize..20
    ) {
        let mut frame = frame(&path, &header, &payload);
        frame.resize(frame.len() + padding, 0xee);
        let alone = header.options == Options { timestamps: header.options.timestamps, ..Options::NONE };
        let usual = path.source.is_v4() && alone && header.options.timestamps.is_some();
        prop_assert_eq!(is_plain(&frame), usual);
    }

    /// Nothing that the reader of all frames refuses, or reads differently, is taken for a plain segment; also with checksums
    /// that were put right again.
    ///
    /// RFC 9293 MUST-3
    #[test]
    fn no_damaged_segment_is_taken_for_a_plain_one(
        path in path_v4(), header in header(), times: (u32, u32), payload in payload(), at: Index, byte: u8, len: Index,
    ) {
        let timestamps = Some(Timestamps { value: times.0, echo: times.1 });
        let header = Header { options: Options { timestamps, ..Options::NONE }, ..header };
        let whole = frame(&path, &header, &payload);
        prop_assert!(is_plain(&whole));
        is_plain(&whole[..len.index(whole.len())]);
        let mut damaged = whole;
        let at = at.index(damaged.len().min(70));
        damaged[at] = byte;
        is_plain(&damaged);
        put_checksums_right(&mut damaged);
        is_plain(&damaged);
    }

    /// RFC 9293 MUST-2
    #[test]
    fn what_is_written_reads_the_same(path in path(), header in header(), payload in payload()) {
        let frame = frame(&path, &header, &payload);
        prop_assert_eq!(frame.len(), emit::tcp_len(&header, path.source.is_v4()) + payload.len());
        let (packet, header_again, payload_again) = received(&frame).unwrap();
        prop_assert_eq!((header_again, payload_again), (header, payload));
        prop_assert_eq!((packet.source_mac, packet.destination_mac), (path.source_mac, path.destination_mac));
        prop_assert_eq!((packet.source, packet.destination), (path.source, path.destination));
        prop_assert_eq!((packet.hop_limit, packet.dscp_ecn), (path.hop_limit, path.dscp << 2));
    }

    #[test]
    fn how_a_payload_is_cut_does_not_show(path in path(), header in header(), payload in payload(), cuts: [Index; 2]) {
        let mut cuts = cuts.map(|cut| cut.index(payload.len() + 1));
        cuts.sort_unstable();
        let pieces = [&payload[..cuts[0]], &payload[cuts[0]..cuts[1]], &payload[cuts[1]..]];
        prop_assert_eq!(written(|out| emit::tcp(out, &path, &header, pieces)), frame(&path, &header, &payload));
    }

    /// RFC 9293 MUST-69
    #[test]
    fn padding_of_a_header_is_zero(path in path(), header in header()) {
        let mut frame = frame(&path, &header, &[]);
        let start = emit::ip_len(path.source.is_v4());
        let padding = frame.len() - start - tcp::LEN;
        let used = (0..=padding).rev().find(|used| *used == 0 || frame[start + tcp::LEN + used - 1] != 0);
        // If what follows the last byte that is not zero were no padding, the header would read differently without it.
        frame[start + tcp::LEN + used.unwrap()..].fill(0);
        prop_assert_eq!(tcp::parse(&frame[start..]).unwrap().0, header);
    }

    /// RFC 9293 MUST-3
    #[test]
    fn a_flipped_bit_is_noticed_or_harmless(path in path(), header in header(), payload in payload(), bit: Index) {
        let whole = frame(&path, &header, &payload);
        let mut damaged = whole.clone();
        // Ethernet has a checksum of its own.
        let bit = 14 * 8 + bit.index((whole.len() - 14) * 8);
        damaged[bit / 8] ^= 1 << (bit % 8);
        if let Ok((packet, header_again, payload_again)) = received(&damaged) {
            prop_assert!(!path.source.is_v4(), "IPv4 leaves nothing unchecked");
            prop_assert_eq!((packet.source, packet.destination), (path.source, path.destination));
            prop_assert_eq!((header_again, payload_again), (header, payload));
        }
    }

    #[test]
    fn a_frame_that_was_cut_is_refused(path in path(), header in header(), payload in payload(), len: Index) {
        let whole = frame(&path, &header, &payload);
        prop_assert!(Packet::parse(&whole[..len.index(whole.len())]).is_err());
    }

    #[test]
    fn padding_of_the_link_does_not_show(path in path(), header in header(), payload in payload(),
                                         extra in 0usize..64) {
        let whole = frame(&path, &header, &payload);
        let padded = [&whole[..], &vec![0xee; extra]].concat();
        prop_assert_eq!(received(&padded), received(&whole));
    }

    /// RFC 9293 MUST-7
    #[test]
    fn any_bytes_are_a_header_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        if let Ok((_, start)) = tcp::parse(&bytes) {
            prop_assert!((20..=60).contains(&start) && start <= bytes.len());
        }
        let _ = Link::parse(&bytes);
        let _ = ipv4::Header::parse(&bytes);
        let _ = ipv6::Header::parse(&bytes);
        let _ = arp::Packet::parse(&bytes);
        let _ = icmp::parse(&bytes);
        let _ = (Quote::parse_v4(&bytes), Quote::parse_v6(&bytes));
    }

    #[test]
    fn a_quoted_segment_is_recognised(path in path(), header in header(), len in 8usize..60) {
        let frame = frame(&path, &header, &[0; 60]);
        let v4 = path.source.is_v4();
        let quoted = &frame[14..emit::ip_len(v4) + len];
        let quote = if v4 { Quote::parse_v4(quoted) } else { Quote::parse_v6(quoted) };
        let expected = Quote {
            source: path.source,
            destination: path.destination,
            source_port: header.source_port,
            destination_port: header.destination_port,
            seq: header.seq,
        };
        prop_assert_eq!(quote, Some(expected));
    }

    #[test]
    fn icmp_reads_as_it_was_written(path in path_v4(), (identifier, sequence, data) in any_echo(), kind in any_kind(),
                                    code in any::<u8>(), mtu in any::<u16>()) {
        let echo = Echo { identifier, sequence, data: &data };
        let is_too_big = kind == ErrorKind::PacketTooBig;
        let code = if is_too_big { icmp::FRAGMENTATION_NEEDED } else { code | 8 };
        let error = Error { kind, code, mtu: if is_too_big { u32::from(mtu) } else { 0 }, quoted: &data };
        for message in
            [icmp::Message::EchoRequest(echo), icmp::Message::EchoReply(echo), icmp::Message::Error(error)]
        {
            let frame = written(|out| emit::icmp(out, &path, &message));
            let packet = Packet::parse(&frame).unwrap();
            prop_assert_eq!((packet.protocol, packet.source), (protocol::ICMP, path.source));
            prop_assert_eq!(icmp::parse(packet.payload(&frame)), Ok(message));
        }
    }

    #[test]
    fn icmpv6_reads_as_it_was_written(path in path_v6(), (identifier, sequence, data) in any_echo(), kind in any_kind(),
                                      code in any::<u8>(), mtu in any::<u32>(), target in v6(),
                                      mac in prop::option::of(mac()), flags: [bool; 3]) {
        let echo = Echo { identifier, sequence, data: &data };
        let mtu = if kind == ErrorKind::PacketTooBig { mtu } else { 0 };
        let [router, solicited, replaces] = flags;
        let advertisement = NeighbourAdvertisement { target, router, solicited, replaces, target_mac: mac };
        for message in [
            icmpv6::Message::EchoRequest(echo),
            icmpv6::Message::EchoReply(echo),
            icmpv6::Message::Error(Error { kind, code, mtu, quoted: &data }),
            icmpv6::Message::Solicitation(NeighbourSolicitation { target, source_mac: mac }),
            icmpv6::Message::Advertisement(advertisement),
        ] {
            let frame = written(|out| emit::icmpv6(out, &path, &message));
            let packet = Packet::parse(&frame).unwrap();
            prop_assert_eq!((packet.protocol, packet.source), (protocol::ICMPV6, path.source));
            prop_assert_eq!(icmpv6::parse(packet.payload(&frame), &packet), Ok(message));
        }
    }

    #[test]
    fn arp_reads_as_it_was_written(is_request: bool, sender_mac in mac(), destination in mac(), sender in v4(),
                                   target in v4()) {
        let operation = if is_request { arp::Operation::Request } else { arp::Operation::Reply };
        let (sender, target) = (sender.v4_octets().into(), target.v4_octets().into());
        let packet = arp::Packet { operation, sender_mac, sender, target_mac: destination, target };
        let frame = written(|out| emit::arp(out, destination, &packet));
        prop_assert_eq!(Link::parse(&frame), Ok(Link::Arp(packet)));
    }
}
