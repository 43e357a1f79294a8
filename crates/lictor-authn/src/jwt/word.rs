//! What does an issuer say of a token? It is asked about each that means nothing to us, once, and not for strangers without end.

use std::sync::Arc;

use lictor_model::{ClientAddress, Digest, Reason};

use super::accepted::{Accepted, Word};
use super::issuer::Proof;
use super::source::{Source, WordError};
use super::{GROUPS, Tokens, invalid};
use crate::attempt::Rejection;
use crate::oidc::json::Object;

/// So many tokens that an issuer knows nothing of may come from an address in a minute: each is a request to it.
pub(super) const STRANGERS: u32 = 60;
/// The shortest opaque token: below, it is somebody's password or a slip of the hand, and nobody else's business.
const SHORTEST: usize = 20;

impl Tokens {
    /// The token, once it is found good, unless too many from there were unknown to the issuers that were asked.
    pub(super) async fn accept_from(
        &self,
        from: ClientAddress,
        token: &str,
        source: Arc<Source>,
    ) -> Result<Arc<Accepted>, Rejection> {
        if matches!(source.terms.proof, Proof::Signature { .. }) {
            return self.accept(token, source).await;
        }
        if self.strangers.is_spent(&from) {
            return Err(Reason::TooManyFailures.into());
        }
        let accepted = self.accept(token, source).await;
        if matches!(&accepted, Err(rejection) if rejection.reason.status() != 503) {
            self.strangers.take(from);
        }
        accepted
    }

    pub(super) async fn accept_by_word(
        &self,
        token: &str,
        digest: Digest,
        source: Arc<Source>,
    ) -> Result<Arc<Accepted>, Rejection> {
        let group =
            usize::from_str_radix(digest.to_hex().get(..4).unwrap_or_default(), 16).unwrap_or_default() % GROUPS;
        let _turn = match self.groups.get(group) {
            Some(group) => Some(group.lock().await),
            None => None,
        };
        // Somebody before us may have asked about it.
        if self.refused.contains_key(&digest) {
            return Err(not_active());
        }
        let now = self.clock.now();
        let is_good = |found: &Arc<Accepted>| found.word.as_ref().is_some_and(|word| now < word.until);
        if let Some(found) = self.find(&digest).filter(is_good) {
            return Ok(found);
        }
        match self.ask(token, &source).await {
            Ok(claims) => {
                let believed = match &source.terms.proof {
                    Proof::Introspection { believed, .. } => *believed,
                    Proof::Signature { .. } => 0,
                };
                let word = Word::given(token, now, believed);
                Ok(self.keep(token, digest, source, (claims, Some(word))))
            }
            Err(rejection) => {
                if rejection.reason.status() != 503 {
                    self.accepted.forget(&digest);
                    self.refused.insert(digest, ());
                }
                Err(rejection)
            }
        }
    }

    async fn ask(&self, token: &str, source: &Source) -> Result<Object, Rejection> {
        source.word(token).await.map_err(|error| match error {
            WordError::Token(error) => invalid(error),
            WordError::NotActive => not_active(),
            WordError::Fetch(error) => {
                tracing::warn!(issuer = source.terms.name, %error, "an issuer cannot be asked about a token");
                Reason::IssuerUnavailable.into()
            }
        })
    }

    /// Asks again about a token whose word still counts, while nobody waits for it.
    pub(super) async fn confirm(&self, accepted: &Accepted) {
        let Some(word) = &accepted.word else { return };
        let source = Arc::clone(&accepted.source);
        if let Err(rejection) = self.accept_by_word(word.token.expose(), accepted.digest, source).await
            && rejection.reason.status() == 503
        {
            word.was_not_given();
        }
    }
}

/// Whether a text is shown to an issuer: no password that stands alone, and no key of Prefect Cloud.
pub(super) fn is_opaque(token: &str) -> bool {
    token.len() >= SHORTEST && !["pnu_", "pnb_"].iter().any(|prefix| token.starts_with(prefix))
}

fn not_active() -> Rejection {
    Rejection { detail: Some("Its issuer says that it is not active."), ..Reason::InvalidToken.into() }
}
