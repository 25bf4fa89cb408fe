//! An authority of its own for each test, with a server's and a client's certificate, as files
//! where the code under test wants files.

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};
use tempfile::TempDir;
use tokio_rustls::TlsConnector;

/// An authority and what it has signed.
pub struct Authority {
    directory: TempDir,
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// A new one, trusted by nobody yet.
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { directory: TempDir::new().unwrap(), certificate, issuer: Issuer::new(params, key) }
    }

    fn sign(&self, name: &str) -> (Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// Writes a file beside the others and returns its path.
    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The file with the authority's own certificate.
    pub fn file(&self) -> PathBuf {
        self.write("ca.pem", &self.certificate.pem())
    }

    /// The files with a client's certificate and with its key.
    pub fn client_files(&self) -> (PathBuf, PathBuf) {
        let (certificate, key) = self.sign("client.example");
        (self.write("client.pem", &certificate.pem()), self.write("client.key", &key.serialize_pem()))
    }

    /// The files with a new certificate of a server on 127.0.0.1 and with its key; over those from
    /// before.
    pub fn server_files(&self) -> (PathBuf, PathBuf) {
        let (certificate, key) = self.sign("127.0.0.1");
        (self.write("server.pem", &certificate.pem()), self.write("server.key", &key.serialize_pem()))
    }

    /// A client's side of TLS that trusts this authority and offers these protocols.
    pub fn connector(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        protocols: &[&[u8]],
    ) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.der().clone()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        config.resumption = rustls::client::Resumption::disabled();
        TlsConnector::from(Arc::new(config))
    }

    /// A client that trusts this authority alone and follows nothing.
    pub fn client(&self) -> reqwest::Client {
        let _ = ring::default_provider().install_default();
        let ca = reqwest::Certificate::from_der(self.certificate.der()).unwrap();
        let builder = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        builder.tls_certs_only([ca]).build().unwrap()
    }

    /// A server on 127.0.0.1 that speaks HTTP/1.1 and HTTP/2, and that may insist on a client
    /// certificate of this authority.
    pub fn server(&self, ask_for_client: bool) -> Arc<ServerConfig> {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = if ask_for_client {
            let mut roots = RootCertStore::empty();
            roots.add(self.certificate.der().clone()).unwrap();
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        } else {
            builder.with_no_client_auth()
        };
        let (certificate, key) = self.sign("127.0.0.1");
        let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = builder.with_single_cert(chain, key).unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config)
    }
}
