use super::*;
use crate::packet::Packet;
use crate::seq::Seq;
use crate::tcp::{Options, Timestamps};

fn path(v4: bool) -> Path {
    let [source, destination] = if v4 { ["192.0.2.1", "198.51.100.2"] } else { ["2001:db8::1", "2001:db8::2"] };
    Path {
        source_mac: Mac([2, 0, 0, 0, 0, 1]),
        destination_mac: Mac([2, 0, 0, 0, 0, 2]),
        source: source.parse().unwrap(),
        destination: destination.parse().unwrap(),
        hop_limit: 64,
        dscp: 10,
    }
}

fn header(flags: Flags, options: Options) -> tcp::Header {
    tcp::Header {
        source_port: 80,
        destination_port: 40_000,
        seq: Seq(u32::MAX),
        ack: Seq(7),
        flags,
        window: 0x1234,
        urgent: 0,
        options,
    }
}

/// A frame written over a buffer of rubbish, so that what is not written shows.
fn frame(v4: bool, header: &tcp::Header, payload: &[&[u8]]) -> Vec<u8> {
    let mut out = vec![0xee; 2048];
    let len = tcp(&mut out, &path(v4), header, payload.iter().copied());
    assert_eq!(len, tcp_len(header, v4) + payload.iter().map(|piece| piece.len()).sum::<usize>());
    assert!(out[len..].iter().all(|byte| *byte == 0xee), "nothing is written behind the frame");
    out.truncate(len);
    out
}

/// Whether a frame's checksums are right, and what its segment says.
fn read(frame: &[u8]) -> (bool, tcp::Header, Vec<u8>) {
    let packet = Packet::parse(frame).unwrap();
    let segment = packet.payload(frame);
    let pseudo = Sum::pseudo_header(&packet.source, &packet.destination, protocol::TCP, segment.len() as u32);
    let (header, start) = tcp::parse(segment).unwrap();
    (tcp::verify(segment, &pseudo), header, segment[start..].to_vec())
}

/// The options as bytes.
fn options_of(options: Options) -> Vec<u8> {
    let frame = frame(true, &header(Flags::SYN, options), &[]);
    frame[54..].to_vec()
}

fn timestamps() -> Option<Timestamps> {
    Some(Timestamps { value: 0x0102_0304, echo: 0x0506_0708 })
}

/// RFC 9293 MUST-2
#[test]
fn every_segment_has_a_right_checksum() {
    let data: Vec<u8> = (0..1400u32).map(|n| (n * 7) as u8).collect();
    for v4 in [true, false] {
        for len in (0..100).chain([535, 536, 1399, 1400]) {
            let header = header(Flags::ACK, Options { timestamps: timestamps(), ..Options::NONE });
            let cut = len / 3;
            for payload in [&[&data[..len]][..], &[&data[..cut], &[], &data[cut..len]]] {
                let (is_right, read, bytes) = read(&frame(v4, &header, payload));
                assert!(is_right, "{len} bytes, IPv4 {v4}");
                assert_eq!((read, &bytes[..]), (header, &data[..len]));
            }
        }
    }
}

#[test]
fn an_ipv4_packet_must_not_be_fragmented_and_has_no_identification() {
    let frame = frame(true, &header(Flags::ACK, Options::NONE), &[b"x"]);
    assert_eq!(frame[18..22], [0, 0, 0x40, 0]);
    let packet = Packet::parse(&frame).unwrap();
    assert_eq!((packet.hop_limit, packet.dscp_ecn), (64, 40));
}

/// RFC 9293 MUST-65
#[test]
fn options_go_out_as_told_and_only_so() {
    assert_eq!(options_of(Options::NONE), []);
    assert_eq!(options_of(Options { mss: Some(1460), ..Options::NONE }), [2, 4, 5, 0xb4]);
    let (_, read, _) = read(&frame(true, &header(Flags::ACK, Options::NONE), &[b"x"]));
    assert_eq!(read.options, Options::NONE);
}

/// RFC 9293 MUST-65
#[test]
fn what_is_negotiated_at_the_start_goes_out_with_syn_only() {
    for options in [
        Options { mss: Some(1460), ..Options::NONE },
        Options { window_scale: Some(7), ..Options::NONE },
        Options { sack_permitted: true, ..Options::NONE },
    ] {
        let _ = frame(true, &header(Flags::SYN, options), &[]);
        let without_syn = std::panic::catch_unwind(|| frame(true, &header(Flags::ACK, options), &[]));
        assert!(without_syn.is_err(), "{options:?}");
    }
}

/// RFC 9293 MUST-69
#[test]
fn a_header_is_padded_with_zeros() {
    let shift = Some(7);
    assert_eq!(options_of(Options { window_scale: shift, ..Options::NONE }), [3, 3, 7, 0]);
    assert_eq!(options_of(Options { sack_permitted: true, ..Options::NONE }), [4, 2, 0, 0]);
    let without_timestamps = Options { mss: Some(1460), window_scale: shift, sack_permitted: true, ..Options::NONE };
    assert_eq!(options_of(without_timestamps), [2, 4, 5, 0xb4, 4, 2, 3, 3, 7, 0, 0, 0]);
    let all = Options { timestamps: timestamps(), ..without_timestamps };
    assert_eq!(options_of(all), [2, 4, 5, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 3, 3, 7, 0]);
}

#[test]
fn timestamps_have_the_layout_that_everybody_reads_fast() {
    let only = Options { timestamps: timestamps(), ..Options::NONE };
    assert_eq!(options_of(only), [1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8]);
}

#[test]
#[should_panic(expected = "are of two families")]
fn a_path_between_two_families_is_a_bug() {
    let path = Path { destination: path(false).destination, ..path(true) };
    let _ = tcp(&mut [0; 200], &path, &header(Flags::ACK, Options::NONE), []);
}

#[test]
#[should_panic]
fn a_buffer_that_is_too_small_is_a_bug() {
    let _ = tcp(&mut [0; 54], &path(true), &header(Flags::ACK, Options::NONE), [&b"x"[..]]);
}

#[test]
#[should_panic(expected = "at most 65,535 bytes")]
fn a_packet_that_is_too_long_is_a_bug() {
    let (mut out, payload) = (vec![0; 70_000], vec![0; 65_496]);
    let _ = tcp(&mut out, &path(true), &header(Flags::ACK, Options::NONE), [&payload[..]]);
}

#[test]
fn the_longest_packets_are_written() {
    for (v4, len) in [(true, 65_495), (false, 65_515)] {
        let (mut out, payload) = (vec![0; 70_000], vec![0xff; len]);
        let used = tcp(&mut out, &path(v4), &header(Flags::ACK, Options::NONE), [&payload[..]]);
        if v4 {
            assert_eq!(&out[16..18], [0xff, 0xff]);
        } else {
            assert_eq!(&out[18..20], [0xff, 0xff]);
        }
        assert_eq!(used, ip_len(v4) + 20 + len);
    }
}

#[test]
fn an_echo_is_answered_over_its_own_family() {
    let echo = Echo { identifier: 1, sequence: 2, data: b"ping" };
    for v4 in [true, false] {
        let mut out = [0; 128];
        let len = icmp_echo_reply(&mut out, &path(v4), &echo);
        let packet = Packet::parse(&out[..len]).unwrap();
        let payload = packet.payload(&out);
        if v4 {
            assert_eq!(icmp::parse(payload), Ok(icmp::Message::EchoReply(echo)));
        } else {
            assert_eq!(icmpv6::parse(payload, &packet), Ok(icmpv6::Message::EchoReply(echo)));
        }
    }
}
