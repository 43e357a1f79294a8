//! Whose is this token that somebody else issued? A JWT of a listed issuer, or an opaque token that its issuer speaks for.
//!
//! What a token must be is in `access_token`, whose it is in `rules`; `source` fetches an issuer's keys or its word, and
//! `accepted` remembers. A token that is rejected is tried as nothing else.

mod accepted;
mod access_token;
mod exchange;
mod issuer;
mod probe;
mod rules;
mod source;
mod word;

use std::sync::Arc;

use arc_swap::ArcSwap;
use lictor_model::{ClientAddress, Clock, CredentialId, CredentialKind, CredentialRef, Digest, Identity, Reason};
use moka::sync::Cache;
use tokio::sync::{Mutex, Semaphore};

use accepted::{Accepted, AcceptedTokens, Standing, Word};
pub use exchange::{Exchanged, Wish};
pub use issuer::{Algorithms, Issuer, Proof, Rule, Terms, Typing};
pub use probe::{Fitting, fitting, probe};
use source::Source;

use crate::attempt::{Origin, Rejection};
use crate::authenticator::{Authenticator, Inner};
use crate::feed::Depth;
use crate::oidc::claims::Claims;
use crate::oidc::fetch::TrustError;
use crate::oidc::json::{self, Object};
use crate::oidc::peer::VerifyError;
use crate::oidc::provider::Place;
use crate::oidc::token::{TokenError, Unverified};
use crate::per_minute::PerMinute;
use crate::view::Key;

/// The longest token that is read.
const LONGEST: usize = 8 * 1024;
/// Tokens that are asked about at once, or whose keys are waited for; beyond that the answer is `too-busy`.
const PLACES: usize = 256;
/// Of each of so many groups of tokens one is asked about at a time, so that nobody asks twice about the same.
const GROUPS: usize = 32;
/// Tokens that their issuer just said no to.
const REFUSED: u64 = 10_000;
const REFUSED_FOR: std::time::Duration = std::time::Duration::from_secs(10);

/// An issuer that cannot be trusted as configured.
#[derive(Debug, thiserror::Error)]
#[error("issuers.{0}: {1}")]
pub struct IssuerError(String, TrustError);

/// The issuers, and the tokens of theirs that were found good.
pub(crate) struct Tokens {
    clock: Clock,
    issuers: ArcSwap<Vec<Trusted>>,
    accepted: AcceptedTokens,
    refused: Cache<Digest, ()>,
    places: Arc<Semaphore>,
    groups: Vec<Mutex<()>>,
    exchanges: exchange::Exchanges,
    /// Tokens that issuers were asked about in vain, by address.
    strangers: PerMinute<ClientAddress>,
}

/// An issuer, and whose its tokens are.
struct Trusted {
    source: Arc<Source>,
    rules: Vec<Rule>,
}

