//! The push server: clients come over WebSocket, event streams and long polls, and are pushed what is published.
//!
//! Data flows one way: a listener of [`crore_web`] hands a request to the `api`; what becomes a client is a session; a session
//! gives commands to its core's shard, whose hub answers and delivers; the pump carries between the cores.
//!
//! [`Config`] says what holds, [`Gateway`] runs it on the runtime it is started in.

mod api;
mod client_ids;
mod config;
mod console;
mod counters;
mod expiry;
mod heartbeat;
mod identity;
mod latency;
mod limits;
mod node;
mod outlet;
mod process;
mod protocol;
mod pulse;
mod pump;
mod seats;
mod server;
mod session;
mod shard;
#[cfg(test)]
mod sizes;
mod token;

pub use config::{Config, ConfigError, DEFAULT_LISTEN, Layer, NamespaceLayer, TlsFiles, unknown_variables, values};
pub use server::Gateway;
