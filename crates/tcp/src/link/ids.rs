//! The short names that connections keep instead of addresses.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The neighbour from which the last frame of a flow came, and to which answers go.
#[derive(Copy, Clone, PartialEq, Eq, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(transparent)]
pub(crate) struct HopId(pub(crate) u16);

/// A local address that connections use.
#[derive(Copy, Clone, PartialEq, Eq, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(transparent)]
pub(crate) struct LocalId(pub(crate) u16);

impl HopId {
    /// The name of nothing, as all-zero memory has it.
    pub(crate) const NONE: Self = Self(0);

    /// The bare number, for records that keep it as such.
    #[inline]
    pub(crate) const fn get(self) -> u16 {
        self.0
    }

    /// The name that [`get`](Self::get) gave the number of.
    #[inline]
    pub(crate) const fn from_number(number: u16) -> Self {
        Self(number)
    }
}

impl LocalId {
    /// The bare number, for records that keep it as such.
    #[inline]
    pub(crate) const fn get(self) -> u16 {
        self.0
    }

    /// The name that [`get`](Self::get) gave the number of.
    #[inline]
    pub(crate) const fn from_number(number: u16) -> Self {
        Self(number)
    }
}
