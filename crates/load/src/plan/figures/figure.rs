//! What a figure is: a number with its unit, and how it is known.

use serde::Serialize;

/// How a figure is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::plan) enum Origin {
    /// By a command of this project.
    Measured,
    /// By a standard.
    Specified,
    /// By nobody yet.
    Assumed,
}

/// A number that a plan rests on.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub(in crate::plan) struct Figure {
    /// What it is about.
    pub(in crate::plan) name: &'static str,
    /// How much.
    pub(in crate::plan) value: f64,
    /// Of what.
    pub(in crate::plan) unit: &'static str,
    /// How it is known.
    pub(in crate::plan) origin: Origin,
    /// Command, machine and date; standard and section; or why it is assumed.
    pub(in crate::plan) source: &'static str,
}

/// A table of measured figures: machine and date once, then a constant, its value, what it is about and the command in each row.
macro_rules! measured {
    (
        on $machine:literal, $date:literal:
        $($constant:ident = $value:literal $unit:literal, $name:literal, $command:literal;)+
    ) => {
        $(pub(in crate::plan) const $constant: Figure = Figure {
            name: $name,
            value: $value,
            unit: $unit,
            origin: Origin::Measured,
            source: concat!($command, "; ", $machine, ", ", $date),
        };)+
    };
}
pub(super) use measured;

pub(super) const fn specified(name: &'static str, value: f64, unit: &'static str, source: &'static str) -> Figure {
    Figure { name, value, unit, origin: Origin::Specified, source }
}

pub(super) const fn assumed(name: &'static str, value: f64, unit: &'static str, source: &'static str) -> Figure {
    Figure { name, value, unit, origin: Origin::Assumed, source }
}
