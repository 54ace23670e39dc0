//! The machine that a plan is made for, and how far its resources go.

use serde::Serialize;

use super::quantity::{Bandwidth, Percent};

/// What a machine has.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Machine {
    /// Processors.
    pub cores: u32,
    /// Bytes.
    pub memory: u64,
    /// In each direction.
    pub link: Bandwidth,
    /// How fast a core is, of the one that the figures were measured on.
    pub speed: Percent,
    /// What is kept free of everything.
    pub headroom: Percent,
}

/// The reference machine: 8 cores, 64 GB, 10 Gbit/s, a fifth of it kept free.
impl Default for Machine {
    fn default() -> Machine {
        Machine {
            cores: 8,
            memory: 64_000_000_000,
            link: Bandwidth(10_000_000_000),
            speed: Percent::new(100),
            headroom: Percent::new(20),
        }
    }
}

/// What a machine may run out of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Limit {
    /// Memory, bytes.
    Memory,
    /// Processors, cores as fast as measured.
    Cores,
    /// The link to clients, bits a second.
    LinkOut,
    /// The link from clients, bits a second.
    LinkIn,
    /// Slots of the cores' tables, connections.
    Slots,
    /// What the I/O model can watch, descriptors.
    Watched,
}

impl Limit {
    /// For people.
    pub(super) fn name(self) -> &'static str {
        match self {
            Limit::Memory => "memory",
            Limit::Cores => "cores",
            Limit::LinkOut => "link to clients",
            Limit::LinkIn => "link from clients",
            Limit::Slots => "slots",
            Limit::Watched => "watched",
        }
    }
}

/// One resource: how much is needed, and how much there is.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub(super) struct Use {
    /// Of what.
    pub(super) of: Limit,
    /// What the plan takes, in the unit of [`Limit`].
    pub(super) needed: f64,
    /// What may be taken: what is there without the part that is kept free.
    pub(super) usable: f64,
}

impl Use {
    /// The part of what may be taken that is; more than 1 does not fit.
    pub(super) fn share(&self) -> f64 {
        debug_assert!(self.usable > 0.0, "every machine has something of everything");
        self.needed / self.usable
    }
}

/// The resource of which most is taken: what binds first when the load grows.
pub(super) fn tightest(uses: &[Use]) -> Use {
    let most = uses.iter().copied().max_by(|one, other| one.share().total_cmp(&other.share()));
    most.expect("a plan uses memory at least")
}
