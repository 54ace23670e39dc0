//! Whole frames: Ethernet, IP, and what it carries, with every length and checksum, in one call.
//!
//! Each function writes to the start of `out` and says how many bytes the frame has; it does not pad to Ethernet's
//! least frame, which is the card's affair. A buffer that is too small is the caller's bug, and panics.

use crate::checksum::Sum;
use crate::ethernet::{self, EtherType, Mac};
use crate::icmp::Echo;
use crate::ip::Ip;
use crate::tcp::{self, Flags};
use crate::{arp, icmp, icmpv6, ipv4, ipv6, ndp, protocol};

mod plain;

/// The way of a packet, and how it travels.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Path {
    /// Our Ethernet address.
    pub source_mac: Mac,
    /// The next hop's.
    pub destination_mac: Mac,
    /// Who sends.
    pub source: Ip,
    /// Who shall get it; of the same family.
    pub destination: Ip,
    /// Hops that it may go: TTL or hop limit.
    pub hop_limit: u8,
    /// Six bits of DSCP, 0 to 63. The two bits of ECN behind them are zero.
    pub dscp: u8,
}

/// Bytes of the Ethernet and IP headers that every function here writes.
#[inline]
pub const fn ip_len(v4: bool) -> usize {
    ethernet::LEN + if v4 { ipv4::LEN } else { ipv6::LEN }
}

/// Bytes of all headers of a segment, from Ethernet to the options.
#[inline]
pub fn tcp_len(header: &tcp::Header, v4: bool) -> usize {
    ip_len(v4) + tcp::LEN + header.options.emitted_len()
}

/// Writes a segment. The pieces of `payload` are copied one behind the other, and summed on the way.
///
/// Over IPv4 the packet must not be fragmented, so its identification is zero (RFC 6864, section 4.1). What the
/// header's flags and options say is written as it is: who decides is the engine.
///
/// # Panics
/// If `out` is too small, the options take over 40 bytes, options for SYN come without it, the packet is over 65,535
/// bytes, or the addresses are of two families.
#[inline]
pub fn tcp<'a>(
    out: &mut [u8],
    path: &Path,
    header: &tcp::Header,
    payload: impl IntoIterator<Item = &'a [u8]>,
) -> usize {
    let v4 = path.source.is_v4();
    if let Some(timestamps) = header.options.only_timestamps()
        && v4
    {
        return plain::over_v4(out, path, header, &timestamps, payload);
    }
    let options_len = header.options.emitted_len();
    let segment_start = ip_len(v4);
    let payload_start = segment_start + tcp::LEN + options_len;
    let mut payload_sum = Sum::new();
    let mut end = payload_start;
    for piece in payload {
        payload_sum.copy_from(&mut out[end..end + piece.len()], piece);
        end += piece.len();
    }
    let segment_len = end - segment_start;
    put_ip(out, path, v4, protocol::TCP, path.hop_limit, segment_len);

    // RFC 9293 MUST-2: over the pseudo-header, the header and the payload; the field itself counts as zero.
    let mut sum = Sum::pseudo_header(&path.source, &path.destination, protocol::TCP, segment_len as u32);
    let head = &mut out[segment_start..payload_start];
    put_tcp_header(head, header);
    sum.add(head);
    sum.append(payload_sum);
    head[16..18].copy_from_slice(&sum.finish().to_be_bytes());
    end
}

/// Writes a TCP header with a checksum of zero; `out` is exactly as long as the header.
#[inline]
fn put_tcp_header(out: &mut [u8], header: &tcp::Header) {
    debug_assert!(out.len() >= tcp::LEN && out.len().is_multiple_of(4));
    let len = out.len();
    let (fixed, options) = out.split_first_chunk_mut::<{ tcp::LEN }>().expect("the caller counted it in");
    fixed[0..2].copy_from_slice(&header.source_port.to_be_bytes());
    fixed[2..4].copy_from_slice(&header.destination_port.to_be_bytes());
    fixed[4..8].copy_from_slice(&header.seq.0.to_be_bytes());
    fixed[8..12].copy_from_slice(&header.ack.0.to_be_bytes());
    fixed[12] = ((len / 4) as u8) << 4;
    fixed[13] = header.flags.0;
    fixed[14..16].copy_from_slice(&header.window.to_be_bytes());
    fixed[16..18].fill(0);
    fixed[18..20].copy_from_slice(&header.urgent.to_be_bytes());
    // RFC 9293 MUST-65: MSS, and what else is negotiated at the start, goes out with SYN only.
    let negotiates =
        header.options.mss.is_some() | header.options.window_scale.is_some() | header.options.sack_permitted;
    assert!(!negotiates || header.flags.contains(Flags::SYN), "{:?} for SYN with {}", header.options, header.flags);
    header.options.emit(options);
}

