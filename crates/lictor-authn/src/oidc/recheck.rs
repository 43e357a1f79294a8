//! Is this person still one of those whom the rules let in? Asked again of the provider while a session lasts. A provider
//! that is down or slow answers nothing, and ends nothing.

use std::sync::Arc;
use std::time::Duration;

use lictor_model::{PrincipalId, Secret};
use lictor_store::{By, ExternalSessionRow, RuleGifts, StoreError};

use super::callback::{purpose, warn_of_unknown};
use super::error::SignOnError;
use super::gather::gather;
use super::id_token::Occasion;
use super::peer::Peer;
use super::rules;
use super::sign_on::{Inner, SignOn, by_provider};

/// Sessions of one provider that are rechecked in one go.
const AT_ONCE: i64 = 200;
/// The longest and the shortest time between two looks at what is due.
const PACE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(15));

/// What a recheck came to.
enum Verdict {
    /// The provider vouches for them, and the rules give this.
    Stays(RuleGifts),
    /// The provider vouches for them, and no rule lets them in.
    NotLetIn,
    /// The provider says that this session is over.
    Over(String),
    /// The provider says nothing that can be used.
    Silent(String),
}

/// Rechecks until nobody holds single sign-on any more.
pub(crate) fn keep_rechecking(sign_on: &SignOn) {
    let weak = Arc::downgrade(&sign_on.inner);
    sign_on.inner.auth.inner.background.spawn(async move {
        loop {
            let Some(inner) = weak.upgrade() else { return };
            let sign_on = SignOn { inner };
            let pace = pace(&sign_on.inner);
            sign_on.recheck_due().await;
            drop(sign_on);
            tokio::time::sleep(pace).await;
        }
    });
}

fn pace(inner: &Arc<Inner>) -> Duration {
    let peers = SignOn { inner: Arc::clone(inner) }.peers();
    let shortest = peers.iter().map(|peer| peer.provider.recheck).min().unwrap_or(PACE.1);
    (shortest / 4).clamp(PACE.0, PACE.1)
}

impl SignOn {
    /// Rechecks the sessions that are due, each provider's beside the others', for one may be slow.
    pub(crate) async fn recheck_due(&self) {
        let peers = self.peers();
        futures_util::future::join_all(peers.iter().map(|peer| self.recheck_all_of(peer))).await;
    }

    async fn recheck_all_of(&self, peer: &Peer) {
        if let Err(error) = self.take_from_the_unconfirmed(peer).await {
            return tracing::warn!(%error, "what sign-in rules gave could not be looked through yet");
        }
        let (store, clock) = (&self.inner.auth.inner.store, &self.inner.auth.inner.clock);
        let seconds = i64::try_from(peer.provider.recheck.as_secs()).unwrap_or(i64::MAX);
        let before = clock.now().plus_seconds(-seconds);
        let due = match store.due_external_sessions(&peer.provider.name, before, AT_ONCE).await {
            Ok(due) => due,
            Err(error) => return tracing::warn!(%error, "sessions could not be rechecked yet"),
        };
        for row in &due {
            match self.recheck(peer, row).await {
                Ok(true) => {}
                // The others would only wait for the same silence.
                Ok(false) => return,
                Err(error) => return tracing::warn!(%error, "sessions could not be rechecked yet"),
            }
        }
    }

    /// Whoever was not seen at the provider for long keeps nothing of its rules: no session of theirs is rechecked, and
    /// their keys would go on for ever.
    async fn take_from_the_unconfirmed(&self, peer: &Peer) -> Result<(), StoreError> {
        let (store, name) = (&self.inner.auth.inner.store, peer.provider.name.as_str());
        let seconds = i64::try_from(peer.provider.unconfirmed.as_secs()).unwrap_or(i64::MAX);
        let before = self.inner.auth.inner.clock.now().plus_seconds(-seconds);
        for principal in store.unconfirmed_since(name, before).await? {
            tracing::info!(provider = name, %principal, "the provider has not confirmed this person for long");
            store.apply_sign_in_rules(&by_provider(name, None, None), &principal, name, &RuleGifts::default()).await?;
        }
        Ok(())
    }

