//! Whom a client that connects by TLS trusts.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::error::{certificates, read};
use super::{PROTOCOL, TlsError};

/// A client's side of TLS, for streams on any core; clones are the same and share the tickets that servers gave.
#[derive(Clone)]
pub struct TlsClient {
    config: Arc<ClientConfig>,
}

impl TlsClient {
    /// Trusts the certificate authorities that this system does. Reads them at once: some milliseconds, make it once.
    ///
    /// # Errors
    /// The system has none.
    pub fn with_system_roots() -> Result<TlsClient, TlsError> {
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        let (added, _) = roots.add_parsable_certificates(found.certs);
        if added == 0 {
            let reason = found.errors.first().map_or_else(String::new, |error| format!(" ({error})"));
            return Err(TlsError::new(format!(
                "this system has no certificate authorities{reason}: install ca-certificates, or name a file with yours"
            )));
        }
        trusting(roots)
    }

    /// Trusts the certificates in `roots`, PEM, and what they have signed, and nothing else.
    ///
    /// # Errors
    /// What is no PEM, or no certificate.
    pub fn from_pem(roots: &[u8]) -> Result<TlsClient, TlsError> {
        from_named("the certificates", roots)
    }

    /// As [`from_pem`](TlsClient::from_pem), from a file of at most 1 MiB.
    ///
    /// # Errors
    /// As [`from_pem`](TlsClient::from_pem), and what the system says of the file, which is named.
    pub fn from_file(roots: &Path) -> Result<TlsClient, TlsError> {
        from_named(&roots.display().to_string(), &read(roots)?)
    }

    /// Trusts everybody: for tests and load, where whoever answers is right. The session is encrypted, and anybody may be at its
    /// other end.
    ///
    /// # Errors
    /// None that is known of.
    pub fn trusting_everybody() -> Result<TlsClient, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
        let builder =
            builder.with_safe_default_protocol_versions().map_err(|error| TlsError::new(error.to_string()))?;
        let verifier = Arc::new(Everybody { provider });
        Ok(finished(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()))
    }

    pub(super) fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.config)
    }
}

impl fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsClient")
    }
}

fn from_named(name: &str, bytes: &[u8]) -> Result<TlsClient, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(name, bytes)? {
        roots.add(certificate).map_err(|error| TlsError::of(name, error))?;
    }
    trusting(roots)
}

fn trusting(roots: RootCertStore) -> Result<TlsClient, TlsError> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| TlsError::new(error.to_string()))?;
    Ok(finished(builder.with_root_certificates(roots).with_no_client_auth()))
}

fn finished(mut config: ClientConfig) -> TlsClient {
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    TlsClient { config: Arc::new(config) }
}

/// Accepts any certificate; that the peer has its key is still checked.
#[derive(Debug)]
struct Everybody {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Everybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
