//! How a stream becomes a secured one.

use std::io;

use super::{Secured, TlsClient, TlsServer};
use crate::current;
use crate::net::TcpStream;

impl TcpStream {
    /// Secures the stream by TLS, as the server: to be called before anything is sent or received, and once. The handshake happens
    /// while the stream is read. From then on bytes are what is encrypted: the end of the stream is the peer's goodbye
    /// (close_notify), an end without one is [`io::ErrorKind::UnexpectedEof`], and a peer that breaks TLS is
    /// [`io::ErrorKind::InvalidData`]. What is sent is encrypted at once into the send queue, whose limit counts records.
    ///
    /// Takes some kilobytes for each connection.
    ///
    /// # Errors
    /// The configuration cannot be used.
    ///
    /// # Panics
    /// If the stream is secured already.
    pub fn secure_as_server(&self, tls: &TlsServer) -> io::Result<()> {
        let id = self.id().connection();
        current::with(|worker| {
            worker.tls().insert(id, Secured::server(id, tls)?);
            Ok(())
        })
    }

    /// As [`secure_as_server`](TcpStream::secure_as_server), as the client of `host`: a name or an address, with or without a
    /// port, as `Host` has it, which the server's certificate must be for. What is sent before the handshake is over waits for
    /// it, and is lost if the stream is dropped before.
    ///
    /// # Errors
    /// The name is none, or the connection is closed.
    ///
    /// # Panics
    /// If the stream is secured already.
    pub fn secure_as_client(&self, tls: &TlsClient, host: &str) -> io::Result<()> {
        let id = self.id().connection();
        current::with(|worker| {
            worker.tls().insert(id, Secured::client(worker, id, tls, without_port(host))?);
            Ok(())
        })
    }
}

/// The name in what `Host` says: a name, an address, or an IPv6 address in brackets, with or without a port.
fn without_port(host: &str) -> &str {
    if let Some((address, _)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return address;
    }
    match host.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::ServerName;

    use super::*;

    #[test]
    fn a_host_is_named_without_its_port() {
        for (host, name) in [
            ("example.org", "example.org"),
            ("example.org:8443", "example.org"),
            ("192.0.2.7:443", "192.0.2.7"),
            ("[2001:db8::7]:443", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("2001:db8::7", "2001:db8::7"),
        ] {
            assert_eq!(without_port(host), name);
            assert!(ServerName::try_from(without_port(host)).is_ok(), "{host}");
        }
    }
}
