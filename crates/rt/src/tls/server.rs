//! What a server shows who connects by TLS: its certificate chain, and the key that proves that it is its own.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::crypto::ring;
use rustls::server::{NoServerSessionStorage, ProducesTickets};
use rustls::{InconsistentKeys, ServerConfig};

use super::error::{certificates, private_key, read};
use super::{PROTOCOL, TlsError};

/// A server's side of TLS, for streams on any core; clones are the same, so that a new certificate reaches all of them.
///
/// TLS 1.2 and 1.3 with the defaults of rustls, ALPN `http/1.1`, and session tickets that the server need not remember. No
/// certificates of clients, no data with the first flight.
#[derive(Clone)]
pub struct TlsServer {
    /// Taken once for each connection that is accepted, next to a handshake of some hundred microseconds; all cores share what is
    /// in it, because rustls counts its holders with atomics.
    config: Arc<Mutex<Arc<ServerConfig>>>,
}

impl TlsServer {
    /// From a certificate chain, the server's own first, and its key, both PEM.
    ///
    /// # Errors
    /// What is no PEM, an empty chain, a key of no known form, a key that is not the certificate's.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<TlsServer, TlsError> {
        let config = configure(("the certificate chain", chain), ("the key", key), None)?;
        Ok(TlsServer { config: Arc::new(Mutex::new(Arc::new(config))) })
    }

    /// As [`from_pem`](TlsServer::from_pem), from two files of at most 1 MiB each, read at once.
    ///
    /// # Errors
    /// As [`from_pem`](TlsServer::from_pem), and what the system says of a file; each names its file.
    pub fn from_files(chain: &Path, key: &Path) -> Result<TlsServer, TlsError> {
        let config = configure_files(chain, key, None)?;
        Ok(TlsServer { config: Arc::new(Mutex::new(Arc::new(config))) })
    }

    /// Reads the files again, for the connections to come, of all clones on all cores. Those that are open go on as they are, and
    /// tickets stay valid.
    ///
    /// # Errors
    /// As [`from_files`](TlsServer::from_files); then what was is kept.
    pub fn reload(&self, chain: &Path, key: &Path) -> Result<(), TlsError> {
        let tickets = Arc::clone(&self.config().ticketer);
        let config = Arc::new(configure_files(chain, key, Some(tickets))?);
        // Nothing panics while it holds the lock, and if it did, either configuration would be whole.
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for TlsServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsServer")
    }
}

fn configure_files(
    chain: &Path,
    key: &Path,
    tickets: Option<Arc<dyn ProducesTickets>>,
) -> Result<ServerConfig, TlsError> {
    let (chain_bytes, key_bytes) = (read(chain)?, read(key)?);
    let (chain_name, key_name) = (chain.display().to_string(), key.display().to_string());
    configure((&chain_name, &chain_bytes), (&key_name, &key_bytes), tickets)
}

/// From two inputs, each with its name.
fn configure(
    chain: (&str, &[u8]),
    key: (&str, &[u8]),
    tickets: Option<Arc<dyn ProducesTickets>>,
) -> Result<ServerConfig, TlsError> {
    let certificates = certificates(chain.0, chain.1)?;
    let private_key = private_key(key.0, key.1)?;
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| TlsError::new(error.to_string()))?;
    let mut config =
        builder.with_no_client_auth().with_single_cert(certificates, private_key).map_err(|error| match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                TlsError::new(format!("{} is not the key of the first certificate in {}", key.0, chain.0))
            }
            rustls::Error::InvalidCertificate(_) => TlsError::of(chain.0, error),
            error => TlsError::of(key.0, error),
        })?;
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    config.ticketer = match tickets {
        Some(tickets) => tickets,
        None => ring::Ticketer::new().map_err(|error| TlsError::new(format!("no session tickets: {error}")))?,
    };
    // Tickets say it all, so nothing is remembered for each session.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}
