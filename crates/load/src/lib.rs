//! The load generator: many clients of a push server, or of any HTTP server, that check what they get.
//!
//! [`run`] takes [`Options`] and gives an [`Outcome`]. Everything is open loop: the moments of connects, publications
//! and requests are fixed by the schedule and not by the server, and latencies count from those moments. Each publication
//! is checked on each connection by its offset: lost, duplicated, reordered. A connection that ends early has failed with
//! a reason; nobody reconnects, because a reconnect would hide it.
//!
//! ```text
//! run ── crew ──▶ lane (a thread, or a process each) ──▶ client: socket | events | requests
//!                  └ publisher, in the first lane, through the server's HTTP API
//! ```
//!
//! A lane is one core of the [runtime](crore_rt). The coordinator and its lanes speak in the messages of `wire.rs`, in memory
//! or as JSON lines, so one process and many go through the same phases.
//!
//! Not here: TLS, HTTP/2, long polling, tokens, reconnecting.

mod c10m;
mod crew;
mod error;
mod lane;
mod latency;
pub mod limits;
mod mailbox;
mod message;
mod network;
mod options;
mod outcome;
mod pace;
pub mod page;
mod plan;
mod progress;
mod report;
mod run;
mod series;
mod server;
mod sources;
mod stamp;
mod subscribers;
mod swarm;
mod target;
mod track;
mod trust;
mod wire;

pub use c10m::{C10mOptions, C10mOutcome, DpdkEnds, Programs, Wire, launch, run_c10m};
pub use crew::{ChildCommand, run_child};
pub use error::LoadError;
pub use options::Options;
pub use outcome::{Outcome, Quantiles, Spread};
pub use plan::{Bandwidth, CapacityPlan, Machine, Percent, PlanOptions, Rate, plan};
pub use run::run;
pub use subscribers::{Delivered, Published, Subscribers, SubscribersPlan};
pub use swarm::process::run_swarm;
pub use trust::Trust;
pub use wire::Failures;
