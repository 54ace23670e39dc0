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

/// What `cargo xtask bench drivers` says of an I/O model of the kernel's TCP/IP.
#[derive(Clone, Copy, Debug)]
pub(in crate::plan) struct Model {
    /// As `--io` has it.
    pub(in crate::plan) name: &'static str,
    /// User memory of an idle subscriber.
    pub(in crate::plan) user: Figure,
    /// The kernel's memory of its socket, and of all that the model has the kernel keep beside it.
    pub(in crate::plan) kernel: Figure,
    /// From SYN to the last reply.
    pub(in crate::plan) connect: Figure,
    /// One delivery of a publication to everybody.
    pub(in crate::plan) broadcast: Figure,
    /// A ping and its pong.
    pub(in crate::plan) ping: Figure,
}

/// A table of I/O models: machine and date once, then a model, its figures and the command in each row.
macro_rules! models {
    (
        on $machine:literal, $date:literal:
        $($constant:ident = $name:literal [$user:literal $kernel:literal $connect:literal $broadcast:literal $ping:literal] $command:literal;)+
    ) => {
        $(pub(in crate::plan) const $constant: Model = {
            const fn figure(name: &'static str, value: f64, unit: &'static str) -> Figure {
                const SOURCE: &str = concat!($command, "; ", $machine, ", ", $date);
                Figure { name, value, unit, origin: Origin::Measured, source: SOURCE }
            }
            Model {
                name: $name,
                user: figure(concat!($name, ": a subscriber of two channels, in user memory"), $user, "bytes"),
                kernel: figure(concat!($name, ": a socket in the kernel"), $kernel, "bytes"),
                connect: figure(concat!($name, ": a connect with upgrade, connect and one subscription"), $connect, "us"),
                broadcast: figure(concat!($name, ": a delivery of 64 bytes, one publication at a time"), $broadcast, "us"),
                ping: figure(concat!($name, ": a ping and its pong"), $ping, "us"),
            }
        };)+
    };
}
pub(super) use models;

pub(super) const fn specified(name: &'static str, value: f64, unit: &'static str, source: &'static str) -> Figure {
    Figure { name, value, unit, origin: Origin::Specified, source }
}

pub(super) const fn assumed(name: &'static str, value: f64, unit: &'static str, source: &'static str) -> Figure {
    Figure { name, value, unit, origin: Origin::Assumed, source }
}
