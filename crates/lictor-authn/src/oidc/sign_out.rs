//! How does a session end at the provider's side too? By sending the browser there, or by the provider's own word.

use lictor_model::{CredentialKind, Identity, Reason, RequestId, Timestamp};

use super::callback::purpose;
use super::error::SignOnError;
use super::sign_on::{SignOn, by_provider};
use crate::attempt::Origin;
use crate::sign_in::reason_of;

/// The longest logout token that is read.
const MOST: usize = 16 * 1024;

/// Where a person who signed out here may sign out as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    /// What the provider is called.
    pub label: String,
    /// Its page for that.
    pub location: String,
}

impl SignOn {
    /// Where the provider of a session would sign the person out too (OpenID Connect RP-Initiated Logout 1.0); asked
    /// before the session ends, for its end forgets it. `None` when it began elsewhere, or the provider has no such page.
    pub async fn elsewhere(&self, identity: &Identity, home: &str) -> Option<Elsewhere> {
        if identity.credential.kind != CredentialKind::Session {
            return None;
        }
        let session = &identity.credential.id;
        let row = match self.inner.auth.inner.store.external_session(session).await {
            Ok(row) => row?,
            Err(error) => {
                tracing::warn!(%error, "a sign-out does not know where the sign-in was");
                return None;
            }
        };
        let peer = self.peer(&row.provider).ok().filter(|peer| peer.provider.issuer == row.issuer)?;
        let end_session = peer.metadata().await.ok()?.end_session.clone()?;
        let back = format!("{home}/lictor/sign-in");
        let hint =
            row.id_token.as_deref().and_then(|sealed| self.inner.seal.open(&purpose("hint", session.as_str()), sealed));
        let mut parameters = vec![("client_id", peer.provider.client_id.as_str()), ("post_logout_redirect_uri", &back)];
        parameters.extend(hint.as_deref().map(|hint| ("id_token_hint", hint)));
        Some(Elsewhere { label: peer.provider.label.clone(), location: end_session.with(&parameters) })
    }

    /// Ends the sessions that a provider's logout token means, and the open sockets of their person; answers how many
    /// sessions.
    ///
    /// # Errors
    /// [`SignOnError`]: a token that is not believed, was used before, or cannot be judged now, ends nothing.
    pub async fn end_by_provider(
        &self,
        provider: &str,
        token: &str,
        origin: &Origin,
        request: &RequestId,
    ) -> Result<usize, SignOnError> {
        let peer = self.peer(provider)?;
        if token.len() > MOST {
            return Err(SignOnError::Answer("a logout token that is too long"));
        }
        let logout = peer.logout_token(token).await?;
        let inner = &self.inner.auth.inner;
        let id = format!(
            "logout {}",
            lictor_model::Digest::of(format!("{}\n{}", peer.provider.issuer, logout.id).as_bytes()).to_hex()
        );
        let until = Timestamp::from_micros(logout.until.saturating_mul(1_000_000));
        let ours = |error: lictor_store::StoreError| SignOnError::Ours(reason_of(&error));
        if !inner.store.spend(&id, until).await.map_err(ours)? {
            return Err(SignOnError::Answer("a logout token that was used before"));
        }
        let by = by_provider(provider, Some(origin), Some(request));
        let (subject, session) = (logout.subject.as_deref(), logout.session.as_deref());
        let ended =
            inner.store.end_external_sessions(&by, &peer.provider.issuer, subject, session).await.map_err(ours)?;
        if !inner.feed.refresh().await {
            // Other replicas poll; this one will, too.
            return Err(SignOnError::Ours(Reason::StoreUnavailable));
        }
        Ok(ended)
    }
}
