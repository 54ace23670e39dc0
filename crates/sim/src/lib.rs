//! The deterministic world: engines of `crore-tcp` on a network with faults, in virtual time, all from one seed.
//!
//! A world has three parts in its life. While faults last, streams may stall and connections may end, but nothing may be
//! wrong: that is *safety*. Then everything heals, and every stream must go on and end, every connection free its
//! memory, every timer stop: that is *liveness*. In between is a time in which nobody has anything to say, and nobody may
//! say anything.
//!
//! | to see | look in |
//! |---|---|
//! | what a seed decides | [`plan`] |
//! | the faults, and how they are switched off one by one | [`family`], `network.rs`, `host.rs` |
//! | what applications do | `script.rs`, `application.rs` |
//! | what must hold for the bytes of streams and the ends of connections | `ledger.rs` |
//! | what must hold for every frame on the wire | `tap.rs` |
//! | the order of events, the phases, the bounds of time | `world.rs` |
//! | many seeds, shrinking, replay | [`farm`] |
//!
//! The same seed gives the same world to the last byte, on every machine. Nothing here reads a clock.
#![forbid(unsafe_code)]

mod application;
mod capture;
pub mod family;
pub mod farm;
mod host;
mod ledger;
pub mod limits;
mod network;
pub mod plan;
mod script;
mod stream;
mod tap;
mod world;

pub use capture::Capture;
pub use world::{Failure, Seen, World};

/// The outcome of a check: what does not hold, in words.
pub(crate) type Check = Result<(), String>;
