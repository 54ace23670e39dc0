//! A TCP segment with all that carries it, read from its frame and found to be in order.
//!
//! There are two ways to the same: [`Tcp::plain`] takes the segment that nearly all are (over IPv4 without options, with
//! timestamps and nothing else behind the TCP header) in one go from a layout of fixed offsets, as `emit/plain.rs` writes it;
//! [`Tcp::of`] takes any. What the first takes, the second takes too, and says the same about it.

use crate::Refused;
use crate::bytes::{array_at, u16_at, u32_at};
use crate::checksum::{Sum, words};
use crate::ethernet::{self, EtherType, Mac};
use crate::ip::Ip;
use crate::packet::{Packet, is_nobodys_v4};
use crate::seq::Seq;
use crate::tcp::{self, Flags, Header, Options};
use crate::{ipv4, protocol};

/// Bytes of timestamps and their padding.
const OPTIONS_LEN: usize = 12;
/// Bytes of all headers of a plain segment.
const HEAD_LEN: usize = TCP + tcp::LEN + OPTIONS_LEN;
/// Where its IP header starts.
const IP: usize = ethernet::LEN;
/// Where its TCP header starts.
const TCP: usize = IP + ipv4::LEN;
/// Version and length of an IP header without options.
const VERSION_LEN: u8 = 0x45;
/// The more-fragments bit and the offset.
const FRAGMENT: u16 = 0x3fff;

/// See the module.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Tcp {
    /// The neighbour that sent the frame; never a group.
    pub source_mac: Mac,
    /// Whom the frame is for.
    pub destination_mac: Mac,
    /// Who sent the packet, as in [`Packet`].
    pub source: Ip,
    /// Whom the packet is for.
    pub destination: Ip,
    /// Its header.
    pub header: Header,
    /// Offset in the frame at which the data starts.
    pub data_start: u16,
    /// Offset in the frame at which the data ends.
    pub data_end: u16,
}

impl Tcp {
    /// Reads the segment that `packet` carries, which was read from `frame`. Reads the segment once.
    ///
    /// # Errors
    /// [`Refused::TcpChecksum`], [`Refused::TcpLength`] or [`Refused::TcpOption`].
    ///
    /// # Panics
    /// If `frame` is shorter than the one that the packet was read from.
    #[inline]
    pub fn of(packet: &Packet, frame: &[u8]) -> Result<Self, Refused> {
        debug_assert_eq!(packet.protocol, protocol::TCP);
        let segment = packet.payload(frame);
        let pseudo = Sum::pseudo_header(&packet.source, &packet.destination, protocol::TCP, segment.len() as u32);
        // RFC 9293 MUST-3: nothing of a segment with a wrong checksum is looked at.
        if !tcp::verify(segment, &pseudo) {
            return Err(Refused::TcpChecksum);
        }
        let (header, start) = tcp::parse(segment)?;
        Ok(Self {
            source_mac: packet.source_mac,
            destination_mac: packet.destination_mac,
            source: packet.source,
            destination: packet.destination,
            header,
            data_start: packet.payload_start + start as u16,
            data_end: packet.payload_end,
        })
    }

    /// Reads a plain segment. `None` for every other frame, also for one that is not in order: [`Link::parse`](super::Link::parse)
    /// and [`of`](Self::of) say what it is then.
    #[inline]
    pub fn plain(frame: &[u8]) -> Option<Self> {
        let head = frame.first_chunk::<HEAD_LEN>()?;
        let end = IP + usize::from(u16_at(head, IP + 2));
        let fits = end >= HEAD_LEN && end <= frame.len() && frame.len() <= usize::from(u16::MAX);
        if !has_plain_layout(head) || !fits || Sum::of(&head[IP..TCP]).finish() != 0 {
            return None;
        }
        let segment = &frame[TCP..end];
        // RFC 9293 MUST-3: the pseudo-header is made of what was just read, in the machine's order as the words of a sum are.
        let lengths = u64::from(u32::from(protocol::TCP).to_be()) + u64::from((segment.len() as u32).to_be());
        let addresses = word_at(head, IP + 12) + word_at(head, IP + 16);
        let sum = u64::from(words::sum(segment)) + addresses + lengths;
        if words::fold_to_16(words::fold_to_32(sum)) != u16::MAX {
            return None;
        }
        Some(Self {
            source_mac: Mac(array_at(head, 6)),
            destination_mac: Mac(array_at(head, 0)),
            source: Ip::v4(array_at(head, IP + 12)),
            destination: Ip::v4(array_at(head, IP + 16)),
            header: plain_header(head),
            data_start: HEAD_LEN as u16,
            data_end: end as u16,
        })
    }
}

/// Whether all is where a plain segment has it, and its sender can be one.
#[inline]
fn has_plain_layout(head: &[u8; HEAD_LEN]) -> bool {
    const OFFSET: u8 = ((tcp::LEN + OPTIONS_LEN) / 4) as u8;
    u16_at(head, 12) == EtherType::IPV4.0
        && head[IP] == VERSION_LEN
        && head[IP + 9] == protocol::TCP
        && head[TCP + 12] >> 4 == OFFSET
        && head[TCP + tcp::LEN..][..4] == tcp::ALIGNED_TIMESTAMPS
        && u16_at(head, IP + 6) & FRAGMENT == 0
        && !Mac(array_at(head, 6)).is_group()
        && !is_nobodys_v4(&Ip::v4(array_at(head, IP + 12)))
}

#[inline]
fn plain_header(head: &[u8; HEAD_LEN]) -> Header {
    Header {
        source_port: u16_at(head, TCP),
        destination_port: u16_at(head, TCP + 2),
        seq: Seq(u32_at(head, TCP + 4)),
        ack: Seq(u32_at(head, TCP + 8)),
        flags: Flags(head[TCP + 13]),
        window: u16_at(head, TCP + 14),
        urgent: u16_at(head, TCP + 18),
        options: Options {
            timestamps: Some(tcp::Timestamps {
                value: u32_at(head, TCP + tcp::LEN + 4),
                echo: u32_at(head, TCP + tcp::LEN + 8),
            }),
            ..Options::NONE
        },
    }
}

/// Four bytes as a word of a sum.
#[inline]
fn word_at(head: &[u8; HEAD_LEN], at: usize) -> u64 {
    u64::from(u32::from_ne_bytes(array_at(head, at)))
}
