//! One valid input of every kind: where a fuzzer and the tests start.

use crore_wire::emit::{self, Path};
use crore_wire::ethernet::Mac;
use crore_wire::icmp::{Echo, Error, ErrorKind};
use crore_wire::ip::Ip;
use crore_wire::ndp::{NeighbourAdvertisement, NeighbourSolicitation};
use crore_wire::seq::Seq;
use crore_wire::tcp::{Flags, Header, Options, Timestamps};
use crore_wire::{arp, icmp, icmpv6};

const MAC: Mac = Mac([2, 0, 0, 0, 0, 1]);
const NEIGHBOUR: Mac = Mac([2, 0, 0, 0, 0, 2]);

/// Whole frames.
pub fn frames() -> Vec<Vec<u8>> {
    let mut frames = vec![arp_frame(arp::Operation::Request), arp_frame(arp::Operation::Reply)];
    for v4 in [true, false] {
        frames.extend(headers().iter().map(|header| tcp_frame(v4, header, b"some data")));
    }
    let quotes = [tcp_frame(true, &headers()[3], b""), tcp_frame(false, &headers()[3], b"")];
    frames.extend(icmp_frames(&quotes[0][14..]));
    frames.extend(icmpv6_frames(&quotes[1][14..]));
    frames.push(with_ipv4_options(&quotes[0]));
    frames.push(with_ipv6_extensions(&quotes[1]));
    frames
}

/// TCP headers, without what carries them.
pub fn tcp_headers() -> Vec<Vec<u8>> {
    let plain = headers().into_iter().map(|header| tcp_frame(true, &header, b"data")[emit::ip_len(true)..].to_vec());
    let plain: Vec<Vec<u8>> = plain.collect();
    let with_sack = plain[2..4].iter().map(|segment| with_sack(segment));
    plain.iter().cloned().chain(with_sack).collect()
}

/// A segment with `data` behind its header, and two ranges of selective acknowledgments beside its options.
fn with_sack(segment: &[u8]) -> Vec<u8> {
    let (head, data) = segment.split_at(segment.len() - 4);
    let ranges = [1, 1, 5, 18, 0, 0, 0, 100, 0, 0, 0, 150, 0, 0, 0, 200, 0, 0, 0, 250];
    let mut segment = [head, &ranges, data].concat();
    segment[12] += (ranges.len() as u8 / 4) << 4;
    segment
}

fn headers() -> Vec<Header> {
    let header = |flags, options| Header {
        source_port: 40_000,
        destination_port: 80,
        seq: Seq(u32::MAX - 2),
        ack: Seq(77),
        flags,
        window: 512,
        urgent: 1,
        options,
    };
    let timestamps = Some(Timestamps { value: 1000, echo: 2000 });
    let syn = Options { mss: Some(1460), window_scale: Some(7), sack_permitted: true, timestamps };
    vec![
        header(Flags::SYN, syn),
        header(Flags::SYN | Flags::ACK, Options { timestamps: None, ..syn }),
        header(Flags::ACK, Options::NONE),
        header(Flags::ACK | Flags::PSH, Options { timestamps, ..Options::NONE }),
        header(Flags::FIN | Flags::ACK | Flags::URG, Options::NONE),
        header(Flags::RST, Options::NONE),
    ]
}

fn path(v4: bool) -> Path {
    let octets = |last| [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
    let address = |last| if v4 { Ip::v4([10, 0, 0, last]) } else { Ip::from_octets(octets(last)) };
    Path {
        source_mac: NEIGHBOUR,
        destination_mac: MAC,
        source: address(2),
        destination: address(1),
        hop_limit: 64,
        dscp: 0,
    }
}

fn written(write: impl FnOnce(&mut [u8]) -> usize) -> Vec<u8> {
    let mut out = vec![0; 1514];
    let len = write(&mut out);
    out.truncate(len);
    out
}

fn tcp_frame(v4: bool, header: &Header, payload: &[u8]) -> Vec<u8> {
    written(|out| emit::tcp(out, &path(v4), header, [payload]))
}

fn arp_frame(operation: arp::Operation) -> Vec<u8> {
    let packet = arp::Packet {
        operation,
        sender_mac: NEIGHBOUR,
        sender: [10, 0, 0, 2].into(),
        target_mac: MAC,
        target: [10, 0, 0, 1].into(),
    };
    written(|out| emit::arp(out, Mac::BROADCAST, &packet))
}

fn icmp_frames(quoted: &[u8]) -> Vec<Vec<u8>> {
    let echo = Echo { identifier: 1, sequence: 2, data: b"ping" };
    let error = |kind, code, mtu| icmp::Message::Error(Error { kind, code, mtu, quoted });
    [
        icmp::Message::EchoRequest(echo),
        icmp::Message::EchoReply(echo),
        error(ErrorKind::Unreachable, 3, 0),
        error(ErrorKind::PacketTooBig, 4, 1300),
        error(ErrorKind::TimeExceeded, 0, 0),
        error(ErrorKind::ParameterProblem, 0, 0),
        error(ErrorKind::SourceQuench, 0, 0),
    ]
    .iter()
    .map(|message| written(|out| emit::icmp(out, &path(true), message)))
    .collect()
}

fn icmpv6_frames(quoted: &[u8]) -> Vec<Vec<u8>> {
    let echo = Echo { identifier: 1, sequence: 2, data: b"ping" };
    let error = |kind, mtu| icmpv6::Message::Error(Error { kind, code: 0, mtu, quoted });
    let target = path(false).destination;
    let source_mac = Some(NEIGHBOUR);
    let advertisement =
        NeighbourAdvertisement { target, router: false, solicited: true, replaces: true, target_mac: source_mac };
    [
        icmpv6::Message::EchoRequest(echo),
        icmpv6::Message::EchoReply(echo),
        error(ErrorKind::Unreachable, 0),
        error(ErrorKind::PacketTooBig, 1280),
        error(ErrorKind::TimeExceeded, 0),
        error(ErrorKind::ParameterProblem, 0),
        icmpv6::Message::Solicitation(NeighbourSolicitation { target, source_mac }),
        icmpv6::Message::Advertisement(advertisement),
    ]
    .iter()
    .map(|message| written(|out| emit::icmpv6(out, &path(false), message)))
    .collect()
}

/// The frame with a router alert and padding; its checksum is for the target to repair.
fn with_ipv4_options(frame: &[u8]) -> Vec<u8> {
    let mut longer = [&frame[..34], &[148, 4, 0, 0, 1, 1, 1, 0], &frame[34..]].concat();
    longer[14] = 0x47;
    let total_len = (longer.len() - 14) as u16;
    longer[16..18].copy_from_slice(&total_len.to_be_bytes());
    longer
}

/// The frame with options for hops and for the destination.
fn with_ipv6_extensions(frame: &[u8]) -> Vec<u8> {
    let extensions = [60, 0, 5, 2, 0, 0, 1, 0, 6, 0, 1, 4, 0, 0, 0, 0];
    let mut longer = [&frame[..54], &extensions, &frame[54..]].concat();
    longer[20] = 0;
    let payload_len = (longer.len() - 54) as u16;
    longer[18..20].copy_from_slice(&payload_len.to_be_bytes());
    longer
}
