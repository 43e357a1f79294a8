//! Who holds single sign-on together? One a process, cloned into every page; its providers change while it runs.

use std::sync::Arc;

use arc_swap::ArcSwap;
use lictor_model::{Actor, RequestId, Secret};
use lictor_store::By;

use super::error::SignOnError;
use super::fetch::TrustError;
use super::peer::Peer;
use super::provider::Provider;
use super::recheck;
use crate::attempt::Origin;
use crate::authenticator::Authenticator;
use crate::seal::{Seal, SealError};

/// Signs people in and out at identity providers. Clones share everything.
#[derive(Clone)]
pub struct SignOn {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) auth: Authenticator,
    pub(crate) seal: Seal,
    peers: ArcSwap<Vec<Arc<Peer>>>,
}

/// Single sign-on could not begin.
#[derive(Debug, thiserror::Error)]
pub enum SignOnStartError {
    /// No cipher.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A provider's certificates.
    #[error("providers.{0}: {1}")]
    Trust(String, TrustError),
}

/// A provider as the sign-in page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    /// Its name in paths.
    pub name: String,
    /// What the button says.
    pub label: String,
}

impl SignOn {
    /// Begins with these providers, and rechecks the people who signed in through them from then on. `secret` seals
    /// what browsers and the store keep for us; it must be the same on every replica.
    ///
    /// # Errors
    /// [`SignOnStartError`].
    pub fn start(auth: Authenticator, secret: &Secret, providers: Vec<Provider>) -> Result<Self, SignOnStartError> {
        let sign_on =
            Self { inner: Arc::new(Inner { auth, seal: Seal::new("sign-on", secret)?, peers: ArcSwap::default() }) };
        sign_on.replace(providers)?;
        recheck::keep_rechecking(&sign_on);
        Ok(sign_on)
    }

    /// Goes on with these providers. What was fetched from one that stays as it was is kept.
    ///
    /// # Errors
    /// [`SignOnStartError`]; then all stays as it was.
    pub fn replace(&self, providers: Vec<Provider>) -> Result<(), SignOnStartError> {
        let before = self.inner.peers.load_full();
        let peer = |provider: Provider| {
            if let Some(same) = before.iter().find(|peer| peer.provider == provider) {
                return Ok(Arc::clone(same));
            }
            let name = provider.name.clone();
            let made = Peer::new(provider, self.inner.auth.inner.clock.clone());
            made.map(Arc::new).map_err(|error| SignOnStartError::Trust(name, error))
        };
        let peers = providers.into_iter().map(peer).collect::<Result<Vec<_>, _>>()?;
        self.inner.peers.store(Arc::new(peers));
        Ok(())
    }

    /// The buttons of the sign-in page, in the configuration's order.
    #[must_use]
    pub fn buttons(&self) -> Vec<Button> {
        let peers = self.inner.peers.load();
        let button = |peer: &Arc<Peer>| Button { name: peer.provider.name.clone(), label: peer.provider.label.clone() };
        peers.iter().map(button).collect()
    }

    /// What a provider is called on pages.
    #[must_use]
    pub fn label(&self, name: &str) -> String {
        self.any_peer(name).map_or_else(|_| "The provider".to_owned(), |peer| peer.provider.label.clone())
    }

    /// The provider of that name, to which people are sent.
    pub(crate) fn peer(&self, name: &str) -> Result<Arc<Peer>, SignOnError> {
        self.any_peer(name).and_then(|peer| match peer.provider.edge {
            None => Ok(peer),
            Some(_) => Err(SignOnError::UnknownProvider),
        })
    }

    /// The provider or the edge of that name.
    pub(crate) fn any_peer(&self, name: &str) -> Result<Arc<Peer>, SignOnError> {
        let peers = self.inner.peers.load();
        peers.iter().find(|peer| peer.provider.name == name).cloned().ok_or(SignOnError::UnknownProvider)
    }

    pub(crate) fn peers(&self) -> Arc<Vec<Arc<Peer>>> {
        self.inner.peers.load_full()
    }
}

/// A change that a provider makes, through us.
pub(crate) fn by_provider(name: &str, origin: Option<&Origin>, request: Option<&RequestId>) -> By {
    By {
        actor: Actor { id: String::new(), kind: None, name: format!("sso:{name}") },
        credential: None,
        client_ip: origin.map(|origin| origin.client_ip.to_string()).unwrap_or_default(),
        request: request.cloned(),
    }
}
