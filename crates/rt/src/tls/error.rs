//! What is wrong with certificates and keys, and the files they are in.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::limits::PEM_BYTES_MAX;

/// Why a TLS configuration cannot be used: which input, what is wrong with it, and what to do.
#[derive(Debug)]
pub struct TlsError(String);

impl TlsError {
    pub(super) fn new(text: String) -> TlsError {
        TlsError(text)
    }

    /// The same, with the name of what was read in front.
    pub(super) fn of(name: &str, text: impl fmt::Display) -> TlsError {
        TlsError(format!("{name}: {text}"))
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TlsError {}

impl From<TlsError> for io::Error {
    fn from(error: TlsError) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidInput, error)
    }
}

/// All of a file of at most 1 MiB.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|error| TlsError::of(&name, error))?;
    let mut bytes = Vec::new();
    let read = file.take(PEM_BYTES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|error| TlsError::of(&name, error))?;
    if bytes.len() as u64 > PEM_BYTES_MAX {
        return Err(TlsError::of(
            &name,
            format_args!("more than {PEM_BYTES_MAX} bytes, which no PEM file of ours has"),
        ));
    }
    Ok(bytes)
}

/// The certificates in `bytes`, at least one; `name` says what was read.
pub(super) fn certificates(name: &str, bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
    let found = found.map_err(|error| TlsError::of(name, format_args!("no PEM: {error}")))?;
    match found.is_empty() {
        true => Err(TlsError::of(name, "no certificate in it: \"-----BEGIN CERTIFICATE-----\" is expected")),
        false => Ok(found),
    }
}

/// The first private key in `bytes`, in any of its three forms.
pub(super) fn private_key(name: &str, bytes: &[u8]) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(bytes).map_err(|error| match error {
        pem::Error::NoItemsFound => TlsError::of(
            name,
            "no private key in it: \"-----BEGIN PRIVATE KEY-----\" is expected (PKCS #8, PKCS #1 or SEC 1, not encrypted)",
        ),
        error => TlsError::of(name, format_args!("no PEM: {error}")),
    })
}
