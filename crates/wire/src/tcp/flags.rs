//! The control bits.

use std::fmt;
use std::ops::{BitAnd, BitOr, BitOrAssign};

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// The control bits of a segment: a set. Shown as names, `SYN|ACK`.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(transparent)]
pub struct Flags(pub u8);

impl Flags {
    /// None.
    pub const NONE: Self = Self(0);
    /// The sender has no more to send.
    pub const FIN: Self = Self(1);
    /// The sequence number is the start of the sender's numbers.
    pub const SYN: Self = Self(2);
    /// The connection is reset.
    pub const RST: Self = Self(4);
    /// Hand over what has come so far.
    pub const PSH: Self = Self(8);
    /// The acknowledgement number means something.
    pub const ACK: Self = Self(16);
    /// The urgent pointer means something.
    pub const URG: Self = Self(32);
    /// A mark of congestion was seen (RFC 3168).
    pub const ECE: Self = Self(64);
    /// The sender has slowed down (RFC 3168).
    pub const CWR: Self = Self(128);

    const NAMES: [&'static str; 8] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];

    /// Whether all of `others` are in this set.
    #[inline]
    pub const fn contains(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// Whether any of `others` is in this set.
    #[inline]
    pub const fn intersects(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    /// This set without `others`.
    #[inline]
    pub const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// Both sets. The same as `|`, for constants.
    #[inline]
    pub const fn with(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }
}

impl BitOr for Flags {
    type Output = Self;

    #[inline]
    fn bitor(self, others: Self) -> Self {
        self.with(others)
    }
}

impl BitOrAssign for Flags {
    #[inline]
    fn bitor_assign(&mut self, others: Self) {
        *self = self.with(others);
    }
}

impl BitAnd for Flags {
    type Output = Self;

    #[inline]
    fn bitand(self, others: Self) -> Self {
        Self(self.0 & others.0)
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (bit, name) in Self::NAMES.iter().enumerate() {
            if self.0 >> bit & 1 == 1 {
                write!(f, "{separator}{name}")?;
                separator = "|";
            }
        }
        if self.0 == 0 { f.write_str("NONE") } else { Ok(()) }
    }
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
