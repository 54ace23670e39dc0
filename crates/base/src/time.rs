//! Points in time and lengths of time, as 64-bit nanoseconds.
//!
//! Nothing here reads a clock. An [`Instant`] counts from an origin that its owner chose (boot of the process, start of
//! the simulation), so instants of different owners must not be mixed. All arithmetic saturates: a deadline that would
//! overflow is [`Instant::FAR_FUTURE`], 584 years away, and a difference that would be negative is zero.
//!
//! std's types are not used because their instant can only come from the real clock, and because 8 bytes are half of 16
//! in tables with ten million rows.

use std::fmt;
use std::ops::{Add, AddAssign, Div, Mul, Sub, SubAssign};

const NANOS_PER_MICRO: u64 = 1_000;
const NANOS_PER_MILLI: u64 = 1_000_000;
const NANOS_PER_SEC: u64 = 1_000_000_000;

/// A point in time: nanoseconds since an origin that its owner chose.
///
/// The range is 0 to 2^64 - 1 ns, about 584 years. Copying and comparing cost what they cost for a `u64`.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Instant(u64);

impl Instant {
    /// The origin.
    pub const ZERO: Self = Self(0);
    /// The last point that can be expressed. As a deadline it means never.
    pub const FAR_FUTURE: Self = Self(u64::MAX);

    /// The point `nanos` nanoseconds after the origin.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the origin.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whole microseconds since the origin, rounded down.
    pub const fn as_micros(self) -> u64 {
        self.0 / NANOS_PER_MICRO
    }

    /// Whole milliseconds since the origin, rounded down.
    pub const fn as_millis(self) -> u64 {
        self.0 / NANOS_PER_MILLI
    }

    /// The time from `earlier` to `self`, zero if `earlier` is in fact later.
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration(self.0.saturating_sub(earlier.0))
    }

    /// `self + duration`, or `None` if that is beyond [`FAR_FUTURE`](Self::FAR_FUTURE).
    pub const fn checked_add(self, duration: Duration) -> Option<Self> {
        match self.0.checked_add(duration.0) {
            Some(nanos) => Some(Self(nanos)),
            None => None,
        }
    }

    /// `self + duration`, at most [`FAR_FUTURE`](Self::FAR_FUTURE).
    pub const fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.0))
    }

    /// `self - duration`, at least [`ZERO`](Self::ZERO).
    pub const fn saturating_sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(duration.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;
    fn add(self, duration: Duration) -> Self {
        self.saturating_add(duration)
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;
    fn sub(self, duration: Duration) -> Self {
        self.saturating_sub(duration)
    }
}

impl Sub for Instant {
    type Output = Duration;
    fn sub(self, earlier: Self) -> Duration {
        self.saturating_since(earlier)
    }
}

/// A length of time in nanoseconds, from zero to about 584 years. All arithmetic saturates.
///
/// Its text form (`25s`, `1.5ms`) is exact and is read back by [`parse_duration`](crate::units::parse_duration).
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Duration(u64);

impl Duration {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// The longest time that can be expressed, about 584 years.
    pub const MAX: Self = Self(u64::MAX);

    /// `secs` seconds, at most [`MAX`](Self::MAX).
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(NANOS_PER_SEC))
    }

    /// `millis` milliseconds, at most [`MAX`](Self::MAX).
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(NANOS_PER_MILLI))
    }

    /// `micros` microseconds, at most [`MAX`](Self::MAX).
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros.saturating_mul(NANOS_PER_MICRO))
    }

    /// `nanos` nanoseconds.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Whole seconds, rounded down.
    pub const fn as_secs(self) -> u64 {
        self.0 / NANOS_PER_SEC
    }

    /// Whole milliseconds, rounded down.
    pub const fn as_millis(self) -> u64 {
        self.0 / NANOS_PER_MILLI
    }

    /// Whole microseconds, rounded down.
    pub const fn as_micros(self) -> u64 {
        self.0 / NANOS_PER_MICRO
    }

    /// Nanoseconds, exactly.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Seconds as a floating-point number, for rates and reports; rounded as std rounds it.
    pub fn as_secs_f64(self) -> f64 {
        std::time::Duration::from(self).as_secs_f64()
    }

    /// Whether this is no time at all.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl Add for Duration {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Duration {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Duration {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl SubAssign for Duration {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Mul<u64> for Duration {
    type Output = Self;
    fn mul(self, times: u64) -> Self {
        Self(self.0.saturating_mul(times))
    }
}

impl Div<u64> for Duration {
    type Output = Self;
    /// Rounds down. Panics if `parts` is zero, as dividing an integer does.
    fn div(self, parts: u64) -> Self {
        Self(self.0 / parts)
    }
}

impl From<std::time::Duration> for Duration {
    /// Saturates: std's type reaches beyond 584 years.
    fn from(duration: std::time::Duration) -> Self {
        Self(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl From<Duration> for std::time::Duration {
    fn from(duration: Duration) -> Self {
        std::time::Duration::from_nanos(duration.0)
    }
}

impl fmt::Display for Duration {
    /// The largest of `s`, `ms`, `us`, `ns` that leaves a whole part, with as many decimals as exactness needs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, suffix) = match self.0 {
            0 | NANOS_PER_SEC.. => (NANOS_PER_SEC, "s"),
            NANOS_PER_MILLI.. => (NANOS_PER_MILLI, "ms"),
            NANOS_PER_MICRO.. => (NANOS_PER_MICRO, "us"),
            _ => (1, "ns"),
        };
        let (whole, mut rest) = (self.0 / unit, self.0 % unit);
        let mut text = whole.to_string();
        let mut place = unit;
        if rest > 0 {
            text.push('.');
        }
        while rest > 0 {
            place /= 10;
            text.push(char::from(b'0' + (rest / place) as u8));
            rest %= place;
        }
        text.push_str(suffix);
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests;
