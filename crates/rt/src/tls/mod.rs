//! TLS 1.2 and 1.3 as a layer under every stream, by rustls.
//!
//! A stream is secured once, by [`TcpStream::secure_as_server`] or [`TcpStream::secure_as_client`]; from then on what it sends is
//! encrypted and what it receives decrypted, whichever driver carries it, and whoever sends by its weak name. Who secures no
//! stream pays one predictable branch a call.
//!
//! The handshake happens while the stream is read (or waits for its queue to empty): a deadline on the first read is one on the
//! handshake. An idle session keeps keys and state, and no buffer. Records are encrypted when they are sent, so what waits in a
//! send queue is each connection's own and is not shared as payloads are; and it cannot be taken back, so
//! [`StreamId::supersede`](crate::net::StreamId::supersede) drops nothing that was encrypted.
//!
//! The randomness is the system's, also in a simulated world: a world with TLS in it does not replay byte for byte. Ours have none.
//!
//! [`TcpStream::secure_as_server`]: crate::net::TcpStream::secure_as_server
//! [`TcpStream::secure_as_client`]: crate::net::TcpStream::secure_as_client

mod client;
mod error;
mod event;
mod secured;
mod server;
mod session;
mod stream;
mod table;

pub use client::TlsClient;
pub use error::TlsError;
pub use event::tls_stats;
pub use server::TlsServer;

pub(crate) use event::TlsEvent;
pub(crate) use secured::Secured;
pub(crate) use table::Table;

use crate::limits::{TLS_RECORD_BYTES, TLS_RECORD_OVERHEAD_BYTES};

/// What both our ends offer and accept (RFC 7301).
const PROTOCOL: &[u8] = b"http/1.1";

/// Bytes that `bytes` of plaintext take when they are encrypted, at most.
fn sealed_bytes(bytes: usize) -> usize {
    bytes + bytes.div_ceil(TLS_RECORD_BYTES) * TLS_RECORD_OVERHEAD_BYTES
}
