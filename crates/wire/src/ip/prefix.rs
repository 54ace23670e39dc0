//! A prefix: an address, and how many of its leading bits name the network it is in.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use super::Ip;

/// Bits by which a prefix of an IPv4 address is longer inside than shown: those of `::ffff:`.
const V4_BITS: u8 = 96;

/// An address with its network, such as `10.0.0.0/8`, `192.0.2.7/24` or `2001:db8::/32`; a host is the whole address.
///
/// The address keeps the bits behind the prefix, as an interface's address does; [`network`](Self::network) clears
/// them, and whatever asks about the network does not look at them. Since IPv4 addresses are IPv6 addresses here,
/// `::/0` holds every address of both families, and `0.0.0.0/0` every IPv4 address.
#[derive(Copy, Clone, PartialEq, Eq, Hash)]
pub struct Prefix {
    address: Ip,
    bits: u8,
}

impl Prefix {
    /// Every address of both families: `::/0`.
    pub const ALL: Self = Self { address: Ip::UNSPECIFIED_V6, bits: 0 };

    /// The prefix of `address` with the first `bits` bits in 128-bit terms: an IPv4 network of /24 has 120.
    ///
    /// # Panics
    /// If `bits` is more than 128.
    pub const fn new(address: Ip, bits: u8) -> Self {
        assert!(bits <= 128, "a prefix has at most 128 bits");
        Self { address, bits }
    }

    /// This one address.
    pub const fn host(address: Ip) -> Self {
        Self { address, bits: 128 }
    }

    /// The address as it was given, with the bits behind the prefix.
    #[inline]
    pub const fn address(&self) -> Ip {
        self.address
    }

    /// How many leading bits the network has, in 128-bit terms: 0 to 128.
    #[inline]
    pub const fn bits(&self) -> u8 {
        self.bits
    }

    /// Whether it is one address.
    #[inline]
    pub const fn is_host(&self) -> bool {
        self.bits == 128
    }

    /// Whether all its addresses are IPv4.
    #[inline]
    pub fn is_v4(&self) -> bool {
        self.bits >= V4_BITS && self.address.is_v4()
    }

    /// The first address of the network.
    pub fn network(&self) -> Ip {
        Ip::from_octets((self.address_bits() & self.mask()).to_be_bytes())
    }

    /// Whether `address` is in the network.
    #[inline]
    pub fn contains(&self, address: Ip) -> bool {
        (self.address_bits() ^ u128::from_be_bytes(*address.octets())) & self.mask() == 0
    }

    /// How many addresses the network has; `u128::MAX` for `::/0`, which has one more.
    pub fn size(&self) -> u128 {
        1u128.checked_shl(128 - u32::from(self.bits)).unwrap_or(u128::MAX)
    }

    /// Address number `n` of the network, from zero.
    ///
    /// # Panics
    /// If the network has no such address.
    pub fn nth(&self, n: u128) -> Ip {
        assert!(n <= !self.mask(), "{self} has {} addresses, there is no number {n}", self.size());
        Ip::from_octets((u128::from_be_bytes(*self.network().octets()) | n).to_be_bytes())
    }

    /// The address that reaches all hosts of an IPv4 network: its last. `None` for IPv6, for a host, and for a network
    /// of two, which has no broadcast (RFC 3021).
    pub fn broadcast(&self) -> Option<Ip> {
        (self.is_v4() && self.bits < 127).then(|| Ip::from_octets((self.address_bits() | !self.mask()).to_be_bytes()))
    }

    #[inline]
    fn address_bits(&self) -> u128 {
        u128::from_be_bytes(*self.address.octets())
    }

    #[inline]
    fn mask(&self) -> u128 {
        u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0)
    }
}

impl From<Ip> for Prefix {
    fn from(address: Ip) -> Self {
        Self::host(address)
    }
}

/// Why a text is no prefix. The message repeats the part that was wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PrefixError {
    /// What stands before the slash is no address.
    Address(String),
    /// What stands behind the slash is no number of bits.
    Bits(String),
    /// More bits than an address of this family has.
    TooManyBits {
        /// What was asked for.
        bits: u32,
        /// What the family has: 32 or 128.
        max: u8,
    },
}

impl fmt::Display for PrefixError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(text) => {
                write!(f, "{text:?} is no IP address; write for example 10.0.0.0/8, 2001:db8::/32 or one address")
            }
            Self::Bits(text) => {
                write!(f, "{text:?} is no number of bits; write for example 10.0.0.0/8 or 2001:db8::/32")
            }
            Self::TooManyBits { bits, max } => {
                write!(f, "a prefix of {bits} bits is longer than the address, which has {max}")
            }
        }
    }
}

impl std::error::Error for PrefixError {}

impl FromStr for Prefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| PrefixError::Address(shown(address)))?;
        let (max, outside) = if address.is_ipv4() { (32, V4_BITS) } else { (128, 0) };
        let Some(bits) = bits else {
            return Ok(Self::host(address.into()));
        };
        let is_number = !bits.is_empty() && bits.len() <= 9 && bits.bytes().all(|byte| byte.is_ascii_digit());
        let bits: u32 = bits.parse().ok().filter(|_| is_number).ok_or_else(|| PrefixError::Bits(shown(bits)))?;
        if bits > u32::from(max) {
            return Err(PrefixError::TooManyBits { bits, max });
        }
        Ok(Self::new(address.into(), outside + bits as u8))
    }
}

/// The start of a wrong text: what follows is cut, so that a file given by mistake does not end up in a log.
fn shown(text: &str) -> String {
    text.chars().take(60).collect()
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_host() {
            return self.address.fmt(f);
        }
        if self.is_v4() {
            return write!(f, "{}/{}", self.address, self.bits - V4_BITS);
        }
        write!(f, "{}/{}", Ipv6Addr::from(*self.address.octets()), self.bits)
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
