//! The Ethernet II header: 14 bytes, without a VLAN tag.

use std::fmt;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::Refused;
use crate::bytes::{array_at, put, u16_at};

/// Bytes of the header.
pub const LEN: usize = 14;

/// An Ethernet address.
#[derive(
    Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(transparent)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// The address of everybody on the link.
    pub const BROADCAST: Self = Self([0xff; 6]);

    /// Whether this is the address of a group; the broadcast address is one.
    #[inline]
    pub const fn is_group(&self) -> bool {
        self.0[0] & 1 == 1
    }

    /// Whether this is the address of everybody.
    #[inline]
    pub fn is_broadcast(&self) -> bool {
        *self == Self::BROADCAST
    }

    /// The group that carries packets to an IPv6 multicast address: `33:33` and its last four bytes (RFC 2464, section
    /// 7).
    #[inline]
    pub const fn of_ipv6_multicast(group: &crate::ip::Ip) -> Self {
        let [.., a, b, c, d] = *group.octets();
        Self([0x33, 0x33, a, b, c, d])
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a frame carries. Values below 0x0600 are lengths of an older form and carry nothing for us.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
#[repr(transparent)]
pub struct EtherType(pub u16);

impl EtherType {
    /// IPv4.
    pub const IPV4: Self = Self(0x0800);
    /// ARP.
    pub const ARP: Self = Self(0x0806);
    /// A VLAN tag, with the carried type behind it (IEEE 802.1Q).
    pub const VLAN: Self = Self(0x8100);
    /// IPv6.
    pub const IPV6: Self = Self(0x86dd);
    /// A provider's VLAN tag (IEEE 802.1ad).
    pub const PROVIDER_VLAN: Self = Self(0x88a8);
}

/// The header.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Header {
    /// Who it is for.
    pub destination: Mac,
    /// Who sent it: one station, never a group.
    pub source: Mac,
    /// What it carries.
    pub ethertype: EtherType,
}

impl Header {
    /// Reads the header at the start of `frame`.
    ///
    /// # Errors
    /// [`Refused::EthernetLength`], or [`Refused::EthernetSource`] if the sender is a group: an answer to it would go
    /// to many.
    #[inline]
    pub fn parse(frame: &[u8]) -> Result<Self, Refused> {
        if frame.len() < LEN {
            return Err(Refused::EthernetLength);
        }
        let source = Mac(array_at(frame, 6));
        if source.is_group() {
            return Err(Refused::EthernetSource);
        }
        Ok(Self { destination: Mac(array_at(frame, 0)), source, ethertype: EtherType(u16_at(frame, 12)) })
    }

    /// Writes the header to the start of `out`.
    ///
    /// # Panics
    /// If `out` is shorter than [`LEN`].
    #[inline]
    pub fn emit(&self, out: &mut [u8]) {
        assert!(out.len() >= LEN, "{} bytes have no room for an Ethernet header", out.len());
        debug_assert!(!self.source.is_group(), "we never send as a group");
        put(out, 0, self.destination.0);
        put(out, 6, self.source.0);
        put(out, 12, self.ethertype.0.to_be_bytes());
    }
}
