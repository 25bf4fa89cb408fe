//! TLS of a listener: a certificate and its key out of files, which are looked at every few seconds,
//! so that a renewed certificate is shown without a restart. Files that are of no use change
//! nothing: the certificate from before stays, and the log says so once.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::export::tls::{chain, mismatch, private_key};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);
/// The first byte of what a TLS client says first.
const HANDSHAKE: u8 = 0x16;
/// The most that is taken of what somebody sends in the clear.
const PLAIN: usize = 64 * 1024;
/// What somebody is told who speaks HTTP in the clear.
const SPEAK_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Connection: close\r\n\r\nthis port speaks TLS: ask for https://\n";

/// Where a certificate and its key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// PEM file with the certificate, and those between it and its authority.
    pub certificate: PathBuf,
    /// PEM file with its private key.
    pub key: PathBuf,
}

/// Why files cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {}: {problem}", path.display())]
pub struct Unusable {
    /// The setting that names the file, within the listener's section.
    pub setting: &'static str,
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: String,
}

/// A listener's TLS. A clone is the same.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ServerConfig>,
    shown: Arc<Shown>,
}

/// Why a connection has no TLS.
#[derive(Debug, thiserror::Error)]
pub enum NoTls {
    /// The client speaks HTTP in the clear, or something else.
    #[error("it is no TLS")]
    Plain,
    /// The two do not come together.
    #[error(transparent)]
    Handshake(#[from] std::io::Error),
}

/// The certificate that is shown now.
struct Shown {
    files: Files,
    key: RwLock<Arc<CertifiedKey>>,
    seen: Mutex<Seen>,
}

/// What was found in the files.
struct Seen {
    /// The hash of what is shown.
    used: [u8; 32],
    /// What was found instead and is of no use, and whether somebody was told.
    unusable: Option<(String, bool)>,
}

/// What a look at the files has led to.
#[derive(Debug, PartialEq, Eq)]
enum Look {
    /// Nothing that is to be told.
    Same,
    /// Another certificate is shown from now on.
    Renewed,
    /// What is there now is of no use.
    Unusable(Unusable),
}

/// The content of both files.
struct Content {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Content {
    fn read(files: &Files) -> Result<Self, Unusable> {
        let read = |setting, path: &Path| {
            std::fs::read(path).map_err(|error| Unusable {
                setting,
                path: path.to_owned(),
                problem: format!("the file cannot be read: {error}"),
            })
        };
        Ok(Self { certificate: read(CERTIFICATE, &files.certificate)?, key: read(KEY, &files.key)? })
    }

    fn hash(&self) -> [u8; 32] {
        Sha256::new()
            .chain_update(Sha256::digest(&self.certificate))
            .chain_update(Sha256::digest(&self.key))
            .finalize()
            .into()
    }

    fn certified(&self, files: &Files) -> Result<CertifiedKey, Unusable> {
        let certificate = |problem: &str| Unusable {
            setting: CERTIFICATE,
            path: files.certificate.clone(),
            problem: problem.to_owned(),
        };
        let key = |problem: String| Unusable { setting: KEY, path: files.key.clone(), problem };
        let chain = chain(&self.certificate).map_err(certificate)?;
        let private = private_key(&self.key).map_err(|problem| key(problem.to_owned()))?;
        CertifiedKey::from_der(chain, private, &ring::default_provider())
            .map_err(|cause| key(mismatch(&cause)))
    }
}

/// The settings that name the files.
const CERTIFICATE: &str = "tls_certificate";
const KEY: &str = "tls_key";

impl Tls {
    /// TLS with the certificate in these files, which have to be good now.
    pub fn new(files: Files) -> Result<Self, Unusable> {
        let content = Content::read(&files)?;
        let key = content.certified(&files)?;
        let seen = Mutex::new(Seen { used: content.hash(), unusable: None });
        let wrong = |cause: rustls::Error| Unusable {
            setting: CERTIFICATE,
            path: files.certificate.clone(),
            problem: cause.to_string(),
        };
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(wrong)?;
        let shown = Arc::new(Shown { files, key: RwLock::new(Arc::new(key)), seen });
        let mut config = builder.with_no_client_auth().with_cert_resolver(shown.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config), shown })
    }

    /// Looks at the files until `stop` is cancelled.
    pub async fn watch(self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            let shown = self.shown.clone();
            let looked = tokio::task::spawn_blocking(move || shown.look()).await;
            let file = self.shown.files.certificate.display();
            match looked {
                Ok(Look::Renewed) => tracing::info!(%file, "a new certificate is shown"),
                Ok(Look::Unusable(error)) => {
                    tracing::warn!(%error, "the certificate cannot be renewed; the one from before is shown");
                }
                Ok(Look::Same) | Err(_) => {}
            }
        }
    }

    /// Makes a connection one with TLS. Whoever speaks in the clear is told so.
    pub async fn accept(&self, mut stream: TcpStream) -> Result<TlsStream<TcpStream>, NoTls> {
        let mut first = [0];
        if stream.peek(&mut first).await? == 1 && first[0] != HANDSHAKE {
            stream.write_all(SPEAK_TLS).await?;
            stream.shutdown().await?;
            // Or the answer would be lost to a reset, if there is more to read.
            tokio::io::copy(&mut (&mut stream).take(PLAIN as u64), &mut tokio::io::sink()).await?;
            return Err(NoTls::Plain);
        }
        Ok(TlsAcceptor::from(self.config.clone()).accept(stream).await?)
    }
}

