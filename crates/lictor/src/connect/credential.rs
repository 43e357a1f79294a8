//! What do we show the gateway? A certificate or a token from files, read again when they change.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::HeaderValue;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::watch;

use crate::tls::watch::Stamp;

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Where distributions keep the CAs that they trust.
const SYSTEM_CAS: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// What is shown.
#[derive(Debug, Clone)]
pub(crate) enum Credential {
    /// A client certificate and its key, in PEM.
    Certificate {
        /// The chain, leaf first.
        cert: PathBuf,
        /// The leaf's key.
        key: PathBuf,
    },
    /// A file that holds an API key, or any other bearer token.
    Token(PathBuf),
}

/// Files that make no credential.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CredentialError {
    /// Not readable as PEM.
    #[error("cannot read {}: {source}", path.display())]
    Pem {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// Not readable at all.
    #[error("cannot read {}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Nothing of use in it.
    #[error("{} holds no {what}", path.display())]
    Empty {
        /// Which file.
        path: PathBuf,
        /// What should be there.
        what: &'static str,
    },
    /// Certificate and key do not go together, or a CA is none.
    #[error("certificate, key or CA cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    /// No CAs to trust.
    #[error("this system has no list of CAs: name one with --ca")]
    NoCas,
}

/// How a connection is made, and what each request on it carries.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    /// Whom we trust, and what we show in the handshake.
    pub(crate) tls: Arc<ClientConfig>,
    /// What stands in for the client's own `Authorization`.
    pub(crate) authorization: Option<HeaderValue>,
    /// Is another after each change.
    pub(crate) generation: u64,
}

/// Keeps the terms as the files have them.
pub(crate) struct Keeper {
    credential: Credential,
    ca: Option<PathBuf>,
    terms: ArcSwap<Terms>,
    changes: watch::Sender<u64>,
}

impl Keeper {
    /// The terms as the files have them now.
    ///
    /// # Errors
    /// [`CredentialError`].
    pub(crate) fn new(credential: Credential, ca: Option<PathBuf>) -> Result<Self, CredentialError> {
        let terms = ArcSwap::from_pointee(read(&credential, ca.as_deref(), 0)?);
        Ok(Self { credential, ca, terms, changes: watch::Sender::new(0) })
    }

    /// Those in force.
    pub(crate) fn terms(&self) -> Arc<Terms> {
        self.terms.load_full()
    }

    /// Returns when the terms are no longer of this generation.
    pub(crate) async fn outdated(&self, generation: u64) {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self.changes.subscribe().wait_for(|now| *now != generation).await;
    }

    /// Reads the files again whenever they change, for ever; what cannot be used changes nothing.
    pub(crate) async fn keep(&self) {
        let (mut seen, mut is_doubted) = (self.stamp(), false);
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        loop {
            ticks.tick().await;
            let now = self.stamp();
            let is_changed = now != seen;
            if !is_changed && !is_doubted {
                continue;
            }
            let generation = self.terms().generation + 1;
            is_doubted = match read(&self.credential, self.ca.as_deref(), generation) {
                Ok(terms) => {
                    self.terms.store(Arc::new(terms));
                    self.changes.send_replace(generation);
                    tracing::info!("the credential has changed: what is sent from now on carries the new one");
                    false
                }
                // Half of it may be written, or the key not yet.
                Err(_) if is_changed => true,
                Err(error) => {
                    tracing::warn!(%error, "the credential has changed and cannot be used: the last good one stays in use");
                    false
                }
            };
            seen = now;
        }
    }

    fn stamp(&self) -> Stamp {
        let files: Vec<PathBuf> = match &self.credential {
            Credential::Certificate { cert, key } => [cert, key].into_iter().chain(&self.ca).cloned().collect(),
            Credential::Token(file) => [file].into_iter().chain(&self.ca).cloned().collect(),
        };
        Stamp::of_files(files)
    }
}

fn read(credential: &Credential, ca: Option<&Path>, generation: u64) -> Result<Terms, CredentialError> {
    let (client, authorization) = match credential {
        Credential::Certificate { cert, key } => (Some((cert.as_path(), key.as_path())), None),
        Credential::Token(file) => (None, Some(token(file)?)),
    };
    Ok(Terms { tls: Arc::new(client_config(ca, client)?), authorization, generation })
}

/// TLS of our own making: whom we trust (the system's CAs unless others are named), and what we show.
///
/// # Errors
/// [`CredentialError`].
pub(crate) fn client_config(
    ca: Option<&Path>,
    client: Option<(&Path, &Path)>,
) -> Result<ClientConfig, CredentialError> {
    let mut roots = RootCertStore::empty();
    let system = || SYSTEM_CAS.map(Path::new).into_iter().find(|path| path.is_file());
    for ca in certificates(ca.or_else(system).ok_or(CredentialError::NoCas)?)? {
        match roots.add(ca) {
            Ok(()) => {}
            // Old roots of a distribution may be what webpki does not take.
            Err(error) => tracing::debug!(%error, "a CA is not used"),
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let mut tls = match client {
        Some((cert, file)) => {
            let key = PrivateKeyDer::from_pem_file(file)
                .map_err(|source| CredentialError::Pem { path: file.to_owned(), source })?;
            builder.with_client_auth_cert(certificates(cert)?, key)?
        }
        None => builder.with_no_client_auth(),
    };
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(tls)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, CredentialError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = read.map_err(|source| CredentialError::Pem { path: path.to_owned(), source })?;
    if found.is_empty() {
        return Err(CredentialError::Empty { path: path.to_owned(), what: "certificate" });
    }
    Ok(found)
}

fn token(path: &Path) -> Result<HeaderValue, CredentialError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| CredentialError::File { path: path.to_owned(), source })?;
    let empty = || CredentialError::Empty { path: path.to_owned(), what: "token on one line" };
    let token = Some(text.trim()).filter(|token| !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic()));
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.ok_or_else(empty)?)).map_err(|_| empty())?;
    value.set_sensitive(true);
    Ok(value)
}
