//! How do we speak with one issuer? Its keys, fetched once for all and kept, or its word on one token.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lictor_model::{Clock, Secret};
use serde_json::Value;

use super::access_token;
use super::issuer::{Proof, Terms};
use crate::oidc::cached::{Cached, NotHad};
use crate::oidc::discovery;
use crate::oidc::endpoint::{Endpoint, encode, form};
use crate::oidc::fetch::{FetchError, Fetcher, TrustError};
use crate::oidc::json::{self, Object};
use crate::oidc::keys::KeySet;
use crate::oidc::peer::VerifyError;
use crate::oidc::token::{TokenError, Unverified};

/// One issuer, and what we know of it.
pub(crate) struct Source {
    pub(crate) terms: Terms,
    fetcher: Fetcher,
    clock: Clock,
    keys_at: Cached<Endpoint>,
    keys: Cached<KeySet>,
}

/// Why an issuer's word was not had, or is no.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WordError {
    /// It says no, or what it says is no access token of ours.
    #[error("the token is not believed: {0}")]
    Token(#[from] TokenError),
    /// It says that the token is good no more, or never was.
    #[error("the issuer says that the token is not active")]
    NotActive,
    /// It does not answer as it should.
    #[error("{0}")]
    Fetch(#[from] FetchError),
}

impl Source {
    pub(crate) fn new(terms: Terms, clock: Clock) -> Result<Self, TrustError> {
        let fetcher = Fetcher::new(terms.trusted.as_deref())?;
        let (keys_at, keys) = (Cached::new(clock.clone()), Cached::new(clock.clone()));
        Ok(Self { terms, fetcher, clock, keys_at, keys })
    }

    /// The claims of a JWT, by the keys that are at hand; `None` when it takes others to tell.
    pub(crate) fn judge_at_once(&self, token: &Unverified<'_>) -> Option<Result<Object, TokenError>> {
        let keys = self.keys.at_hand()?;
        let judged = access_token::verify(token, &keys, &self.terms, self.clock.now());
        Some(judged).filter(|judged| !matches!(judged, Err(error) if error.is_of_keys()))
    }

    /// The claims of a JWT, by keys that may have to be fetched.
    pub(crate) async fn judge(&self, token: &str) -> Result<Object, VerifyError> {
        let verify =
            |token: &Unverified<'_>, keys: &KeySet| access_token::verify(token, keys, &self.terms, self.clock.now());
        self.keys.verify(&Unverified::read(token)?, || self.fetch_keys(), verify).await
    }

    /// Takes keys as if they had been fetched now.
    #[cfg(test)]
    pub(crate) async fn hold(&self, keys: KeySet) {
        let held = std::sync::Mutex::new(Some(keys));
        let fetch = async || held.lock().map_err(|error| error.to_string())?.take().ok_or_else(|| "held".to_owned());
        self.keys.get(fetch).await.map(drop).unwrap_or_else(|error| panic!("{error}"));
    }

    /// How many keys it has now.
    pub(crate) async fn count_keys(&self) -> Result<usize, NotHad> {
        Ok(self.keys.get(|| self.fetch_keys()).await?.len())
    }

    /// What the issuer says of a token (RFC 7662 section 2).
    pub(crate) async fn word(&self, token: &str) -> Result<Object, WordError> {
        let said = self.ask(token).await?;
        if said.get("active") != Some(&Value::Bool(true)) {
            return Err(WordError::NotActive);
        }
        let is_other = json::text(&said, "iss").is_some_and(|issuer| issuer != self.terms.issuer);
        if is_other && !self.terms.issuer.is_empty() {
            return Err(TokenError::Claim("iss").into());
        }
        // A refresh token is active as well, where the issuer says which kind it is.
        let kind = json::text(&said, "token_type").unwrap_or("bearer").to_ascii_lowercase();
        if !["bearer", "access_token"].contains(&kind.as_str()) {
            return Err(TokenError::Type(kind).into());
        }
        access_token::check(&said, &self.terms, self.clock.now())?;
        Ok(said)
    }

    /// Whether the issuer answers us at all, be the token what it may.
    pub(crate) async fn ask(&self, token: &str) -> Result<Object, FetchError> {
        let Proof::Introspection { at, client_id, client_secret, .. } = &self.terms.proof else {
            return Ok(Object::new());
        };
        // Encoded before they are joined (RFC 6749 section 2.3.1).
        let pair = Secret::new(format!("{}:{}", encode(client_id), encode(client_secret.expose())));
        let authorization = format!("Basic {}", STANDARD.encode(pair.expose()));
        let question = form(&[("token", token), ("token_type_hint", "access_token")]);
        self.fetcher.post_form(at, Some(authorization), question).await?.expect_ok()?.object()
    }

    async fn fetch_keys(&self) -> Result<KeySet, Trouble> {
        let Proof::Signature { keys, bearer_file, algorithms } = &self.terms.proof else {
            return Err(Trouble("this issuer is asked about each token, and has no keys".to_owned()));
        };
        let at = match keys {
            Some(at) => at.clone(),
            None => {
                let found = self.keys_at.get(|| self.find_keys()).await;
                found.map_err(|error| Trouble(error.to_string()))?.as_ref().clone()
            }
        };
        // Read each time: such a token is renewed in its place.
        let bearer = match bearer_file {
            Some(path) => {
                let read = tokio::fs::read_to_string(path).await;
                let read = read.map_err(|error| Trouble(format!("cannot read {}: {error}", path.display())))?;
                Some(Secret::new(read.trim()))
            }
            None => None,
        };
        let said = self.get(&at, bearer.as_ref().map(Secret::expose)).await?;
        KeySet::read(&said, algorithms.announced()).map_err(|error| Trouble(error.to_string()))
    }

    async fn find_keys(&self) -> Result<Endpoint, Trouble> {
        let trouble = |error: &dyn std::fmt::Display| Trouble(error.to_string());
        let at = Endpoint::parse(&discovery::address(&self.terms.issuer)).map_err(|error| trouble(&error))?;
        let said = self.get(&at, None).await?;
        discovery::keys_of(&said, &self.terms.issuer).map_err(|error| trouble(&error))
    }

    async fn get(&self, at: &Endpoint, bearer: Option<&str>) -> Result<Object, Trouble> {
        let got = async { self.fetcher.get(at, bearer).await?.expect_ok()?.object() };
        got.await.map_err(|error: FetchError| Trouble(error.to_string()))
    }
}

/// What went wrong, in words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Trouble(String);
