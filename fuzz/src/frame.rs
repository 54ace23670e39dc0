//! A frame from the wire, through everything that reads it.
//!
//! A fuzzer hardly ever guesses a checksum, so each input is read twice: as it is, and with its checksums put right.
//! What can be read is written again and must read the same.

use crore_wire::checksum::Sum;
use crore_wire::emit::{self, Path};
use crore_wire::packet::{Link, Packet, Quote, Tcp};
use crore_wire::tcp::{self, Flags};
use crore_wire::{Refused, arp, icmp, icmpv6, protocol};

/// Bytes that a frame may have here: no card of ours gives more, and the room to write it again stays small.
const FRAME_BYTES_MAX: usize = 2048;

/// Reads `bytes` as a frame.
pub fn run(bytes: &[u8]) {
    let mut frame = bytes[..bytes.len().min(FRAME_BYTES_MAX)].to_vec();
    let _ = read(&frame);
    repair(&mut frame);
    if let Err(reason) = read(&frame) {
        let of_checksums = [Refused::TcpChecksum, Refused::IcmpChecksum, Refused::Ipv4Checksum];
        assert!(!of_checksums.contains(&reason), "{reason} after the checksums were put right");
    }
}

/// Puts the checksums of a frame right, as far as it has any.
fn repair(frame: &mut [u8]) {
    if frame.len() >= 34 && frame[12..14] == [8, 0] {
        let header_end = (14 + usize::from(frame[14] & 0x0f) * 4).clamp(34, frame.len());
        put_checksum(&mut frame[14..header_end], Sum::new(), 10);
    }
    let Ok(packet) = Packet::parse(frame) else {
        return;
    };
    let payload = &mut frame[usize::from(packet.payload_start)..usize::from(packet.payload_end)];
    let len = payload.len() as u32;
    let pseudo = Sum::pseudo_header(&packet.source, &packet.destination, packet.protocol, len);
    match packet.protocol {
        protocol::TCP => put_checksum(payload, pseudo, 16),
        protocol::ICMP => put_checksum(payload, Sum::new(), 2),
        protocol::ICMPV6 => put_checksum(payload, pseudo, 2),
        _ => {}
    }
}

fn put_checksum(bytes: &mut [u8], mut sum: Sum, at: usize) {
    if let Some(field) = bytes.get_mut(at..at + 2) {
        field.fill(0);
        sum.add(bytes);
        bytes[at..at + 2].copy_from_slice(&sum.finish().to_be_bytes());
    }
}

/// Reads a frame to its end, and checks that what it says can be written and read again.
fn read(frame: &[u8]) -> Result<(), Refused> {
    if let Some(plain) = Tcp::plain(frame) {
        let packet = Packet::parse(frame)?;
        assert_eq!(
            (packet.protocol, Tcp::of(&packet, frame)),
            (protocol::TCP, Ok(plain)),
            "both ways lead to the same"
        );
    }
    match Link::parse(frame)? {
        Link::Arp(packet) => read_arp(&packet),
        Link::Ip(packet) => {
            assert!(packet.payload_start <= packet.payload_end && usize::from(packet.payload_end) <= frame.len());
            assert_eq!(packet.source.is_v4(), packet.destination.is_v4(), "one packet, one family");
            assert!(!packet.source_mac.is_group() && !packet.source.is_multicast());
            assert_eq!(Packet::parse(frame), Ok(packet));
            let payload = packet.payload(frame);
            match (packet.protocol, packet.source.is_v4()) {
                (protocol::TCP, _) => read_tcp(&packet, payload),
                (protocol::ICMP, true) => read_icmp(&packet, payload),
                (protocol::ICMPV6, false) => read_icmpv6(&packet, payload),
                _ => Ok(()),
            }
        }
    }
}

fn read_arp(packet: &arp::Packet) -> Result<(), Refused> {
    let mut out = [0; 64];
    let len = emit::arp(&mut out, packet.target_mac, packet);
    assert_eq!(Link::parse(&out[..len]), Ok(Link::Arp(*packet)));
    Ok(())
}

fn read_tcp(packet: &Packet, segment: &[u8]) -> Result<(), Refused> {
    let len = segment.len() as u32;
    let pseudo = Sum::pseudo_header(&packet.source, &packet.destination, protocol::TCP, len);
    let is_right = tcp::verify(segment, &pseudo);
    let (mut header, start) = tcp::parse(segment)?;
    assert!(start >= tcp::LEN && start <= segment.len());
    if !is_right {
        return Err(Refused::TcpChecksum);
    }
    if !header.flags.contains(Flags::SYN) {
        header.options = tcp::Options { timestamps: header.options.timestamps, ..tcp::Options::NONE };
    }
    let payload = &segment[start..];
    let (half, rest) = payload.split_at(payload.len() / 2);
    let mut out = vec![0xee; FRAME_BYTES_MAX + 256];
    let len = emit::tcp(&mut out, &path(packet), &header, [half, rest]);
    let (again, segment) = reread(packet, &out[..len]);
    let pseudo = Sum::pseudo_header(&again.source, &again.destination, protocol::TCP, segment.len() as u32);
    assert!(tcp::verify(segment, &pseudo));
    let (header_again, start) = tcp::parse(segment).expect("what we write can be read");
    assert_eq!((header_again, &segment[start..]), (header, payload));
    Ok(())
}

fn read_icmp(packet: &Packet, bytes: &[u8]) -> Result<(), Refused> {
    let message = icmp::parse(bytes)?;
    if let icmp::Message::Error(error) = &message {
        let _ = Quote::parse_v4(error.quoted);
    }
    let mut out = vec![0xee; FRAME_BYTES_MAX + 256];
    let len = emit::icmp(&mut out, &path(packet), &message);
    assert_eq!(icmp::parse(reread(packet, &out[..len]).1), Ok(message));
    Ok(())
}

fn read_icmpv6(packet: &Packet, bytes: &[u8]) -> Result<(), Refused> {
    let message = icmpv6::parse(bytes, packet)?;
    if let icmpv6::Message::Error(error) = &message {
        let _ = Quote::parse_v6(error.quoted);
    }
    let mut out = vec![0xee; FRAME_BYTES_MAX + 256];
    let len = emit::icmpv6(&mut out, &path(packet), &message);
    let (again, bytes) = reread(packet, &out[..len]);
    assert_eq!(icmpv6::parse(bytes, &again), Ok(message));
    Ok(())
}

/// The way on which `packet` came.
fn path(packet: &Packet) -> Path {
    Path {
        source_mac: packet.source_mac,
        destination_mac: packet.destination_mac,
        source: packet.source,
        destination: packet.destination,
        hop_limit: packet.hop_limit,
        dscp: packet.dscp_ecn >> 2,
    }
}

/// Reads a frame that was written for the way of `packet`, and its payload.
fn reread<'a>(packet: &Packet, frame: &'a [u8]) -> (Packet, &'a [u8]) {
    let again = Packet::parse(frame).expect("what we write can be read");
    assert_eq!(path(&again), path(packet));
    assert_eq!(usize::from(again.payload_end), frame.len());
    (again, again.payload(frame))
}
