//! TCP for tasks: listeners, streams, and the weak names by which fan-out reaches streams.
//!
//! The same calls serve every I/O model; which one carries them is the driver's business.

mod listener;
mod network;
mod options;
mod stream;

pub use crate::driver::Lease;
pub use crate::tls::{TlsClient, TlsError, TlsServer};
pub use listener::TcpListener;
pub use network::{Network, Prefix};
pub use options::{ConnectOptions, KeepAlive, ListenOptions, SendError, StreamOption};
pub use stream::{StreamId, TcpStream};
