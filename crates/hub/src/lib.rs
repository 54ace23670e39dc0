//! Channels, subscriptions, history and recovery without I/O, one shard a core.
//!
//! A [`Hub`] is one core's shard. It plays two roles at once: it is the *home* of the channels whose name hashes to this
//! core (it numbers their publications and keeps their history), and it holds the *local* subscribers of any channel
//! (it delivers to them). It reads no clock, no socket and no random device: `now` and the seed are arguments, and what
//! it wants done is polled from it. The doc comment of [`Hub`] says in which order to call its verbs.

mod answer;
mod clients;
mod command;
mod gather;
mod glob;
mod home;
mod hub;
mod idempotency;
mod limits;
mod local;
mod log;
pub mod memory;
mod message;
mod outbox;
mod position;
mod publication;
mod refusal;
mod stats;
mod table;
mod walk;

pub use answer::{Answer, ChannelCount, Event, History, Listing, MemberOf, Membership, Subscribed};
pub use clients::ClientKey;
pub use command::{ChannelOptions, Command, Publish};
pub use hub::Hub;
pub use limits::Limits;
pub use message::{Reply, Request};
pub use position::{Epoch, Position, PositionError, Since};
pub use publication::Publication;
pub use refusal::Refusal;
pub use stats::Stats;
pub use walk::Deliver;
