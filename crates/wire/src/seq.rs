//! Sequence numbers of TCP: points on a circle of 2^32, and the arithmetic that stays right when they wrap.
//!
//! Two numbers have no order by themselves. "Before" means: less than half the circle away, going forward (RFC 9293,
//! section 3.4). That is no order in the sense of [`Ord`] (it is not transitive), so there is none here: a `max` or a
//! sort that compiles would be a bug. Two numbers exactly half the circle apart are neither before nor after each
//! other.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A sequence number. Adding wraps around the circle.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(transparent)]
pub struct Seq(pub u32);

impl Seq {
    /// Whether going forward from here reaches `other` within less than half the circle, and it is not here.
    #[inline]
    pub const fn is_before(self, other: Self) -> bool {
        (other.0.wrapping_sub(self.0) as i32) > 0
    }

    /// [`is_before`](Self::is_before), or equal.
    #[inline]
    pub const fn is_at_or_before(self, other: Self) -> bool {
        (other.0.wrapping_sub(self.0) as i32) >= 0
    }

    /// Whether `other` [`is_before`](Self::is_before) this.
    #[inline]
    pub const fn is_after(self, other: Self) -> bool {
        other.is_before(self)
    }

    /// [`is_after`](Self::is_after), or equal.
    #[inline]
    pub const fn is_at_or_after(self, other: Self) -> bool {
        other.is_at_or_before(self)
    }

    /// Whether this is one of the `len` numbers from `start` on. Right for every `len`, also beyond half the circle.
    #[inline]
    pub const fn is_within(self, start: Self, len: u32) -> bool {
        self.0.wrapping_sub(start.0) < len
    }

    /// The later of two numbers; `a` if neither is.
    #[inline]
    pub const fn later_of(a: Self, b: Self) -> Self {
        if a.is_before(b) { b } else { a }
    }

    /// The earlier of two numbers; `a` if neither is.
    #[inline]
    pub const fn earlier_of(a: Self, b: Self) -> Self {
        if b.is_before(a) { b } else { a }
    }
}

impl Add<u32> for Seq {
    type Output = Self;

    #[inline]
    fn add(self, forward: u32) -> Self {
        Self(self.0.wrapping_add(forward))
    }
}

impl AddAssign<u32> for Seq {
    #[inline]
    fn add_assign(&mut self, forward: u32) {
        *self = *self + forward;
    }
}

impl Sub<u32> for Seq {
    type Output = Self;

    #[inline]
    fn sub(self, back: u32) -> Self {
        Self(self.0.wrapping_sub(back))
    }
}

impl Sub for Seq {
    type Output = u32;

    /// The way forward from `from` to this, 0 to 2^32 - 1.
    #[inline]
    fn sub(self, from: Self) -> u32 {
        self.0.wrapping_sub(from.0)
    }
}

impl fmt::Debug for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seq({})", self.0)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

const _: () = assert!(size_of::<Seq>() == 4);

#[cfg(test)]
mod tests;
