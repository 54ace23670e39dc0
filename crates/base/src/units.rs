//! The quantities that users type, and their text: `10M`, `64KiB`, `30s`, `5000/s`.
//!
//! One grammar for flags, settings and the API: digits, single underscores between digits, at most one decimal point, and
//! a unit right behind. A number that would be rounded is refused rather than guessed, and so are units that mean
//! different things to different people (`64K` bytes). [`Count`], [`Bytes`] and [`Duration`] print text that the parsers
//! read back exactly.

mod error;

use std::fmt;

use crate::limits::UNIT_DECIMALS_MAX;
use crate::time::Duration;

pub use error::UnitError;
use error::{Problem, Quantity};

const K: u64 = 1_000;
const KI: u64 = 1_024;
/// Spelling and worth of each unit. The empty spelling means that a bare number is allowed, and what it is worth. Of two
/// spellings with one worth, the later is the one we write.
type Units = [(&'static str, u64)];
const COUNT_UNITS: &Units = &[("", 1), ("K", K), ("k", K), ("M", K * K), ("G", K * K * K), ("T", K * K * K * K)];
const BYTE_UNITS: &Units = &[
    ("", 1),
    ("B", 1),
    ("KiB", KI),
    ("MiB", KI * KI),
    ("GiB", KI * KI * KI),
    ("TiB", KI * KI * KI * KI),
    ("kB", K),
    ("KB", K),
    ("MB", K * K),
    ("GB", K * K * K),
    ("TB", K * K * K * K),
];
const DURATION_UNITS: &Units = &[
    ("ns", 1),
    ("us", K),
    ("µs", K),
    ("ms", K * K),
    ("s", K * K * K),
    ("m", 60 * K * K * K),
    ("h", 3_600 * K * K * K),
    ("d", 86_400 * K * K * K),
];

impl Quantity {
    fn units(self) -> &'static Units {
        match self {
            Self::Count | Self::Rate => COUNT_UNITS,
            Self::Bytes => BYTE_UNITS,
            Self::Duration => DURATION_UNITS,
        }
    }
}

/// Reads a count: `250`, `1_000`, `5k`, `10M`, `1.5G`, `2T` (powers of 1,000).
///
/// # Errors
/// The text is not of this form, is not a whole number, or exceeds 2^64 - 1.
pub fn parse_count(text: &str) -> Result<u64, UnitError> {
    parse(text, text, Quantity::Count)
}

/// Reads a size in bytes: `512`, `512B`, `64KiB`, `1.5GiB` (powers of 1,024), `64kB`, `10MB` (powers of 1,000).
///
/// # Errors
/// The text is not of this form, is not a whole number of bytes, or exceeds 2^64 - 1.
pub fn parse_bytes(text: &str) -> Result<u64, UnitError> {
    parse(text, text, Quantity::Bytes)
}

/// Reads a length of time: `0`, `250ms`, `1.5s`, `30s`, `5m`, `1h`, `7d`, `10us`, `100ns`. Only zero goes without a unit.
///
/// # Errors
/// The text is not of this form, is finer than a nanosecond, or exceeds 584 years.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    parse(text, text, Quantity::Duration).map(Duration::from_nanos)
}

/// Reads a rate per second: `5000/s`, `5k/s`, or the bare count `5000`.
///
/// # Errors
/// The text is not of this form, is not a whole number, or exceeds 2^64 - 1.
pub fn parse_rate(text: &str) -> Result<u64, UnitError> {
    parse(text, text.strip_suffix("/s").unwrap_or(text), Quantity::Rate)
}

/// Reads `number`, the part of `text` that is digits and unit.
fn parse(text: &str, number: &str, quantity: Quantity) -> Result<u64, UnitError> {
    let fail = |problem| Err(UnitError::new(text, quantity, problem));
    let unit_at = number.find(|c: char| !matches!(c, '0'..='9' | '_' | '.')).unwrap_or(number.len());
    let (digits, unit) = number.split_at(unit_at);
    if text.is_empty() {
        return fail(Problem::Empty);
    }
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
    if !are_digits(whole) || !are_digits(decimals) {
        return fail(Problem::NotANumber);
    }
    let Some(&(_, worth)) = quantity.units().iter().find(|(spelling, _)| *spelling == unit) else {
        return fail(Problem::UnknownUnit(unit.into()));
    };
    let decimals: Vec<u8> = decimals.bytes().filter(u8::is_ascii_digit).collect();
    if decimals.len() > UNIT_DECIMALS_MAX {
        return fail(Problem::NotWhole);
    }
    // Below 10^18 times 86,400 * 10^9, so this product and the power of ten fit 128 bits with room to spare.
    let fraction = decimals.iter().fold(0, |sum, digit| sum * 10 + u128::from(digit - b'0')) * u128::from(worth);
    let one = 10_u128.pow(decimals.len() as u32);
    if !fraction.is_multiple_of(one) {
        return fail(Problem::NotWhole);
    }
    let whole = whole
        .bytes()
        .filter(u8::is_ascii_digit)
        .try_fold(0_u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0')));
    let total = whole.and_then(|whole| whole.checked_mul(worth)?.checked_add(u64::try_from(fraction / one).ok()?));
    total.map_or_else(|| fail(Problem::TooLarge), Ok)
}

/// Digits with single underscores between them, at least one digit.
fn are_digits(text: &str) -> bool {
    text.split('_').all(|group| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A count whose text is the shortest exact one with a unit: `10M`, `1500`, `0`.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Count(pub u64);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, self.0, COUNT_UNITS, "")
    }
}

/// A number of bytes whose text is the shortest exact one with a binary unit: `64KiB`, `8MiB`, `1500B`.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, self.0, &BYTE_UNITS[2..6], "B")
    }
}

/// Writes `value` in the largest of `units` that divides it, or as it is, with the unit of one.
fn show(f: &mut fmt::Formatter<'_>, value: u64, units: &Units, one: &str) -> fmt::Result {
    let fitting = units.iter().filter(|(_, worth)| value >= *worth && value.is_multiple_of(*worth));
    let (unit, worth) =
        fitting.max_by_key(|(_, worth)| *worth).copied().filter(|(_, worth)| *worth > 1).unwrap_or((one, 1));
    f.pad(&format!("{}{unit}", value / worth))
}

#[cfg(test)]
mod tests;
