//! What comes after a password? Codes of an app, passkeys, recovery codes: enrolled, asked for, and asked for again before
//! sensitive changes.
//!
//! A session that lacks the factor that its person has or must have is *half*: [`crate::Authenticator::identify`] rejects
//! it, so it is nobody everywhere but here, where [`Factors::half`] tells whose it is so that the factor can be given.

mod challenge;
mod enrol;
mod error;
mod passkey_sign_in;
mod passkeys;
mod prove;
mod recovery;
mod totp;

use std::sync::Arc;
use std::time::Duration;

use lictor_model::{CredentialKind, Identity, Reason, Secret};

use crate::attempt::{Caller, Rejection};
use crate::authenticator::Authenticator;
use crate::seal::{Seal, SealError};

pub use challenge::Asked;
pub use enrol::{Enrolled, Offer};
pub use error::FactorError;

/// How long a half session waits for its factor.
pub const HALF_SECONDS: i64 = 15 * 60;

/// What may be set about second factors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// How long ago somebody may have proved who they are, for a sensitive change.
    pub confirmed_for: Duration,
    /// The domain that passkeys are for, where that is wider than the host: one passkey for several workspaces' hosts.
    pub passkey_domain: Option<String>,
}

impl Default for Terms {
    fn default() -> Self {
        Self { confirmed_for: Duration::from_secs(15 * 60), passkey_domain: None }
    }
}

/// Looks after second factors. Clones share everything.
#[derive(Clone)]
pub struct Factors {
    inner: Arc<Inner>,
}

struct Inner {
    auth: Authenticator,
    seal: Seal,
    terms: Terms,
}

impl Factors {
    /// Begins. `secret` seals what codes are made of; it must be the same on every replica, and stay.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn start(auth: Authenticator, secret: &Secret, terms: Terms) -> Result<Self, SealError> {
        let seal = Seal::new("codes", secret)?;
        Ok(Self { inner: Arc::new(Inner { auth, seal, terms }) })
    }

    /// Whose half session it is that was rejected for want of its second factor.
    #[must_use]
    pub fn half(&self, rejection: &Rejection) -> Option<Identity> {
        let credential = rejection.credential.as_ref().filter(|used| used.kind == CredentialKind::Session)?;
        if rejection.reason != Reason::SecondFactorRequired {
            return None;
        }
        self.inner.auth.inner.feed.peek(|view| {
            let session = view.sessions.find_by_id(&credential.id)?;
            view.people.user(&session.principal).ok().map(|principal| session.identity(principal))
        })
    }

    /// Whether a session's person proved who they are a short while ago. Other credentials are proof with each use.
    #[must_use]
    pub fn is_confirmed(&self, identity: &Identity) -> bool {
        if identity.credential.kind != CredentialKind::Session {
            return true;
        }
        let (auth, now) = (&self.inner.auth.inner, self.inner.auth.inner.clock.now());
        let proved_at = auth.feed.peek(|view| Some(view.sessions.find_by_id(&identity.credential.id)?.proved_at));
        let seconds = i64::try_from(self.inner.terms.confirmed_for.as_secs()).unwrap_or(i64::MAX);
        proved_at.is_some_and(|at| now.seconds_since(at) < seconds)
    }

    /// Says on record that a factor was not accepted.
    fn refuse(&self, reason: Reason, name: &str, caller: &Caller) -> FactorError {
        self.refuse_with(Rejection::of(reason, name), caller)
    }

    fn refuse_with(&self, rejection: Rejection, caller: &Caller) -> FactorError {
        self.inner.auth.audit_refusal(&rejection, &caller.as_origin(), &caller.request);
        FactorError::Refused(rejection)
    }
}

#[cfg(test)]
mod tests;