    /// Rechecks a session; answers whether the provider spoke.
    async fn recheck(&self, peer: &Peer, row: &ExternalSessionRow) -> Result<bool, StoreError> {
        let store = &self.inner.auth.inner.store;
        if !store.claim_recheck(row).await? {
            return Ok(true);
        }
        let (name, session) = (peer.provider.name.as_str(), &row.session);
        let by = by_provider(name, None, None);
        match self.ask(peer, row).await? {
            Verdict::Stays(gifts) => {
                let change = store.apply_sign_in_rules(&by, &row.principal, name, &gifts).await?;
                store.confirm_external_account(&row.issuer, &row.subject).await?;
                warn_of_unknown(name, &change);
            }
            Verdict::NotLetIn => {
                tracing::info!(provider = name, %session, "no rule lets this person in any more");
                self.give_up(peer, &by, &row.principal, &row.subject).await?;
            }
            Verdict::Over(why) => {
                tracing::info!(provider = name, %session, why, "the provider has ended this session");
                store.end_session(&by, session).await?;
            }
            Verdict::Silent(why) => {
                tracing::warn!(provider = name, why, "the provider could not be asked; its sessions go on");
                return Ok(false);
            }
        }
        self.inner.auth.inner.feed.refresh().await;
        Ok(true)
    }

    /// Takes from somebody what the rules gave, and ends the sessions that rest on it.
    pub(crate) async fn give_up(
        &self,
        peer: &Peer,
        by: &By,
        who: &PrincipalId,
        subject: &str,
    ) -> Result<(), StoreError> {
        let store = &self.inner.auth.inner.store;
        store.apply_sign_in_rules(by, who, &peer.provider.name, &RuleGifts::default()).await?;
        store.end_external_sessions(by, &peer.provider.issuer, Some(subject), None).await?;
        self.inner.auth.inner.feed.refresh().await;
        Ok(())
    }

    async fn ask(&self, peer: &Peer, row: &ExternalSessionRow) -> Result<Verdict, StoreError> {
        if row.issuer != peer.provider.issuer {
            return Ok(Verdict::Over("the provider of this name is another one now".to_owned()));
        }
        let opened = row
            .refresh_token
            .as_deref()
            .and_then(|sealed| self.inner.seal.open(&purpose("refresh", row.session.as_str()), sealed));
        let Some(refresh_token) = opened else {
            return Ok(Verdict::Over("its refresh token was sealed with another key".to_owned()));
        };
        let metadata = match peer.metadata().await {
            Ok(metadata) => metadata,
            Err(error) => return Ok(Verdict::Silent(error.to_string())),
        };
        let grant = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.as_str())];
        let tokens = match peer.exchange(&metadata, &grant).await {
            Ok(tokens) => tokens,
            Err(error) if error.is_final() => return Ok(Verdict::Over(error.to_string())),
            Err(error) => return Ok(Verdict::Silent(error.to_string())),
        };
        // First of all: the old one may be of no use any more.
        let seal = |kind: &str, token: Option<&Secret>| {
            token.and_then(|token| self.inner.seal.close(&purpose(kind, row.session.as_str()), token.expose()).ok())
        };
        let (refresh, hint) = (seal("refresh", tokens.refresh.as_ref()), seal("hint", tokens.id.as_ref()));
        if refresh.is_some() || hint.is_some() {
            let store = &self.inner.auth.inner.store;
            store.keep_tokens(&row.session, refresh.as_deref(), hint.as_deref()).await?;
        }
        let claims = async {
            let occasion =
                Occasion { nonce: None, access_token: Some(tokens.access.expose()), subject: Some(&row.subject) };
            let id_token = match &tokens.id {
                Some(token) => Some(peer.id_token(token, occasion).await?),
                None => None,
            };
            gather(peer, &metadata, id_token, &tokens.access, &row.subject).await
        };
        Ok(match claims.await {
            Ok(claims) if claims.is_empty() => Verdict::Silent("it tells no claims at a refresh".to_owned()),
            Ok(claims) => rules::evaluate(&peer.provider.rules, &claims).map_or(Verdict::NotLetIn, Verdict::Stays),
            Err(SignOnError::Unavailable(why)) => Verdict::Silent(why),
            Err(error) => Verdict::Over(error.to_string()),
        })
    }
}
