//! The certificates of a backend: read and checked once, at start, so that a wrong file is an
//! error then and not a failed export later.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::backend::{Backend, BackendError};

/// The keys under which the files are configured.
const CA: &str = "ca_certificate";
const CERTIFICATE: &str = "client_certificate";
const KEY: &str = "client_key";

/// PEM texts that have been found to be what they should be.
pub(super) struct Certificates {
    /// The only authorities to trust.
    pub ca: Option<Vec<u8>>,
    /// The certificate to show.
    pub client: Option<Identity>,
}

/// A certificate with its key, as PEM.
pub(super) struct Identity {
    pub certificate: Vec<u8>,
    pub key: Vec<u8>,
}

/// Makes ring the process' provider of cryptography unless there is one; may be called again.
/// Both clients need it, and neither brings its own.
pub(crate) fn install_provider() {
    // Err means that somebody was first, which is as good.
    let _ = ring::default_provider().install_default();
}

/// The certificates in a PEM text.
pub(crate) fn chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, &'static str> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err("there is no PEM certificate in it"),
    }
}

/// The private key in a PEM text.
pub(crate) fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, &'static str> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|_| {
        // Both forms of an encrypted key say so in the clear.
        match pem.windows(ENCRYPTED.len()).any(|bytes| bytes == ENCRYPTED) {
            true => "the private key in it is encrypted: write it without a password, by openssl pkey -in FILE -out PLAIN",
            false => "there is no PEM private key in it",
        }
    })
}

const ENCRYPTED: &[u8] = b"ENCRYPTED";

/// Why a key cannot be used with a certificate.
pub(crate) fn mismatch(cause: &rustls::Error) -> String {
    match cause {
        rustls::Error::InconsistentKeys(_) => {
            "it does not go with the certificate, which has to be the first one in its file".to_owned()
        }
        rustls::Error::General(_) => {
            "this kind of key is not supported: take RSA of 2048 to 8192 bits, ECDSA with P-256 or P-384, or Ed25519"
                .to_owned()
        }
        other => format!("it does not go with the certificate: {other}"),
    }
}

/// Reads the files that `backend` names.
pub(super) fn certificates(backend: &Backend) -> Result<Certificates, BackendError> {
    let error = |key: &'static str, path: &Path, problem: String| BackendError::File {
        backend: backend.name.clone(),
        key,
        path: path.to_owned(),
        problem,
    };
    let read = |key, path: &Path| {
        std::fs::read(path).map_err(|cause| error(key, path, format!("the file cannot be read: {cause}")))
    };
    let chain =
        |key, path: &Path, pem: &[u8]| chain(pem).map_err(|problem| error(key, path, problem.to_owned()));

    let mut roots = RootCertStore::empty();
    let ca = match &backend.ca_certificate {
        None => None,
        Some(path) => {
            let pem = read(CA, path)?;
            for certificate in chain(CA, path, &pem)? {
                roots.add(certificate).map_err(|cause| {
                    error(CA, path, format!("a certificate in it cannot be used: {cause}"))
                })?;
            }
            Some(pem)
        }
    };
    let client = match &backend.client_certificate {
        None => None,
        Some(files) => {
            let (certificate, key) = (read(CERTIFICATE, &files.certificate)?, read(KEY, &files.key)?);
            let certificates = chain(CERTIFICATE, &files.certificate, &certificate)?;
            let private = private_key(&key).map_err(|problem| error(KEY, &files.key, problem.to_owned()))?;
            // Built for the check alone: whether the key is one, and that certificate's.
            ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
                .with_safe_default_protocol_versions()
                .and_then(|config| {
                    config.with_root_certificates(roots).with_client_auth_cert(certificates, private)
                })
                .map_err(|cause| error(KEY, &files.key, mismatch(&cause)))?;
            Some(Identity { certificate, key })
        }
    };
    Ok(Certificates { ca, client })
}