/// Writes an ICMP message over IPv4.
///
/// # Panics
/// If `out` is too small, the packet is over 65,535 bytes, or an address is not IPv4.
pub fn icmp(out: &mut [u8], path: &Path, message: &icmp::Message<'_>) -> usize {
    assert!(path.source.is_v4(), "ICMP travels over IPv4, not from {}", path.source);
    let len = message.emitted_len();
    let start = put_ip(out, path, true, protocol::ICMP, path.hop_limit, len);
    message.emit(&mut out[start..start + len]);
    start + len
}

/// Writes an ICMP message over IPv6. Neighbour discovery gets the hop limit that it must have, whatever the path's.
///
/// # Panics
/// If `out` is too small, the packet is over 65,535 bytes behind its header, or an address is not IPv6.
pub fn icmpv6(out: &mut [u8], path: &Path, message: &icmpv6::Message<'_>) -> usize {
    assert!(!path.source.is_v4(), "ICMPv6 travels over IPv6, not from {}", path.source);
    let len = message.emitted_len();
    let hop_limit = if message.is_neighbour_discovery() { ndp::HOP_LIMIT } else { path.hop_limit };
    let start = put_ip(out, path, false, protocol::ICMPV6, hop_limit, len);
    message.emit(&mut out[start..start + len], &path.source, &path.destination);
    start + len
}

/// Writes the answer to an echo request, over the family of the path.
///
/// # Panics
/// As [`icmp()`] and [`icmpv6()`].
pub fn icmp_echo_reply(out: &mut [u8], path: &Path, echo: &Echo<'_>) -> usize {
    if path.source.is_v4() {
        icmp(out, path, &icmp::Message::EchoReply(*echo))
    } else {
        icmpv6(out, path, &icmpv6::Message::EchoReply(*echo))
    }
}

/// Writes an ARP packet from its sender to `destination`: the broadcast address for a question, the asker for an
/// answer.
///
/// # Panics
/// If `out` is too small.
pub fn arp(out: &mut [u8], destination: Mac, packet: &arp::Packet) -> usize {
    let header = ethernet::Header { destination, source: packet.sender_mac, ethertype: EtherType::ARP };
    header.emit(out);
    packet.emit(&mut out[ethernet::LEN..]);
    ethernet::LEN + arp::LEN
}

/// Writes the Ethernet and IP headers of a packet with `payload_len` bytes of payload, and says where that starts.
#[inline]
fn put_ip(out: &mut [u8], path: &Path, v4: bool, protocol: u8, hop_limit: u8, payload_len: usize) -> usize {
    assert_eq!(path.destination.is_v4(), v4, "{} and {} are of two families", path.source, path.destination);
    debug_assert!(path.dscp < 64, "DSCP has six bits, {} has more", path.dscp);
    let ethertype = if v4 { EtherType::IPV4 } else { EtherType::IPV6 };
    let (source, destination) = (path.source, path.destination);
    ethernet::Header { destination: path.destination_mac, source: path.source_mac, ethertype }.emit(out);
    let rest = &mut out[ethernet::LEN..];
    if v4 {
        let total_len = u16::try_from(ipv4::LEN + payload_len).expect("an IPv4 packet has at most 65,535 bytes");
        let header = ipv4::Header {
            dscp_ecn: path.dscp << 2,
            total_len,
            identification: 0,
            dont_fragment: true,
            ttl: hop_limit,
            protocol,
            source,
            destination,
        };
        header.emit(rest);
    } else {
        let payload_len = u16::try_from(payload_len).expect("an IPv6 packet carries at most 65,535 bytes");
        let header = ipv6::Header {
            traffic_class: path.dscp << 2,
            flow_label: 0,
            payload_len,
            protocol,
            hop_limit,
            source,
            destination,
        };
        header.emit(rest);
    }
    ip_len(v4)
}

#[cfg(test)]
mod tests;
