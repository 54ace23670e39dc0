//! Whom clients of `https://`, `wss://` and `sse+https://` trust.

use std::path::PathBuf;

use crore_rt::net::{TlsClient, TlsError};
use serde::{Deserialize, Serialize};

/// Whose certificates are good.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trust {
    /// Those that the system's certificate authorities signed.
    #[default]
    System,
    /// Those in this PEM file, and what they signed.
    File(PathBuf),
    /// All.
    Everybody,
}

impl Trust {
    /// Reads what there is to read.
    pub(crate) fn client(&self) -> Result<TlsClient, TlsError> {
        match self {
            Trust::System => TlsClient::with_system_roots(),
            Trust::File(path) => TlsClient::from_file(path),
            Trust::Everybody => TlsClient::trusting_everybody(),
        }
    }
}