impl Tokens {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            issuers: ArcSwap::default(),
            accepted: AcceptedTokens::default(),
            refused: Cache::builder().max_capacity(REFUSED).time_to_live(REFUSED_FOR).build(),
            places: Arc::new(Semaphore::new(PLACES)),
            groups: std::iter::repeat_with(Mutex::default).take(GROUPS).collect(),
            exchanges: exchange::Exchanges::new(clock.clone()),
            strangers: PerMinute::new(clock.clone(), word::STRANGERS),
            clock,
        }
    }

    /// Goes on with these issuers. What was fetched from one whose terms stay is kept, and so are its tokens.
    fn replace(&self, issuers: Vec<Issuer>) -> Result<(), IssuerError> {
        let before = self.issuers.load_full();
        let trusted = |Issuer { terms, rules }: Issuer| {
            if let Some(same) = before.iter().find(|one| one.source.terms == terms) {
                return Ok(Trusted { source: Arc::clone(&same.source), rules });
            }
            let name = terms.name.clone();
            let source = Source::new(terms, self.clock.clone()).map_err(|error| IssuerError(name, error))?;
            Ok(Trusted { source: Arc::new(source), rules })
        };
        let trusted = issuers.into_iter().map(trusted).collect::<Result<Vec<_>, _>>()?;
        self.issuers.store(Arc::new(trusted));
        Ok(())
    }

    /// Whether a key, if it was given for a token, was so by an issuer that is still one.
    pub(crate) fn trusts_issuer_of(&self, key: &Key) -> Result<(), Reason> {
        let is_known = |name: &str| self.issuers.load().iter().any(|one| one.source.terms.name == name);
        if key.issuer().is_none_or(is_known) { Ok(()) } else { Err(Reason::UnknownIssuer) }
    }

    /// The token, if it was found good on the terms that are still its issuer's, and may still be.
    fn find(&self, digest: &Digest) -> Option<Arc<Accepted>> {
        let accepted = self.accepted.find(digest)?;
        let is_trusted = |one: &Trusted| Arc::ptr_eq(&one.source, &accepted.source);
        if self.issuers.load().iter().any(is_trusted) {
            return Some(accepted);
        }
        self.accepted.forget(digest);
        None
    }

    /// Who is to tell whether a token is good.
    fn source_of(&self, token: &str) -> Result<Arc<Source>, Rejection> {
        let issuers = self.issuers.load();
        let source = if is_jwt(token) {
            let said =
                Unverified::read(token).map_err(invalid)?.unproved().ok_or_else(|| invalid(TokenError::Malformed))?;
            let issuer = json::text(&said, "iss").filter(|issuer| !issuer.is_empty());
            let issuer = issuer.ok_or_else(|| invalid(TokenError::Claim("iss")))?;
            let source = issuers.iter().find(|one| one.source.terms.issuer == issuer);
            source.ok_or(Reason::UnknownIssuer)?
        } else {
            if !word::is_opaque(token) {
                return Err(Reason::MalformedCredential.into());
            }
            // The longest prefix: an issuer is not shown tokens of another.
            let fit = |one: &&Trusted| matches!(&one.source.terms.proof, Proof::Introspection { prefix, .. } if token.starts_with(prefix.as_str()));
            let length = |one: &&Trusted| match &one.source.terms.proof {
                Proof::Introspection { prefix, .. } => prefix.len(),
                Proof::Signature { .. } => 0,
            };
            issuers.iter().filter(fit).max_by_key(length).ok_or(Reason::MalformedCredential)?
        };
        Ok(Arc::clone(&source.source))
    }

    /// The token, once it is found good.
    async fn accept(&self, token: &str, source: Arc<Source>) -> Result<Arc<Accepted>, Rejection> {
        let digest = Digest::of(token.as_bytes());
        let said = match &source.terms.proof {
            Proof::Signature { .. } => source.judge(token).await.map_err(|error| unproved(&source, &error))?,
            Proof::Introspection { .. } => return self.accept_by_word(token, digest, source).await,
        };
        Ok(self.keep(token, digest, source, (said, None)))
    }

    fn keep(
        &self,
        token: &str,
        digest: Digest,
        source: Arc<Source>,
        (said, word): (Object, Option<Word>),
    ) -> Arc<Accepted> {
        let end = access_token::end(&said);
        let mut claims = Claims::default();
        claims.add(Place::AccessToken, said);
        let accepted = Arc::new(Accepted::new(digest, source, claims, end, word, token.len()));
        self.accepted.keep(Arc::clone(&accepted));
        accepted
    }
}

impl Authenticator {
    /// Goes on with these issuers of tokens.
    ///
    /// # Errors
    /// [`IssuerError`]; then all stays as it was.
    pub fn replace_issuers(&self, issuers: Vec<Issuer>) -> Result<(), IssuerError> {
        self.inner.tokens.replace(issuers)
    }

    /// Identifies the bearer of a token that is no key of ours; a name beside it must be the bearer's.
    pub(crate) async fn identify_foreign(
        &self,
        named: Option<&str>,
        token: &str,
        origin: &Origin,
    ) -> Result<Identity, Rejection> {
        let accepted = self.accept(token, origin).await?;
        let identity = self.bearer_of(&accepted).await?;
        match named.filter(|name| *name != identity.principal.name.as_str()) {
            Some(name) => {
                let credential = Some(identity.credential);
                Err(Rejection { credential, ..Rejection::of(Reason::KeyOfAnother, name) })
            }
            None => Ok(identity),
        }
    }

    /// Whose a good token is; its account may have been made a moment ago.
    async fn bearer_of(&self, accepted: &Accepted) -> Result<Identity, Rejection> {
        match self.inner.bearer_of(accepted) {
            Err(rejection) if rejection.reason == Reason::UnmatchedToken && !rejection.claimed.is_empty() => {
                self.inner.feed.catch_up(Depth::Changes).await;
                self.inner.bearer_of(accepted)
            }
            judged => judged,
        }
    }

    /// The token, found good before or now.
    async fn accept(&self, token: &str, origin: &Origin) -> Result<Arc<Accepted>, Rejection> {
        let inner = &self.inner;
        if inner.feed.is_lost() {
            return Err(Reason::StoreUnavailable.into());
        }
        if token.len() > LONGEST {
            return Err(invalid(TokenError::Malformed));
        }
        let digest = Digest::of(token.as_bytes());
        if let Some(found) = inner.tokens.find(&digest) {
            match found.standing(inner.clock.now()) {
                Standing::Good => return Ok(found),
                Standing::Confirm => {
                    inner.confirm_later(&found);
                    return Ok(found);
                }
                Standing::Over => return Err(Reason::ExpiredToken.into()),
                Standing::Unconfirmed => {}
            }
        }
        let source = inner.tokens.source_of(token)?;
        if matches!(source.terms.proof, Proof::Signature { .. }) {
            let unverified = Unverified::read(token).map_err(invalid)?;
            if let Some(judged) = source.judge_at_once(&unverified) {
                let said = judged.map_err(|error| told(&source, error))?;
                return Ok(inner.tokens.keep(token, digest, source, (said, None)));
            }
        }
        // On the background runtime: a caller who hangs up must not take along what others wait for too.
        let place = Arc::clone(&inner.tokens.places).try_acquire_owned().map_err(|_| Reason::TooBusy)?;
        let (inner, token) = (Arc::clone(inner), lictor_model::Secret::new(token));
        let background = inner.background.clone();
        let from = ClientAddress::from(origin.client_ip);
        let asked = background.spawn(async move {
            let _held = place;
            inner.tokens.accept_from(from, token.expose(), source).await
        });
        asked.await.unwrap_or_else(|_| Err(Reason::InternalError.into()))
    }

