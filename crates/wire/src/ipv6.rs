//! The IPv6 header (RFC 8200). Options for hops and for the destination are skipped within bounds; fragments and
//! routing headers are refused.

use crate::Refused;
use crate::bytes::{array_at, put, u16_at, u32_at};
use crate::ip::Ip;
use crate::limits::{IPV6_EXTENSION_BYTES_MAX, IPV6_EXTENSIONS_MAX};
use crate::protocol;

/// Bytes of the header without extension headers.
pub const LEN: usize = 40;

const VERSION: u32 = 6;
const OPTION_PAD_ONE: u8 = 0;
/// The two bits of an option's type that say what to do if it is unknown; zero is to skip it.
const OPTION_ACTION: u8 = 0xc0;

/// The header of a whole packet; extension headers are not kept.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Header {
    /// Six bits of DSCP and two of ECN.
    pub traffic_class: u8,
    /// The sender's label for packets that belong together, 20 bits.
    pub flow_label: u32,
    /// Bytes behind the fixed header, extension headers included.
    pub payload_len: u16,
    /// What the packet carries behind its extension headers: see [`protocol`].
    pub protocol: u8,
    /// Hops that the packet may still go.
    pub hop_limit: u8,
    /// Who sent it; never an IPv4 address.
    pub source: Ip,
    /// Who it is for; never an IPv4 address.
    pub destination: Ip,
}

impl Header {
    /// Reads the header at the start of `packet`, and where its payload starts (behind the extension headers) and ends.
    /// What follows the end is padding of the link.
    ///
    /// # Errors
    /// The reasons whose names start with `Ipv6`.
    #[inline]
    pub fn parse(packet: &[u8]) -> Result<(Self, usize, usize), Refused> {
        let Some(fixed) = packet.first_chunk::<LEN>() else {
            return Err(Refused::Ipv6Length);
        };
        let first = u32_at(fixed, 0);
        if first >> 28 != VERSION {
            return Err(Refused::Ipv6Version);
        }
        let payload_len = u16_at(fixed, 4);
        let end = LEN + usize::from(payload_len);
        if end > packet.len() {
            return Err(Refused::Ipv6PayloadLength);
        }
        let source = Ip::from_octets(array_at(fixed, 8));
        let destination = Ip::from_octets(array_at(fixed, 24));
        if source.is_v4() || destination.is_v4() {
            return Err(Refused::Ipv6MappedAddress);
        }
        let mut protocol = fixed[6];
        let mut start = LEN;
        if is_extension(protocol) {
            (protocol, start) = skip_extensions(&packet[..end], protocol)?;
        }
        let header = Self {
            traffic_class: (first >> 20) as u8,
            flow_label: first & 0xf_ffff,
            payload_len,
            protocol,
            hop_limit: fixed[7],
            source,
            destination,
        };
        Ok((header, start, end))
    }

    /// Writes the header, 40 bytes, to the start of `out`.
    ///
    /// # Panics
    /// If `out` is shorter than [`LEN`].
    #[inline]
    pub fn emit(&self, out: &mut [u8]) {
        assert!(out.len() >= LEN, "{} bytes have no room for an IPv6 header", out.len());
        debug_assert!(!self.source.is_v4() && !self.destination.is_v4());
        let first = VERSION << 28 | u32::from(self.traffic_class) << 20 | self.flow_label & 0xf_ffff;
        put(out, 0, first.to_be_bytes());
        put(out, 4, self.payload_len.to_be_bytes());
        out[6] = self.protocol;
        out[7] = self.hop_limit;
        put(out, 8, *self.source.octets());
        put(out, 24, *self.destination.octets());
    }
}

#[inline]
fn is_extension(protocol: u8) -> bool {
    matches!(protocol, protocol::HOP_BY_HOP | protocol::ROUTING | protocol::FRAGMENT | protocol::DESTINATION_OPTIONS)
}

/// Walks over the extension headers of `packet`, which ends with its payload: what they carry, and where it starts.
#[cold]
fn skip_extensions(packet: &[u8], first: u8) -> Result<(u8, usize), Refused> {
    let mut next = first;
    let mut at = LEN;
    for number in 0..=IPV6_EXTENSIONS_MAX {
        match next {
            protocol::FRAGMENT => return Err(Refused::Ipv6Fragment),
            protocol::ROUTING => return Err(Refused::Ipv6Routing),
            // Options for hops are allowed in the first place only (RFC 8200, section 4.1).
            protocol::HOP_BY_HOP if number > 0 => return Err(Refused::Ipv6Extension),
            protocol::HOP_BY_HOP | protocol::DESTINATION_OPTIONS => {}
            _ => return Ok((next, at)),
        }
        let rest = &packet[at..];
        let len = rest.get(1).map_or(usize::MAX, |&units| 8 + usize::from(units) * 8);
        if len > rest.len() || at + len - LEN > IPV6_EXTENSION_BYTES_MAX || number == IPV6_EXTENSIONS_MAX {
            return Err(Refused::Ipv6Extension);
        }
        check_options(&rest[2..len])?;
        next = rest[0];
        at += len;
    }
    Err(Refused::Ipv6Extension)
}

/// Walks over the options of one header: an unknown one is skipped if its type says so (RFC 8200, section 4.2).
fn check_options(mut options: &[u8]) -> Result<(), Refused> {
    debug_assert!(options.len() <= IPV6_EXTENSION_BYTES_MAX);
    while let [kind, rest @ ..] = options {
        options = match (*kind, rest) {
            (OPTION_PAD_ONE, _) => rest,
            (kind, [len, value @ ..]) if kind & OPTION_ACTION == 0 && usize::from(*len) <= value.len() => {
                &value[usize::from(*len)..]
            }
            _ => return Err(Refused::Ipv6Option),
        };
    }
    Ok(())
}

#[cfg(test)]
mod tests;
