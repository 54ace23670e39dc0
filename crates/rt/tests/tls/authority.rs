//! A certificate authority made on the spot, a server's certificate for `localhost` and `127.0.0.1` that it signed, and the files
//! they are in.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crore_rt::net::{TlsClient, TlsServer};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};

pub(crate) struct Authority {
    root: String,
    chain: String,
    key: String,
}

/// Two files in a folder that is removed with them.
pub(crate) struct Files {
    folder: PathBuf,
    pub(crate) chain: PathBuf,
    pub(crate) key: PathBuf,
}

impl Authority {
    pub(crate) fn new() -> Authority {
        let mut root = CertificateParams::new([]).expect("no names are right names");
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = CertifiedIssuer::self_signed(root, KeyPair::generate().expect("a key")).expect("it can sign");
        let server = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).expect("names");
        let key = KeyPair::generate().expect("a key");
        let certificate = server.signed_by(&key, &root).expect("the authority signs");
        Authority { root: root.pem(), chain: certificate.pem(), key: key.serialize_pem() }
    }

    pub(crate) fn server(&self) -> TlsServer {
        TlsServer::from_pem(self.chain.as_bytes(), self.key.as_bytes()).expect("both were just made")
    }

    pub(crate) fn client(&self) -> TlsClient {
        TlsClient::from_pem(self.root.as_bytes()).expect("it was just made")
    }

    pub(crate) fn peer_config(&self, version: &'static SupportedProtocolVersion) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.root.as_bytes()).expect("it is PEM")).expect("an authority");
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_protocol_versions(&[version]).expect("a version");
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config)
    }

    pub(crate) fn peer_server_config(&self, version: &'static SupportedProtocolVersion) -> Arc<ServerConfig> {
        let chain = vec![CertificateDer::from_pem_slice(self.chain.as_bytes()).expect("it is PEM")];
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).expect("it is PEM");
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_protocol_versions(&[version]).expect("a version");
        Arc::new(builder.with_no_client_auth().with_single_cert(chain, key).expect("they fit"))
    }

    /// Its files, in a folder of their own.
    pub(crate) fn files(&self) -> Files {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("crore-tls-{}-{count}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        let files = Files { chain: folder.join("chain.pem"), key: folder.join("key.pem"), folder };
        self.write(&files);
        files
    }

    /// Puts this one's certificate and key into the files of another.
    pub(crate) fn write(&self, files: &Files) {
        std::fs::write(&files.chain, &self.chain).expect("it can be written");
        std::fs::write(&files.key, &self.key).expect("it can be written");
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        // What is left in the system's temporary folder harms nobody.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
