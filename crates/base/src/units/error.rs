//! Why a text is not the quantity it should be, in words for whoever typed it.

use std::fmt;

use crate::limits::UNIT_INPUT_SHOWN_CHARS_MAX;

/// A text that is not the quantity it should be. Its message names the text, what is wrong, and what would be right.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnitError {
    /// The beginning of what was typed.
    input: String,
    quantity: Quantity,
    problem: Problem,
}

#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Quantity {
    Count,
    Bytes,
    Duration,
    Rate,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Problem {
    Empty,
    NotANumber,
    UnknownUnit(String),
    NotWhole,
    TooLarge,
}

impl Quantity {
    /// What it is called, how it is written, what it must be a whole number of, its largest value.
    fn words(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Self::Count => {
                ("count", "a number such as 250, 1_000, 5k, 10M or 1.5G", "a whole number", "18446744073709551615")
            }
            Self::Bytes => (
                "size",
                "bytes such as 512, 64KiB, 8MiB, 1GiB or 10MB",
                "a whole number of bytes",
                "18446744073709551615 bytes",
            ),
            Self::Duration => (
                "duration",
                "a time such as 100us, 250ms, 30s, 5m, 1h or 7d",
                "a whole number of nanoseconds",
                "584 years",
            ),
            Self::Rate => (
                "rate",
                "a number a second such as 500/s, 5k/s or 1M/s",
                "a whole number a second",
                "18446744073709551615/s",
            ),
        }
    }
}

impl UnitError {
    pub(super) fn new(text: &str, quantity: Quantity, problem: Problem) -> Self {
        let problem = match problem {
            Problem::UnknownUnit(unit) => Problem::UnknownUnit(shortened(&unit)),
            other => other,
        };
        Self { input: shortened(text), quantity, problem }
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(UNIT_INPUT_SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.into(),
    }
}

impl fmt::Display for UnitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { input, quantity, problem } = self;
        let (name, form, whole, largest) = quantity.words();
        match problem {
            Problem::Empty => write!(f, "a {name} is missing: write {form}"),
            Problem::NotANumber => write!(f, "{input:?} is not a {name}: its digits make no number; write {form}"),
            Problem::UnknownUnit(unit) if unit.is_empty() => {
                write!(f, "{input:?} is not a {name}: the unit is missing; write {form}")
            }
            Problem::UnknownUnit(unit) => {
                write!(f, "{input:?} is not a {name}: {unit:?} is not a unit of it; write {form}")
            }
            Problem::NotWhole => write!(f, "{input:?} is not a {name}: it must be {whole}; use fewer decimals"),
            Problem::TooLarge => write!(f, "{input:?} is too large a {name}: the most is {largest}; write less"),
        }
    }
}

impl std::error::Error for UnitError {}