impl Shown {
    /// Reads the files, and shows what is there if it is new and good. What is not good is told of
    /// when it is seen for the second time: the first time somebody may just be writing.
    fn look(&self) -> Look {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let found = Content::read(&self.files).and_then(|content| {
            let hash = content.hash();
            if hash == seen.used {
                return Ok(None);
            }
            content.certified(&self.files).map(|key| Some((hash, key)))
        });
        match found {
            Ok(None) => {
                seen.unusable = None;
                Look::Same
            }
            Ok(Some((hash, key))) => {
                *self.key.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(key);
                *seen = Seen { used: hash, unusable: None };
                Look::Renewed
            }
            Err(error) => {
                let problem = error.to_string();
                let before = seen.unusable.take().filter(|(before, _)| *before == problem);
                let look = match before {
                    Some((_, false)) => Look::Unusable(error),
                    _ => Look::Same,
                };
                seen.unusable = Some((problem, before.is_some()));
                look
            }
        }
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.key.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shown").field("files", &self.files).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn files(&self) -> Files {
            Files { certificate: self.0.path().join("tls.crt"), key: self.0.path().join("tls.key") }
        }

        fn write(&self, certificate: &str, key: &str) {
            std::fs::write(self.files().certificate, certificate).unwrap();
            std::fs::write(self.files().key, key).unwrap();
        }

        /// The certificate that is shown, as DER.
        fn shown(tls: &Tls) -> Vec<u8> {
            tls.shown.key.read().unwrap().cert[0].to_vec()
        }
    }

    /// A certificate and its key, as PEM.
    fn pair() -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["x.example".to_owned()]).unwrap();
        (certificate.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    #[test]
    fn a_renewed_certificate_is_shown_and_a_bad_one_is_not() {
        let folder = Folder::new();
        let (first, second, third) = (pair(), pair(), pair());
        folder.write(&first.0, &first.1);
        let tls = Tls::new(folder.files()).unwrap();
        let before = Folder::shown(&tls);
        assert_eq!(tls.shown.look(), Look::Same);

        folder.write(&second.0, &second.1);
        assert_eq!(tls.shown.look(), Look::Renewed);
        assert_ne!(Folder::shown(&tls), before);
        let before = Folder::shown(&tls);

        // The certificate is written, its key not yet: no word of it …
        folder.write(&third.0, &second.1);
        assert_eq!(tls.shown.look(), Look::Same);
        assert_eq!(Folder::shown(&tls), before);
        // … unless it stays so; and then one.
        let Look::Unusable(error) = tls.shown.look() else { unreachable!("told at the second look") };
        assert!(error.to_string().contains("does not go with the certificate"), "{error}");
        assert_eq!(tls.shown.look(), Look::Same);
        std::fs::remove_file(folder.files().key).unwrap();
        assert_eq!(tls.shown.look(), Look::Same);
        assert!(matches!(tls.shown.look(), Look::Unusable(error) if error.setting == KEY));
        assert_eq!(tls.shown.look(), Look::Same);
        assert_eq!(Folder::shown(&tls), before);

        folder.write(&third.0, &third.1);
        assert_eq!(tls.shown.look(), Look::Renewed);
    }

    #[test]
    fn files_that_are_of_no_use_are_named_and_not_quoted() {
        let folder = Folder::new();
        let (certificate, key) = pair();
        let said = |setting: &str| {
            let Err(error) = Tls::new(folder.files()) else { unreachable!("{setting} is of no use") };
            assert_eq!(error.setting, setting, "{error}");
            error.to_string()
        };
        assert!(said(CERTIFICATE).contains("cannot be read"));
        folder.write("hunter2", &key);
        assert!(!said(CERTIFICATE).contains("hunter2"));
        folder.write(&certificate, "hunter2");
        assert!(!said(KEY).contains("hunter2"));
        folder.write(&certificate, &pair().1);
        assert!(said(KEY).contains("does not go with"));
        for encrypted in [
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n\
             -----END RSA PRIVATE KEY-----\n",
        ] {
            folder.write(&certificate, encrypted);
            assert!(said(KEY).contains("is encrypted"), "{encrypted}");
        }
        folder.write(&certificate, "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n");
        assert!(said(KEY).contains("kind of key is not supported"));
    }
}
