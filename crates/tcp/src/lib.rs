//! The TCP/IP engine: one instance a core, sans-I/O. Frames go in, events come out, frames come out; time is an argument.
//!
//! | to see | look in |
//! |---|---|
//! | the verbs, and in which order to call them | [`engine::Engine`] |
//! | the way of a segment in, stage by stage | `input.rs`, and one file a step of RFC 9293 section 3.10.7 in `input/` |
//! | what is sent next, how it is written, what window it offers | `output/plan.rs`, `output/emit.rs`, `output/window.rs` |
//! | what an idle connection keeps, and what a busy one has besides | `tcb.rs`, `cold.rs` |
//! | how a connection is found | [`flow::FlowTable`], `record.rs` |
//! | handshakes without control blocks, TIME-WAIT | `syn_cache.rs`, `cookie.rs`, `time_wait.rs` |
//! | time | `timeout.rs`, `rtt.rs` |
//! | congestion | `congestion.rs`, `restart.rs` |
//! | ARP, NDP, ICMP, addresses | `link.rs` |
//! | what is allowed, and what is counted | [`limits`], [`config`], [`counter`] |
//!
//! Not here yet: selective acknowledgments (so they are not offered), RACK-TLP, CUBIC, ECN, path MTU probing. Not here ever:
//! IP fragments and source routes, which are dropped and counted.
#![forbid(unsafe_code)]

mod chunk;
mod close;
mod cold;
pub mod config;
mod congestion;
mod conn;
mod context;
mod cookie;
pub mod counter;
pub mod engine;
pub mod event;
mod fifo;
pub mod flow;
mod input;
mod isn;
pub mod limits;
mod link;
mod listener;
mod open;
mod output;
mod pool;
mod profile;
mod reassembly;
mod record;
mod restart;
mod rtt;
mod statistics;
mod steer;
mod stream;
mod sweep;
mod syn_cache;
mod tcb;
mod time_wait;
mod timeout;
mod tuple;

/// What a connection at rest takes, its place in the flow table apart.
pub const CONTROL_BLOCK_BYTES: usize = size_of::<tcb::Tcb>();

pub use config::{Config, ConfigError, KeepAlive, Options};
pub use engine::Engine;
pub use event::{CloseReason, ConnId, Event, ListenerId, Ready};
pub use link::LinkConfig;
pub use listener::{Listen, ListenError};
pub use open::{Connect, ConnectError, Source};
pub use statistics::{Statistics, Usage};
pub use stream::{Received, SendError};