    /// Whether a token still proves what it proved.
    pub(crate) fn recheck_token(&self, identity: &Identity) -> Result<(), Reason> {
        let inner = &self.inner;
        let digest = identity.credential.id.as_str().rsplit_once(':').and_then(|(_, hex)| Digest::from_hex(hex));
        let digest = digest.ok_or(Reason::InvalidToken)?;
        let Some(accepted) = inner.tokens.find(&digest) else {
            // Its issuer said no, is gone or another now, or so many tokens came that this one was forgotten.
            let is_refused = inner.tokens.refused.contains_key(&digest);
            return Err(if is_refused { Reason::InvalidToken } else { Reason::IssuerUnavailable });
        };
        match accepted.standing(inner.clock.now()) {
            Standing::Good => {}
            Standing::Over => return Err(Reason::ExpiredToken),
            Standing::Unconfirmed => return Err(Reason::IssuerUnavailable),
            Standing::Confirm => inner.confirm_later(&accepted),
        }
        let whose = inner.bearer_of(&accepted).map_err(|rejection| rejection.reason)?;
        if whose.principal.id == identity.principal.id { Ok(()) } else { Err(Reason::UnmatchedToken) }
    }
}

impl Inner {
    fn confirm_later(self: &Arc<Self>, accepted: &Arc<Accepted>) {
        let (inner, accepted) = (Arc::clone(self), Arc::clone(accepted));
        let background = inner.background.clone();
        background.spawn(async move { inner.tokens.confirm(&accepted).await });
    }

    /// Whose a good token is, by the rules and the accounts of now.
    fn bearer_of(&self, accepted: &Accepted) -> Result<Identity, Rejection> {
        let id = CredentialId::from(format!("{}:{}", accepted.source.terms.name, accepted.digest.to_hex()));
        let credential = CredentialRef { kind: CredentialKind::Token, id };
        let rejected =
            |reason, name: &str| Rejection { credential: Some(credential.clone()), ..Rejection::of(reason, name) };
        let issuers = self.tokens.issuers.load();
        let issuer = issuers.iter().find(|one| Arc::ptr_eq(&one.source, &accepted.source));
        let issuer = issuer.ok_or_else(|| rejected(Reason::UnknownIssuer, ""))?;
        let rule = rules::whose(&issuer.rules, &accepted.claims).map_err(|reason| rejected(reason, ""))?;
        let name = rule.principal.as_str();
        self.feed.peek(|view| match view.people.named(&rule.principal).filter(|found| found.kind == rule.kind) {
            None => Err(rejected(Reason::UnmatchedToken, name)),
            Some(principal) if principal.disabled => Err(rejected(Reason::PrincipalDisabled, name)),
            Some(principal) => Ok(Identity {
                principal: Arc::clone(principal),
                credential: credential.clone(),
                narrowing: None,
                viewing: None,
            }),
        })
    }
}

/// Whether a token is to be read as a JWT: opaque ones have no two dots, and one that is spoilt is not tried as opaque.
fn is_jwt(token: &str) -> bool {
    token.bytes().filter(|byte| *byte == b'.').count() >= 2 || token.starts_with("eyJ")
}

/// Whether a text could be a token at all (RFC 6750 section 2.1).
pub(crate) fn could_be(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    !body.is_empty() && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
}

/// Whether a text is a JWT for certain, where a password could stand as well.
pub(crate) fn is_certain(text: &str) -> bool {
    text.starts_with("eyJ") && could_be(text) && Unverified::read(text).is_ok()
}

fn invalid(error: TokenError) -> Rejection {
    let reason = match error {
        TokenError::Expired | TokenError::IssuedAt => Reason::ExpiredToken,
        _ => Reason::InvalidToken,
    };
    Rejection { detail: Some(access_token::words(&error)), ..reason.into() }
}

fn told(source: &Source, error: TokenError) -> Rejection {
    tracing::debug!(issuer = source.terms.name, %error, "a token was rejected");
    invalid(error)
}

fn unproved(source: &Source, error: &VerifyError) -> Rejection {
    match error {
        VerifyError::Token(error) => told(source, error.clone()),
        VerifyError::Keys(error) => {
            tracing::warn!(issuer = source.terms.name, %error, "the keys of an issuer cannot be had");
            Reason::IssuerUnavailable.into()
        }
    }
}

#[cfg(test)]
mod tests;
