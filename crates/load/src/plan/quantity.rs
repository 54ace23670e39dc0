//! The quantities that only a plan asks for, and their text: `20%`, `1/m`, `10Gbit/s`.
//!
//! As in [`crore_base::units`], a number that would be rounded is refused.

use std::fmt;
use std::str::FromStr;

use crore_base::units::{Count, parse_count};

/// A part of something, in thousandths of a percent; more than the whole for speeds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Percent(u32);

/// Of one percent.
const MILLIS: u32 = 1_000;

impl Percent {
    /// The whole.
    pub const WHOLE: Percent = Percent::new(100);

    /// The most that can be written.
    pub const MAX: Percent = Percent::new(1_000);

    /// `percent` of a hundred.
    ///
    /// # Panics
    /// Above 1,000: it is for constants.
    pub const fn new(percent: u32) -> Percent {
        assert!(percent <= 1_000, "more than can be written");
        Percent(percent * MILLIS)
    }

    /// As a number, where the whole is 1.
    pub fn fraction(self) -> f64 {
        f64::from(self.0) / f64::from(100 * MILLIS)
    }
}

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Percent, String> {
        let wrong = || format!("{text:?} is no part of a whole: write 20%, 0.5% or 100%");
        let number = text.strip_suffix('%').ok_or_else(wrong)?;
        // The count parser knows a thousand as k, so this is in thousandths, exactly.
        let plain = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let thousandths = parse_count(&format!("{number}k")).ok().filter(|_| plain).ok_or_else(wrong)?;
        match u32::try_from(thousandths) {
            Ok(thousandths) if thousandths <= Percent::MAX.0 => Ok(Percent(thousandths)),
            _ => Err(format!("{text:?} is too large: at most {}", Percent::MAX)),
        }
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}%", f64::from(self.0) / f64::from(MILLIS)))
    }
}

/// How often something happens: events in a second, a minute or an hour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    events: u64,
    span: Span,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Span {
    Second,
    Minute,
    Hour,
}

const SPANS: [(&str, Span, u32); 3] = [("s", Span::Second, 1), ("m", Span::Minute, 60), ("h", Span::Hour, 3_600)];

impl Rate {
    /// So many a minute.
    pub const fn per_minute(events: u64) -> Rate {
        Rate { events, span: Span::Minute }
    }

    /// In a second.
    pub fn per_second(self) -> f64 {
        let (_, _, seconds) = SPANS[self.span as usize];
        self.events as f64 / f64::from(seconds)
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Rate, String> {
        let wrong = || format!("{text:?} is no rate: write 1/s, 5/m or 1/h (a second, a minute, an hour)");
        let (events, span) = text.split_once('/').ok_or_else(wrong)?;
        let (_, span, _) = SPANS.into_iter().find(|(name, ..)| *name == span).ok_or_else(wrong)?;
        let events = parse_count(events).map_err(|_| wrong())?;
        Ok(Rate { events, span })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, ..) = SPANS[self.span as usize];
        f.pad(&format!("{}/{name}", Count(self.events)))
    }
}

/// What a network carries, bits in a second in each direction.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Bandwidth(pub u64);

impl FromStr for Bandwidth {
    type Err = String;

    fn from_str(text: &str) -> Result<Bandwidth, String> {
        let wrong = || format!("{text:?} is no bandwidth: write 10Gbit/s, 2.5Gbit/s or 100Mbit/s");
        let number = text.strip_suffix("bit/s").ok_or_else(wrong)?;
        parse_count(number).map(Bandwidth).map_err(|_| wrong())
    }
}

impl fmt::Display for Bandwidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}bit/s", Count(self.0)))
    }
}
