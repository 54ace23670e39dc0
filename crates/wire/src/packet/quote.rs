//! The packet that an ICMP error quotes: one of ours, if the error is honest.
//!
//! Only its start is there, its checksum may be of another moment of its way, and a forger can write anything into it
//! (RFC 5927). So it is read with less severity than a packet, and what comes out must be compared with a connection
//! that exists and a sequence number that is in flight.

use crate::bytes::{array_at, u16_at, u32_at};
use crate::ip::Ip;
use crate::seq::Seq;
use crate::{ipv4, ipv6, protocol};

/// Bytes of a TCP header that every quote has: ports and sequence number (RFC 792).
const TCP_START_LEN: usize = 8;

/// The start of a quoted TCP segment. The source is who sent the quoted segment: us.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Quote {
    /// Who sent the segment.
    pub source: Ip,
    /// Whom it was for.
    pub destination: Ip,
    /// The port it was sent from.
    pub source_port: u16,
    /// The port it was for.
    pub destination_port: u16,
    /// Its sequence number.
    pub seq: Seq,
}

impl Quote {
    /// Reads a quoted IPv4 packet. `None` unless it is the start of a TCP segment.
    pub fn parse_v4(quoted: &[u8]) -> Option<Self> {
        let header = quoted.first_chunk::<{ ipv4::LEN }>()?;
        let start = usize::from(header[0] & 0x0f) * 4;
        let is_whole_or_first = u16_at(header, 6) & 0x1fff == 0;
        if header[0] >> 4 != 4 || start < ipv4::LEN || header[9] != protocol::TCP || !is_whole_or_first {
            return None;
        }
        Self::of(Ip::v4(array_at(header, 12)), Ip::v4(array_at(header, 16)), quoted.get(start..)?)
    }

    /// Reads a quoted IPv6 packet. `None` unless TCP follows its header at once, as in all that we send.
    pub fn parse_v6(quoted: &[u8]) -> Option<Self> {
        let header = quoted.first_chunk::<{ ipv6::LEN }>()?;
        let source = Ip::from_octets(array_at(header, 8));
        let destination = Ip::from_octets(array_at(header, 24));
        if header[0] >> 4 != 6 || header[6] != protocol::TCP || source.is_v4() || destination.is_v4() {
            return None;
        }
        Self::of(source, destination, &quoted[ipv6::LEN..])
    }

    fn of(source: Ip, destination: Ip, segment: &[u8]) -> Option<Self> {
        let start = segment.first_chunk::<TCP_START_LEN>()?;
        Some(Self {
            source,
            destination,
            source_port: u16_at(start, 0),
            destination_port: u16_at(start, 2),
            seq: Seq(u32_at(start, 4)),
        })
    }
}
