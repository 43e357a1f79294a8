//! Which certificate did the client show to the proxy before us? As the proxy writes it into a header, and never on its word alone.
//!
//! A certificate is no secret, so whoever may write this header may be anybody: it counts from listed addresses only, beside the
//! proxy's token, and is held to our CA and revocation lists as if it had been shown to us.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;
use lictor_model::{Digest, Reason};
use moka::sync::Cache;
use rustls::pki_types::CertificateDer;

use crate::tls::{PeerCertificate, Vouching};

mod format;

pub use format::Format;
use format::Unreadable;

/// What only the proxy knows.
pub(crate) const TOKEN: HeaderName = HeaderName::from_static("x-lictor-token");
/// Certificates that are remembered with their names read and their chains verified.
const REMEMBERED: u64 = 4_096;
const REMEMBERED_FOR: Duration = Duration::from_secs(60);

/// Who passes certificates on, how, and who vouches for them.
#[derive(Debug, Clone)]
pub struct CertificateHeader {
    /// From where.
    pub proxies: Vec<IpNet>,
    /// The digest of what only they know: other programs may have their address, and clients their words.
    pub token: Digest,
    /// Where it stands.
    pub header: HeaderName,
    /// How it is written.
    pub format: Format,
    /// Who vouches for it.
    pub clients: Arc<Vouching>,
    remembered: Cache<Digest, Arc<PeerCertificate>>,
}

impl CertificateHeader {
    /// Nobody is listed yet.
    #[must_use]
    pub fn new(token: Digest, header: HeaderName, format: Format, clients: Arc<Vouching>) -> Self {
        let remembered = Cache::builder().max_capacity(REMEMBERED).time_to_live(REMEMBERED_FOR).build();
        Self { proxies: Vec::new(), token, header, format, clients, remembered }
    }

    /// Whether this peer's connections carry its clients' requests, and no certificate of its own counts.
    pub(crate) fn is_from_proxy(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.proxies.iter().any(|network| network.contains(&peer))
    }

    /// Whether a listed proxy wrote the headers itself.
    pub(crate) fn is_its_word(&self, headers: &HeaderMap) -> bool {
        let mut tokens = headers.get_all(&TOKEN).iter();
        let token = tokens.next().filter(|_| tokens.next().is_none());
        token.is_some_and(|token| Digest::of(token.as_bytes()) == self.token)
    }

    /// The certificate in the headers, not yet verified; `None` when the client showed none.
    ///
    /// # Errors
    /// [`Reason::MalformedHeader`] when it stands twice or is not written as agreed, [`Reason::UnknownCertificate`] when its names
    /// cannot be read.
    pub(crate) fn certificate(&self, headers: &HeaderMap) -> Result<Option<Arc<PeerCertificate>>, Reason> {
        let Some(written) = self.format.written(headers, &self.header).map_err(|error| self.tell(error))? else {
            return Ok(None);
        };
        let digest = Digest::of(&written.concat());
        if let Some(known) = self.remembered.get(&digest) {
            return Ok(Some(known));
        }
        let chain: Vec<CertificateDer<'static>> = self.format.chain(&written).map_err(|error| self.tell(error))?;
        let read = PeerCertificate::of(&self.clients, &chain).map_err(|_| Reason::UnknownCertificate)?;
        if let Some(certificate) = &read {
            self.remembered.insert(digest, Arc::clone(certificate));
        }
        Ok(read)
    }

    fn tell(&self, error: Unreadable) -> Reason {
        tracing::warn!(header = %self.header, %error, "a proxy's header with its client's certificate is not as agreed");
        Reason::MalformedHeader
    }
}
