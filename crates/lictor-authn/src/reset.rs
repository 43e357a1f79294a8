//! How does somebody come in who forgot their password? By a link that an administrator makes: random, used once, soon over.

use lictor_model::key::{EntropyError, random_text};
use lictor_model::{Digest, PrincipalName, Reason, RequestId, Secret};
use lictor_store::ResetLink;

use crate::attempt::Origin;
use crate::authenticator::Authenticator;
use crate::password::policy::{self, PolicyError};
use crate::sign_in::reason_of;

/// 43 characters of base 62 hold 256 bits.
const TOKEN_CHARS: usize = 43;

/// Why a password was not set by a link.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResetError {
    /// The link was used, is over, or never was; or its user is disabled. Nobody is told which.
    #[error("{}", Reason::ResetLinkEnded.advice())]
    Ended,
    /// The password is not good enough; the link is as good as before.
    #[error(transparent)]
    Weak(#[from] PolicyError),
    /// It cannot be looked at now.
    #[error("{}", .0.advice())]
    Refused(Reason),
}

/// A fresh token of a link.
///
/// # Errors
/// [`EntropyError`] when the system has no randomness to give.
pub fn fresh_token() -> Result<Secret, EntropyError> {
    random_text(TOKEN_CHARS).map(Secret::new)
}

/// What the store knows a token by; `None` when we never made such a token.
#[must_use]
pub fn digest(token: &str) -> Option<Digest> {
    let ours = token.len() == TOKEN_CHARS && token.bytes().all(|byte| byte.is_ascii_alphanumeric());
    ours.then(|| Digest::of(token.as_bytes()))
}

impl Authenticator {
    /// Whose password the link sets, while it lasts. Looking does not use it up.
    ///
    /// # Errors
    /// [`ResetError::Ended`], [`ResetError::Refused`].
    pub async fn find_reset_link(&self, token: &str) -> Result<PrincipalName, ResetError> {
        let digest = digest(token).ok_or(ResetError::Ended)?;
        let found = self.inner.store.find_reset_link(&digest).await;
        found.map_err(|error| ResetError::Refused(reason_of(&error)))?.ok_or(ResetError::Ended)
    }

    /// Sets the password that the link is for, which ends the link, the user's sessions, and the wait after failed
    /// sign-ins from here.
    ///
    /// # Errors
    /// [`ResetError`].
    pub async fn reset_password(
        &self,
        token: &str,
        new: &str,
        origin: &Origin,
        request: &RequestId,
    ) -> Result<PrincipalName, ResetError> {
        // Before the work of hashing, which is not for everybody.
        let name = self.find_reset_link(token).await?;
        policy::check(new, name.as_str())?;
        let hash = self.inner.verifier.hash(new).await.map_err(ResetError::Refused)?;
        let digest = digest(token).ok_or(ResetError::Ended)?;
        let link = ResetLink { digest, address: origin.client_ip, request: request.clone() };
        let used = self.inner.store.use_reset_link(&link, &hash).await;
        let name = used.map_err(|error| ResetError::Refused(reason_of(&error)))?.ok_or(ResetError::Ended)?;
        let account = Digest::of(name.as_str().as_bytes());
        self.inner.throttle.forgive(account, origin.client_ip.into());
        self.inner.feed.refresh().await;
        Ok(name)
    }
}

impl Authenticator {
    /// Whose second factors the link takes away, while it lasts. Looking does not use it up.
    ///
    /// # Errors
    /// [`ResetError::Ended`], [`ResetError::Refused`].
    pub async fn find_factor_reset_link(&self, token: &str) -> Result<PrincipalName, ResetError> {
        let digest = digest(token).ok_or(ResetError::Ended)?;
        let found = self.inner.store.find_factor_reset_link(&digest).await;
        found.map_err(|error| ResetError::Refused(reason_of(&error)))?.ok_or(ResetError::Ended)
    }

    /// Takes away the second factors that the link is for, which ends the link and the user's sessions. The password
    /// stays, and is asked for next.
    ///
    /// # Errors
    /// [`ResetError::Ended`], [`ResetError::Refused`].
    pub async fn reset_factors(
        &self,
        token: &str,
        origin: &Origin,
        request: &RequestId,
    ) -> Result<PrincipalName, ResetError> {
        let digest = digest(token).ok_or(ResetError::Ended)?;
        let link = ResetLink { digest, address: origin.client_ip, request: request.clone() };
        let used = self.inner.store.use_factor_reset_link(&link).await;
        let name = used.map_err(|error| ResetError::Refused(reason_of(&error)))?.ok_or(ResetError::Ended)?;
        self.inner.feed.refresh().await;
        Ok(name)
    }
}

#[cfg(test)]
mod tests;
