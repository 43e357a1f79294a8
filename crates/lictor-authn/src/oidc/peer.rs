//! How do we speak with one provider? What it says of itself and its keys, fetched once for all and kept.

use std::sync::Arc;

use lictor_model::{Clock, Secret};

use super::cached::{Cached, NotHad};
use super::discovery::{self, Metadata};
use super::endpoint::Endpoint;
use super::exchange::{self, ExchangeError, Tokens};
use super::fetch::{FetchError, Fetcher, TrustError};
use super::id_token::{self, Occasion};
use super::json::{self, Object};
use super::keys::KeySet;
use super::load_balancer::Assertion;
use super::logout_token::{self, Logout};
use super::named_keys::NamedKeys;
use super::provider::{Edge, Proof, Provider};
use super::token::{Expected, TokenError, Unverified};

/// One provider, and what we know of it.
pub(crate) struct Peer {
    pub(crate) provider: Provider,
    pub(crate) fetcher: Fetcher,
    clock: Clock,
    metadata: Cached<Metadata>,
    keys: Cached<KeySet>,
    named_keys: NamedKeys,
}

/// A token that cannot be believed, or not be judged now.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It is bad.
    #[error("the provider's token is not believed: {0}")]
    Token(#[from] TokenError),
    /// The provider's keys cannot be had.
    #[error("the provider's keys cannot be had: {0}")]
    Keys(#[from] NotHad),
}

impl Peer {
    pub(crate) fn new(provider: Provider, clock: Clock) -> Result<Self, TrustError> {
        let fetcher = Fetcher::new(provider.trusted.as_deref())?;
        let (metadata, keys) = (Cached::new(clock.clone()), Cached::new(clock.clone()));
        let named_keys = NamedKeys::new(clock.clone());
        Ok(Self { provider, fetcher, clock, metadata, keys, named_keys })
    }

    /// What it says of itself.
    pub(crate) async fn metadata(&self) -> Result<Arc<Metadata>, NotHad> {
        self.metadata.get(|| self.fetch_metadata()).await
    }

    /// With what it signs.
    pub(crate) async fn keys(&self) -> Result<Arc<KeySet>, NotHad> {
        self.keys.get(|| self.fetch_keys()).await
    }

    /// Tokens for a code or a refresh token.
    pub(crate) async fn exchange(&self, metadata: &Metadata, grant: &[(&str, &str)]) -> Result<Tokens, ExchangeError> {
        exchange::exchange(&self.fetcher, &self.provider, metadata, grant).await
    }

    /// The claims of an ID token.
    pub(crate) async fn id_token(&self, token: &Secret, occasion: Occasion<'_>) -> Result<Object, VerifyError> {
        self.verify(token.expose(), |token, keys| id_token::verify(token, keys, self.expected(), occasion)).await
    }

    /// What a logout token says.
    pub(crate) async fn logout_token(&self, token: &str) -> Result<Logout, VerifyError> {
        self.verify(token, |token, keys| logout_token::verify(token, keys, self.expected())).await
    }

    /// The claims of an access token, if it is a JWT of this provider about this person.
    pub(crate) async fn access_token(&self, token: &Secret, subject: &str) -> Result<Object, VerifyError> {
        let expected = Expected { audience: None, ..self.expected() };
        let claims = self.verify(token.expose(), |token, keys| token.verify(keys, expected)).await?;
        if json::text(&claims, "sub") == Some(subject) { Ok(claims) } else { Err(TokenError::Claim("sub").into()) }
    }

    /// The claims of a load balancer's assertion; its key is below the address.
    pub(crate) async fn balanced(&self, token: &str, signer: &str, keys: &Endpoint) -> Result<Object, VerifyError> {
        let assertion = Assertion::read(token, signer, self.expected())?;
        let key = self.named_keys.get(assertion.kid(), keys, &self.fetcher).await?;
        Ok(assertion.verify(&key, self.expected())?)
    }

    /// Verifies with its keys.
    pub(crate) async fn verify<T>(
        &self,
        token: &str,
        verify: impl Fn(&Unverified<'_>, &KeySet) -> Result<T, TokenError>,
    ) -> Result<T, VerifyError> {
        self.keys.verify(&Unverified::read(token)?, || self.fetch_keys(), verify).await
    }

    /// What its tokens must say to us.
    pub(crate) fn expected(&self) -> Expected<'_> {
        Expected {
            issuer: &self.provider.issuer,
            audience: Some(&self.provider.client_id),
            now: self.clock.now(),
            leeway: self.provider.leeway,
        }
    }

    async fn fetch_metadata(&self) -> Result<Metadata, Trouble> {
        let address =
            Endpoint::parse(&discovery::address(&self.provider.issuer)).map_err(|error| Trouble(error.to_string()))?;
        let said = self.fetch(&address).await?;
        Metadata::read(&said, &self.provider.issuer).map_err(|error| Trouble(error.to_string()))
    }

    async fn fetch_keys(&self) -> Result<KeySet, Trouble> {
        if let Some(Edge { proof: Proof::Signed { keys, .. }, .. }) = &self.provider.edge {
            let said = self.fetch(keys).await?;
            return KeySet::read(&said, &[]).map_err(|error| Trouble(error.to_string()));
        }
        let metadata = self.metadata().await.map_err(|error| Trouble(error.to_string()))?;
        let said = self.fetch(&metadata.keys).await?;
        KeySet::read(&said, &metadata.algorithms).map_err(|error| Trouble(error.to_string()))
    }

    async fn fetch(&self, address: &Endpoint) -> Result<Object, Trouble> {
        let fetched = async { self.fetcher.get(address, None).await?.expect_ok()?.object() };
        fetched.await.map_err(|error: FetchError| Trouble(error.to_string()))
    }
}

/// What went wrong, in words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Trouble(String);
