//! The same decisions as the filter's, from the documentation of [`Claim`], in Rust.

use crore_wire::ip::{Ip, Prefix};

use crate::xdp::claim::Claim;

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn v4_at(bytes: &[u8], at: usize) -> Option<Ip> {
    Some(Ip::v4(*bytes.get(at..)?.first_chunk()?))
}

fn v6_at(bytes: &[u8], at: usize) -> Option<Ip> {
    Some(Ip::from_octets(*bytes.get(at..)?.first_chunk()?))
}

/// Whether a frame is ours. Frames shorter than an Ethernet and an IPv4 header never are.
pub(super) fn is_ours(claim: &Claim, frame: &[u8]) -> bool {
    if frame.len() < 34 {
        return false;
    }
    let packet = &frame[14..];
    match half(frame, 12) {
        Some(0x0806) if packet.len() >= 28 => is_whole(claim, v4_at(packet, 24).unwrap(), true),
        Some(0x0800) => {
            let to = v4_at(packet, 16).unwrap();
            let port = || if is_shared(claim, to, true) { port_v4(packet, to) } else { None };
            is_whole(claim, to, true) || port().is_some_and(|port| claim.port_set().contains(port))
        }
        Some(0x86dd) if packet.len() >= 40 => {
            let to = v6_at(packet, 24).unwrap();
            let shared = is_shared(claim, to, false);
            let port = || if shared { port_v6(packet, to) } else { None };
            let target = || if shared { None } else { solicited(packet) };
            is_whole(claim, to, false)
                || port().is_some_and(|port| claim.port_set().contains(port))
                || target().is_some_and(|target| is_whole(claim, target, false))
        }
        _ => false,
    }
}

/// `v4` says of which family the packet is: an IPv4 address inside an IPv6 packet is none.
fn is_whole(claim: &Claim, address: Ip, v4: bool) -> bool {
    let excepted = claim.exceptions().iter().any(|exception| *exception == address && exception.is_v4() == v4);
    let of_family = |prefix: &&Prefix| v4 || !prefix.is_v4();
    !excepted && claim.whole_prefixes().iter().filter(of_family).any(|prefix| prefix.contains(address))
}

fn is_shared(claim: &Claim, address: Ip, v4: bool) -> bool {
    claim.shared_addresses().iter().any(|shared| *shared == address && shared.is_v4() == v4)
}

/// Where the transport header of an IPv4 packet begins, if it is there at all.
fn transport(packet: &[u8]) -> Option<usize> {
    let header = usize::from(packet.first()? & 0xf) * 4;
    (header >= 20 && half(packet, 6)? & 0x1fff == 0).then_some(header)
}

fn port_v4(packet: &[u8], to: Ip) -> Option<u16> {
    let at = transport(packet)?;
    packet.get(at..at + 4)?;
    match packet[9] {
        6 => half(packet, at + 2),
        1 if matches!(packet[at], 3 | 4 | 11 | 12) => {
            let quoted = packet.get(at + 8..)?;
            if quoted.len() < 20 || quoted[9] != 6 || v4_at(quoted, 12)? != to {
                return None;
            }
            let at = transport(quoted)?;
            quoted.get(at..at + 4)?;
            half(quoted, at)
        }
        _ => None,
    }
}

fn port_v6(packet: &[u8], to: Ip) -> Option<u16> {
    packet.get(40..44)?;
    match packet[6] {
        6 => half(packet, 42),
        58 if packet.len() >= 92 && (1..=4).contains(&packet[40]) => {
            let quoted = &packet[48..];
            if quoted[6] == 6 && v6_at(quoted, 8)? == to { half(quoted, 40) } else { None }
        }
        _ => None,
    }
}

fn solicited(packet: &[u8]) -> Option<Ip> {
    if packet[6] == 58 && *packet.get(40)? == 135 { v6_at(packet, 48) } else { None }
}
