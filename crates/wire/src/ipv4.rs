//! The IPv4 header (RFC 791). Options are skipped; fragments and source routes are refused.

use crate::Refused;
use crate::bytes::{array_at, put, u16_at};
use crate::checksum::Sum;
use crate::ip::Ip;

/// Bytes of a header without options.
pub const LEN: usize = 20;

const VERSION: u8 = 4;
const DONT_FRAGMENT: u16 = 0x4000;
const MORE_FRAGMENTS: u16 = 0x2000;
const FRAGMENT_OFFSET: u16 = 0x1fff;

const OPTION_END: u8 = 0;
const OPTION_NO_OPERATION: u8 = 1;
const OPTION_LOOSE_SOURCE_ROUTE: u8 = 131;
const OPTION_STRICT_SOURCE_ROUTE: u8 = 137;

/// The header of a whole packet; options are not kept.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Header {
    /// Six bits of DSCP and two of ECN.
    pub dscp_ecn: u8,
    /// Bytes of the packet with this header, 20 to 65,535.
    pub total_len: u16,
    /// Means something in fragments only; zero in packets that must not be fragmented (RFC 6864, section 4.1).
    pub identification: u16,
    /// Routers must drop the packet rather than fragment it.
    pub dont_fragment: bool,
    /// Hops that the packet may still go.
    pub ttl: u8,
    /// What the packet carries: see [`protocol`](crate::protocol).
    pub protocol: u8,
    /// Who sent it; an IPv4 address.
    pub source: Ip,
    /// Who it is for; an IPv4 address.
    pub destination: Ip,
}

impl Header {
    /// Reads the header at the start of `packet`, and where its payload starts and ends. What follows the end is
    /// padding of the link.
    ///
    /// # Errors
    /// The reasons whose names start with `Ipv4`.
    #[inline]
    pub fn parse(packet: &[u8]) -> Result<(Self, usize, usize), Refused> {
        let Some(fixed) = packet.first_chunk::<LEN>() else {
            return Err(Refused::Ipv4Length);
        };
        let header_len = usize::from(fixed[0] & 0x0f) * 4;
        if fixed[0] >> 4 != VERSION {
            return Err(Refused::Ipv4Version);
        }
        let total_len = u16_at(fixed, 2);
        let end = usize::from(total_len);
        if header_len == LEN {
            if end < LEN || end > packet.len() {
                return Err(Refused::Ipv4TotalLength);
            }
            // RFC 1122 IP-CHECKSUM: of every header.
            if Sum::of_array(fixed).finish() != 0 {
                return Err(Refused::Ipv4Checksum);
            }
        } else {
            check_long_header(packet, header_len, end)?;
        }
        let fragment = u16_at(fixed, 6);
        if fragment & (MORE_FRAGMENTS | FRAGMENT_OFFSET) != 0 {
            return Err(Refused::Ipv4Fragment);
        }
        let header = Self {
            dscp_ecn: fixed[1],
            total_len,
            identification: u16_at(fixed, 4),
            dont_fragment: fragment & DONT_FRAGMENT != 0,
            ttl: fixed[8],
            protocol: fixed[9],
            source: Ip::v4(array_at(fixed, 12)),
            destination: Ip::v4(array_at(fixed, 16)),
        };
        Ok((header, header_len, end))
    }

    /// Writes the header, 20 bytes with its checksum, to the start of `out`.
    ///
    /// # Panics
    /// If `out` is shorter than [`LEN`], or the total length than the header.
    #[inline]
    pub fn emit(&self, out: &mut [u8]) {
        assert!(self.total_len as usize >= LEN, "a packet of {} bytes has no room for its header", self.total_len);
        debug_assert!(self.source.is_v4() && self.destination.is_v4());
        let mut fixed = [0; LEN];
        fixed[0] = VERSION << 4 | (LEN / 4) as u8;
        fixed[1] = self.dscp_ecn;
        put(&mut fixed, 2, self.total_len.to_be_bytes());
        put(&mut fixed, 4, self.identification.to_be_bytes());
        put(&mut fixed, 6, (if self.dont_fragment { DONT_FRAGMENT } else { 0 }).to_be_bytes());
        fixed[8] = self.ttl;
        fixed[9] = self.protocol;
        put(&mut fixed, 12, self.source.v4_octets());
        put(&mut fixed, 16, self.destination.v4_octets());
        let checksum = Sum::of_array(&fixed).finish();
        put(&mut fixed, 10, checksum.to_be_bytes());
        put(out, 0, fixed);
    }
}

/// Checks a header that is not 20 bytes long: lengths, checksum, options.
#[cold]
fn check_long_header(packet: &[u8], header_len: usize, end: usize) -> Result<(), Refused> {
    if header_len < LEN || header_len > packet.len() {
        return Err(Refused::Ipv4Length);
    }
    if end < header_len || end > packet.len() {
        return Err(Refused::Ipv4TotalLength);
    }
    if Sum::of(&packet[..header_len]).finish() != 0 {
        return Err(Refused::Ipv4Checksum);
    }
    check_options(&packet[LEN..header_len])
}

/// Walks over the options; at most 40 steps.
fn check_options(mut options: &[u8]) -> Result<(), Refused> {
    while let [kind, rest @ ..] = options {
        options = match *kind {
            OPTION_END => break,
            OPTION_NO_OPERATION => rest,
            // RFC 9293 MUST-51, MUST-52, MUST-53: declined. A source route lets a stranger choose our answer's way, and
            // nobody honest has used one for decades; such packets are dropped and counted.
            OPTION_LOOSE_SOURCE_ROUTE | OPTION_STRICT_SOURCE_ROUTE => return Err(Refused::Ipv4SourceRoute),
            // RFC 9293 MUST-50: any other option is passed over by its length.
            _ => match rest.first() {
                Some(&len) if len >= 2 && usize::from(len) <= options.len() => &options[usize::from(len)..],
                _ => return Err(Refused::Ipv4Option),
            },
        };
    }
    Ok(())
}

#[cfg(test)]
mod tests;
