//! What do the certificate files make? The terms of TLS: rustls with aws-lc-rs, TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1 on one port.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::HeaderValue;
use lictor_model::Timestamp;
use lictor_proxy::tls::{Terms, Verifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use x509_parser::prelude::{CertificateRevocationList, FromDer, X509Certificate};
use x509_parser::time::ASN1Time;

use crate::config::Tls;
use crate::config::tls::{Certificate, ClientTls, Hsts};

const A_YEAR: u64 = 365 * 86_400;

/// Files that make no terms of TLS.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// Not readable as PEM.
    #[error("cannot read {}: {source}", path.display())]
    Pem {
        /// Under which key.
        key: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// Nothing of the kind in it.
    #[error("{} holds no {what}", path.display())]
    Empty {
        /// Under which key.
        key: &'static str,
        /// Which file.
        path: PathBuf,
        /// What should be there.
        what: &'static str,
    },
    /// No X.509.
    #[error("{} holds something that is no {what}", path.display())]
    Malformed {
        /// Under which key.
        key: &'static str,
        /// Which file.
        path: PathBuf,
        /// What should be there.
        what: &'static str,
    },
    /// A CA that vouches for nobody.
    #[error("{} holds a certificate that cannot be a CA: {source}", path.display())]
    Ca {
        /// Under which key.
        key: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// They do not belong together, or the key's kind is not supported.
    #[error("certificate and key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    /// Nothing can be made for the time until there is one.
    #[error("cannot make a provisional certificate: {0}")]
    Provisional(#[from] rcgen::Error),
    /// Revocation lists that cannot be used.
    #[error("the revocation lists cannot be used: {source}")]
    Crl {
        /// Under which key.
        key: &'static str,
        /// Why.
        source: VerifierBuilderError,
    },
}

impl TlsError {
    /// The key of the configuration to look at.
    pub(crate) const fn key(&self) -> &'static str {
        match self {
            Self::Pem { key, .. }
            | Self::Empty { key, .. }
            | Self::Malformed { key, .. }
            | Self::Ca { key, .. }
            | Self::Crl { key, .. } => key,
            Self::Unusable(_) => "tls.key_file",
            Self::Provisional(_) => "tls.acme",
        }
    }
}

/// Terms, and what there is to tell about them.
pub(crate) struct Loaded {
    /// For the listener.
    pub(crate) terms: Terms,
    /// Who vouches for clients, if they are asked.
    pub(crate) clients: Option<Verifier>,
    /// Whether it is only there until an authority has issued ours.
    pub(crate) is_provisional: bool,
    /// When our certificate, or one that stands behind it in the file, comes to its end.
    pub(crate) ends_at: Timestamp,
    /// When the first revocation list is due to be replaced; after that nobody's certificate is taken.
    pub(crate) crl_due: Option<Timestamp>,
}

/// A certificate with its chain, and its key.
pub(crate) struct Pair {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    /// What errors name.
    path: PathBuf,
}

impl Pair {
    fn of_files(cert: &Path, key: &Path) -> Result<Self, TlsError> {
        let chain = certificates("tls.cert_file", cert)?;
        let key = PrivateKeyDer::from_pem_file(key).map_err(unreadable("tls.key_file", key))?;
        Ok(Self { chain, key, path: cert.to_owned() })
    }

    /// Of two texts in PEM, as an authority issued them.
    ///
    /// # Errors
    /// [`TlsError`].
    pub(crate) fn of_pem(chain: &str, key: &str) -> Result<Self, TlsError> {
        let path = PathBuf::from("what the certificate authority issued");
        let read = CertificateDer::pem_slice_iter(chain.as_bytes()).collect::<Result<Vec<_>, _>>();
        let chain = read.map_err(unreadable("tls.acme", &path))?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(unreadable("tls.acme", &path))?;
        Ok(Self { chain, key, path })
    }

    /// One that nobody trusts, so that the door can be opened before there is another.
    fn provisional(domains: &[String]) -> Result<Self, TlsError> {
        let made = rcgen::generate_simple_self_signed(domains.to_vec())?;
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        Ok(Self { chain: vec![made.cert.der().clone()], key, path: PathBuf::from("a provisional certificate") })
    }
}

/// Reads everything.
///
/// # Errors
/// [`TlsError`].
pub(crate) fn load(tls: &Tls) -> Result<Loaded, TlsError> {
    match &tls.certificate {
        Certificate::Files { cert, key } => load_with(tls, Pair::of_files(cert, key)?),
        Certificate::Acme(acme) => {
            Ok(Loaded { is_provisional: true, ..load_with(tls, Pair::provisional(&acme.domains)?)? })
        }
    }
}

/// Reads everything else beside a certificate.
///
/// # Errors
/// [`TlsError`].
pub(crate) fn load_with(tls: &Tls, pair: Pair) -> Result<Loaded, TlsError> {
    let Pair { chain, key, path } = pair;
    let malformed = || TlsError::Malformed { key: "tls.cert_file", path: path.clone(), what: "certificate" };
    let read = chain.iter().map(|one| X509Certificate::from_der(one).map(|(_, one)| one).map_err(|_| malformed()));
    let read = read.collect::<Result<Vec<_>, _>>()?;
    let ends_at = read.iter().map(|one| moment(one.validity().not_after)).min().ok_or_else(malformed)?;
    let is_self_signed = read.first().is_some_and(|leaf| leaf.subject() == leaf.issuer());

    let provider = provider();
    let (clients, crl_due) = match &tls.client {
        Some(client) => verifier(client).map(|(verifier, due)| (Some(verifier), due))?,
        None => (None, None),
    };
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let builder = match &clients {
        Some(verifier) => builder.with_client_cert_verifier(Arc::clone(verifier)),
        None => builder.with_no_client_auth(),
    };
    let mut server = builder.with_single_cert(chain.clone(), key)?;
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let hsts = hsts(tls.hsts, is_self_signed);
    Ok(Loaded { terms: Terms { server: Arc::new(server), hsts }, clients, is_provisional: false, ends_at, crl_due })
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// Unknown revocation status and lists past their due date are refusals, for every certificate of the chain.
pub(crate) fn verifier(client: &ClientTls) -> Result<(Verifier, Option<Timestamp>), TlsError> {
    let mut roots = RootCertStore::empty();
    for ca in certificates(client.keys.ca_file, &client.ca_file)? {
        roots.add(ca).map_err(|source| TlsError::Ca {
            key: client.keys.ca_file,
            path: client.ca_file.clone(),
            source,
        })?;
    }
    let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
    let mut due = None;
    if let Some(path) = &client.crl_file {
        let lists = crls(client.keys.crl_file, path)?;
        due = due_first(client.keys.crl_file, &lists, path)?;
        builder = builder.with_crls(lists).enforce_revocation_expiration();
    }
    if !client.is_required {
        builder = builder.allow_unauthenticated();
    }
    let built = builder.build().map_err(|source| TlsError::Crl { key: client.keys.crl_file, source })?;
    Ok((built, due))
}

fn certificates(key: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = read.map_err(unreadable(key, path))?;
    if found.is_empty() {
        return Err(TlsError::Empty { key, path: path.to_owned(), what: "certificate" });
    }
    Ok(found)
}

/// Lists in PEM, or one in DER as CAs publish it. A file without one is refused: it would switch revocation off.
fn crls(key: &'static str, path: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
    let bytes = std::fs::read(path).map_err(|error| unreadable(key, path)(pem::Error::Io(error)))?;
    if bytes.first() == Some(&0x30) {
        return Ok(vec![CertificateRevocationListDer::from(bytes)]);
    }
    let read = CertificateRevocationListDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>();
    let found = read.map_err(unreadable(key, path))?;
    if found.is_empty() {
        return Err(TlsError::Empty { key, path: path.to_owned(), what: "revocation list" });
    }
    Ok(found)
}

fn due_first(
    key: &'static str,
    lists: &[CertificateRevocationListDer<'_>],
    path: &Path,
) -> Result<Option<Timestamp>, TlsError> {
    let mut due: Option<Timestamp> = None;
    for list in lists {
        let (_, list) = CertificateRevocationList::from_der(list).map_err(|_| TlsError::Malformed {
            key,
            path: path.to_owned(),
            what: "revocation list",
        })?;
        let at = list.next_update().map(moment);
        due = [due, at].into_iter().flatten().min();
    }
    Ok(due)
}

fn unreadable(key: &'static str, path: &Path) -> impl Fn(pem::Error) -> TlsError + use<> {
    let path = path.to_owned();
    move |source| TlsError::Pem { key, path: path.clone(), source }
}

/// A moment of X.509, which counts whole seconds.
pub(crate) fn moment(at: ASN1Time) -> Timestamp {
    Timestamp::default().plus_seconds(at.timestamp())
}

fn hsts(written: Hsts, is_self_signed: bool) -> Option<HeaderValue> {
    let seconds = match written {
        Hsts::Off => return None,
        Hsts::For(age) => age.as_secs(),
        // A browser that remembers it lets nobody past a certificate that it does not know.
        Hsts::Default { is_public } => (is_public && !is_self_signed).then_some(A_YEAR)?,
    };
    HeaderValue::from_str(&format!("max-age={seconds}")).ok()
}

#[cfg(test)]
mod tests;
