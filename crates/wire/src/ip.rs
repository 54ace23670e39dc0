//! IP addresses of both families in one type, and prefixes of them.
//!
//! An [`Ip`] is 16 bytes. An IPv4 address is kept as IPv6 writes it, `::ffff:a.b.c.d` (RFC 4291, section 2.5.5.2), so
//! that tables, hashes and checksums need one shape. Such an address never arrives in an IPv6 packet: the parser
//! refuses it ([`Refused::Ipv6MappedAddress`](crate::Refused::Ipv6MappedAddress)), or a stranger could speak for an
//! IPv4 neighbour.

mod prefix;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

pub use prefix::{Prefix, PrefixError};

/// The second eight bytes of an IPv4 address in IPv6 form, before the address itself; the first eight are zero. In the
/// machine's byte order, as are all words here: addresses are compared in registers, never put together in memory.
const MAPPED: u64 = u64::from_ne_bytes([0, 0, 0xff, 0xff, 0, 0, 0, 0]);
/// The bytes of that word that are not the address.
const MAPPED_MASK: u64 = u64::from_ne_bytes([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);

/// An IPv4 or IPv6 address. All zero bytes are `::`, which is also the default.
///
/// Shown and parsed as [`IpAddr`]; the order is that of the bytes.
#[derive(
    Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(transparent)]
pub struct Ip([u8; 16]);

impl Ip {
    /// `0.0.0.0`.
    pub const UNSPECIFIED_V4: Self = Self::v4([0; 4]);
    /// `::`.
    pub const UNSPECIFIED_V6: Self = Self([0; 16]);
    /// `255.255.255.255`.
    pub const LIMITED_BROADCAST: Self = Self::v4([255; 4]);

    /// The IPv4 address of these bytes.
    #[inline]
    pub const fn v4(octets: [u8; 4]) -> Self {
        Self((0xffff_u128 << 32 | u32::from_be_bytes(octets) as u128).to_be_bytes())
    }

    /// The address of these 16 bytes: IPv6, or IPv4 if they are `::ffff:a.b.c.d`.
    #[inline]
    pub const fn from_octets(octets: [u8; 16]) -> Self {
        Self(octets)
    }

    /// The 16 bytes, whatever the family.
    #[inline]
    pub const fn octets(&self) -> &[u8; 16] {
        &self.0
    }

    /// Whether this is an IPv4 address.
    #[inline]
    pub const fn is_v4(&self) -> bool {
        let [high, low] = self.words();
        high == 0 && low & MAPPED_MASK == MAPPED
    }

    /// The four bytes of an IPv4 address. Of an IPv6 address, its last four: ask [`is_v4`](Self::is_v4) first.
    #[inline]
    pub const fn v4_octets(&self) -> [u8; 4] {
        [self.0[12], self.0[13], self.0[14], self.0[15]]
    }

    #[inline]
    const fn words(&self) -> [u64; 2] {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = self.0;
        [u64::from_ne_bytes([a, b, c, d, e, f, g, h]), u64::from_ne_bytes([i, j, k, l, m, n, o, p])]
    }

    /// The address as the standard library has it, IPv4 as IPv4.
    #[inline]
    pub fn to_std(&self) -> IpAddr {
        if self.is_v4() { IpAddr::V4(self.v4_octets().into()) } else { IpAddr::V6(self.0.into()) }
    }

    /// `0.0.0.0` or `::`.
    #[inline]
    pub fn is_unspecified(&self) -> bool {
        *self == Self::UNSPECIFIED_V4 || *self == Self::UNSPECIFIED_V6
    }

    /// `224.0.0.0/4` or `ff00::/8`.
    #[inline]
    pub fn is_multicast(&self) -> bool {
        if self.is_v4() { self.0[12] & 0xf0 == 0xe0 } else { self.0[0] == 0xff }
    }

    /// `255.255.255.255`. The broadcast address of a network is a matter of its [`Prefix`].
    #[inline]
    pub fn is_limited_broadcast(&self) -> bool {
        *self == Self::LIMITED_BROADCAST
    }

    /// `127.0.0.0/8` or `::1`.
    #[inline]
    pub fn is_loopback(&self) -> bool {
        if self.is_v4() { self.0[12] == 127 } else { u128::from_be_bytes(self.0) == 1 }
    }

    /// `169.254.0.0/16` or `fe80::/10`: good on one link only.
    #[inline]
    pub fn is_link_local(&self) -> bool {
        if self.is_v4() { self.0[12..14] == [169, 254] } else { self.0[0] == 0xfe && self.0[1] & 0xc0 == 0x80 }
    }

    /// The group that listens for neighbour solicitations of this IPv6 address, `ff02::1:ffxx:xxxx` (RFC 4291, section
    /// 2.7.1).
    #[inline]
    pub const fn solicited_node(&self) -> Self {
        let [.., a, b, c] = self.0;
        Self([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a, b, c])
    }
}

impl From<Ipv4Addr> for Ip {
    #[inline]
    fn from(address: Ipv4Addr) -> Self {
        Self::v4(address.octets())
    }
}

impl From<Ipv6Addr> for Ip {
    #[inline]
    fn from(address: Ipv6Addr) -> Self {
        Self(address.octets())
    }
}

impl From<IpAddr> for Ip {
    #[inline]
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => address.into(),
        }
    }
}

impl From<Ip> for IpAddr {
    #[inline]
    fn from(address: Ip) -> Self {
        address.to_std()
    }
}

impl FromStr for Ip {
    type Err = std::net::AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<IpAddr>().map(Self::from)
    }
}

impl fmt::Display for Ip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_std().fmt(f)
    }
}

impl fmt::Debug for Ip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_std().fmt(f)
    }
}

const _: () = assert!(size_of::<Ip>() == 16 && align_of::<Ip>() == 1);

#[cfg(test)]
mod tests;
