//! Which question is this the answer to? A random token names it; the store of all replicas holds what judges the answer.

use lictor_model::{CredentialId, Identity, Reason, Secret};
use lictor_store::{ChallengeRef, NewChallenge};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{FactorError, Factors};
use crate::reset;

/// How long an answer is waited for.
const SECONDS: i64 = 10 * 60;

/// What is asked; an answer to one thing is none to another.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    /// The first code of an app.
    NewTotp,
    /// A new passkey.
    NewPasskey,
    /// A passkey of somebody known.
    Prove,
    /// A passkey of whoever has one.
    SignIn,
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::NewTotp => "new-totp",
            Self::NewPasskey => "new-passkey",
            Self::Prove => "prove",
            Self::SignIn => "sign-in",
        }
    }
}

/// A question to a browser.
#[derive(Debug)]
pub struct Asked {
    /// What the answer must bring along.
    pub token: Secret,
    /// What the browser's own interface for passkeys is asked, as JSON.
    pub options: String,
}

impl Factors {
    /// Keeps a question, of this person's session or of nobody's; answers its token.
    pub(super) async fn ask(
        &self,
        purpose: Purpose,
        person: Option<&Identity>,
        state: String,
    ) -> Result<Secret, FactorError> {
        let auth = &self.inner.auth.inner;
        let token = reset::fresh_token()?;
        let new = NewChallenge {
            digest: reset::digest(token.expose()).ok_or(Reason::InternalError)?,
            purpose: purpose.as_str(),
            session: person.map(session),
            state,
            expires_at: auth.clock.now().plus_seconds(SECONDS),
        };
        if auth.store.add_challenge(&new).await? { Ok(token) } else { Err(Reason::TooBusy.into()) }
    }

    /// The question of a token.
    pub(super) fn question(
        purpose: Purpose,
        person: Option<&Identity>,
        token: &str,
    ) -> Result<ChallengeRef, FactorError> {
        let digest = reset::digest(token).ok_or(FactorError::Over)?;
        Ok(ChallengeRef { digest, purpose: purpose.as_str(), session: person.map(session) })
    }

    /// Uses a question up; answers what judges the answer.
    pub(super) async fn take<T: DeserializeOwned>(&self, of: &ChallengeRef) -> Result<T, FactorError> {
        let state = self.inner.auth.inner.store.take_challenge(of).await?.ok_or(FactorError::Over)?;
        read(&state)
    }
}

fn session(person: &Identity) -> CredentialId {
    person.credential.id.clone()
}

/// What goes to the store.
pub(super) fn write(value: &impl Serialize) -> Result<String, FactorError> {
    serde_json::to_string(value).map_err(|error| {
        tracing::error!(%error, "a passkey's state cannot be written");
        Reason::InternalError.into()
    })
}

/// What comes from the store.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, FactorError> {
    serde_json::from_str(text).map_err(|error| {
        tracing::error!(%error, "a passkey's state cannot be read");
        Reason::InternalError.into()
    })
}
