//! TCP for tasks: listeners, streams, and the weak names by which fan-out reaches streams. Beside it, of the kernel's: datagrams, and
//! streams between the processes of one machine.
//!
//! The same calls serve every I/O model; which one carries them is the driver's business.

mod accept;
mod joint;
mod listener;
mod network;
mod options;
mod resolve;
mod stream;
mod udp;
pub mod unix;
mod watched;

pub use crate::driver::Lease;
pub use crate::tls::{TlsClient, TlsError, TlsServer};
pub use accept::Accept;
pub use listener::TcpListener;
pub use network::{Network, Prefix};
pub use options::{ConnectOptions, KeepAlive, ListenOptions, SendError, StreamOption};
pub use resolve::resolve;
pub use stream::{StreamId, TcpStream};
pub use udp::UdpSocket;
