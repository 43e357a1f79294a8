//! What are the terms of TLS at this moment? They are replaced whole, and a client's certificate is held to them again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use http::HeaderValue;
use lictor_authn::mtls::{Certificate, UnreadableCertificate};
use lictor_model::{Reason, Timestamp};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::ClientCertVerifier;

/// Our certificate, whose certificates we take, and what browsers are told.
pub struct Terms {
    /// What a handshake follows. Tickets and remembered sessions belong to it, so they go when it is replaced.
    pub server: Arc<ServerConfig>,
    /// `Strict-Transport-Security`, if browsers are to remember that we speak TLS.
    pub hsts: Option<HeaderValue>,
}

/// Verifies a client's chain: CA, dates, purpose, revocation.
pub type Verifier = Arc<dyn ClientCertVerifier>;

/// Who vouches for clients at this moment.
#[derive(Default)]
pub struct Vouching {
    verifier: ArcSwapOption<Verifier>,
    generation: AtomicU64,
}

impl Vouching {
    /// From now on, that one; `None` when no client's certificate is good.
    pub fn replace(&self, verifier: Option<Verifier>) {
        self.verifier.store(verifier.map(Arc::new));
        // After it: whoever sees the new number finds the new one.
        self.generation.fetch_add(1, Ordering::AcqRel);
    }
}

impl std::fmt::Debug for Vouching {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vouching").field("generation", &self.generation).finish_non_exhaustive()
    }
}

/// The terms in force. Read at each handshake; connections that are open keep the keys that they have.
pub struct Tls {
    terms: ArcSwap<Terms>,
    clients: Arc<Vouching>,
}

impl Tls {
    /// The first terms, and who vouches for clients; `None` when none is asked for a certificate.
    #[must_use]
    pub fn new(terms: Terms, clients: Option<Verifier>) -> Self {
        let vouching = Vouching::default();
        vouching.replace(clients);
        Self { terms: ArcSwap::from_pointee(terms), clients: Arc::new(vouching) }
    }

    /// From now on, others.
    pub fn replace(&self, terms: Terms, clients: Option<Verifier>) {
        self.terms.store(Arc::new(terms));
        self.clients.replace(clients);
    }

    /// Who vouches for clients.
    #[must_use]
    pub const fn clients(&self) -> &Arc<Vouching> {
        &self.clients
    }

    /// Those in force.
    #[must_use]
    pub fn terms(&self) -> Arc<Terms> {
        self.terms.load_full()
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("clients", &self.clients).finish_non_exhaustive()
    }
}

/// The certificate that a client showed in the handshake, with us or with a proxy that passes it on.
///
/// A handshake says what was true then, and a resumed one repeats what was true before. So it is held to the terms in force
/// again: at the first request, as soon as the terms change, and once a second, since certificates and revocation lists also
/// come to their end by themselves.
#[derive(Debug)]
pub struct PeerCertificate {
    clients: Arc<Vouching>,
    chain: Vec<CertificateDer<'static>>,
    read: Certificate,
    verified: Mutex<Option<Verified>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Verified {
    generation: u64,
    second: i64,
    good: bool,
}

impl PeerCertificate {
    /// Of a chain, leaf first, as rustls has it after the handshake; `None` when there is none.
    ///
    /// # Errors
    /// [`UnreadableCertificate`] when the leaf's names cannot be read.
    pub fn of(
        clients: &Arc<Vouching>,
        chain: &[CertificateDer<'_>],
    ) -> Result<Option<Arc<Self>>, UnreadableCertificate> {
        let Some(leaf) = chain.first() else { return Ok(None) };
        let read = Certificate::read(leaf)?;
        let chain = chain.iter().map(|one| one.clone().into_owned()).collect();
        Ok(Some(Arc::new(Self { clients: Arc::clone(clients), chain, read, verified: Mutex::default() })))
    }

    /// The names in it, while it is trusted.
    ///
    /// # Errors
    /// [`Reason::CertificateNotTrusted`].
    pub fn trusted(&self, now: Timestamp) -> Result<&Certificate, Reason> {
        let second = now.as_micros().div_euclid(1_000_000);
        let generation = self.clients.generation.load(Ordering::Acquire);
        let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        let good = match *verified {
            Some(before) if (before.generation, before.second) == (generation, second) => before.good,
            _ => {
                let good = self.verify(second);
                *verified = Some(Verified { generation, second, good });
                good
            }
        };
        if good { Ok(&self.read) } else { Err(Reason::CertificateNotTrusted) }
    }

    fn verify(&self, second: i64) -> bool {
        let verifier = self.clients.verifier.load();
        let (Some(verifier), Some((leaf, issuers))) = (verifier.as_ref(), self.chain.split_first()) else {
            return false;
        };
        let now = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(second).unwrap_or_default()));
        let verdict = verifier.verify_client_cert(leaf, issuers, now);
        if let Err(error) = &verdict {
            tracing::debug!(%error, certificate = %self.read.fingerprint(), "a client's certificate is not trusted any more");
        }
        verdict.is_ok()
    }
}
