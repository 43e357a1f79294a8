//! How does a browser come and go? Sign-in, sign-out and the change of a password.

use lictor_model::{
    CredentialId, CredentialKind, CredentialRef, Digest, FactorKind, Identity, Principal, PrincipalId, Reason,
    RequestId, Secret, Timestamp,
};
use lictor_store::{By, SessionRow, StoreError};

use crate::attempt::{Origin, Rejection};
use crate::authenticator::Authenticator;
use crate::password::policy::{self, PolicyError};
use crate::session;

/// The longest user agent that is kept.
const USER_AGENT_CHARS: usize = 256;

/// A browser that has just signed in.
#[derive(Debug)]
pub struct SignedIn {
    /// The name of the cookie to set.
    pub cookie_name: &'static str,
    /// Its value. `HttpOnly; SameSite=Lax; Path=/`, and `Secure` when it came over TLS.
    pub cookie_value: Secret,
    /// Who, by the new session.
    pub identity: Identity,
    /// Whether the password must be changed before anything else.
    pub must_change: bool,
    /// Whether the session is good for nothing yet but giving the second factor, or making the first one.
    pub is_half: bool,
    /// When the session ends, used or not.
    pub expires_at: Timestamp,
}

/// Why a password was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordChangeError {
    /// The old password is wrong, or cannot be looked at now.
    #[error("{}", .0.reason.advice())]
    Refused(Rejection),
    /// The new one is not good enough.
    #[error(transparent)]
    Weak(#[from] PolicyError),
    /// The new one is the old one.
    #[error("the new password is the old one: choose another")]
    Unchanged,
}

impl From<Reason> for PasswordChangeError {
    fn from(reason: Reason) -> Self {
        Self::Refused(reason.into())
    }
}

impl Authenticator {
    /// Signs a browser in with a name and a password, as a fresh session whatever cookie it came with. A refusal is
    /// recorded here.
    ///
    /// # Errors
    /// Why not: [`Reason::InvalidCredentials`] for an unknown, disabled or passwordless name as for a wrong password.
    pub async fn sign_in(
        &self,
        name: &str,
        password: &str,
        origin: &Origin,
        request: &RequestId,
    ) -> Result<SignedIn, Rejection> {
        let checked = self.check_password(name, password, origin).await;
        let identity = checked.inspect_err(|rejection| self.audit_refusal(rejection, origin, request))?;
        self.sound_sign_in(&identity, origin, request).await?;
        let by = By::caller(&identity, origin.client_ip.to_string(), Some(request.clone()));
        Ok(self.begin_session(&by, &identity.principal, (None, origin)).await?)
    }

    /// Ends the session that the identity rests on; another credential has no session to end.
    ///
    /// # Errors
    /// [`Reason::StoreUnavailable`] when it cannot be ended now.
    pub async fn sign_out(&self, identity: &Identity, origin: &Origin, request: &RequestId) -> Result<(), Reason> {
        if identity.credential.kind != CredentialKind::Session {
            return Ok(());
        }
        let by = By::caller(identity, origin.client_ip.to_string(), Some(request.clone()));
        self.inner.store.end_session(&by, &identity.credential.id).await.map_err(|error| reason_of(&error))?;
        self.inner.feed.refresh().await;
        Ok(())
    }

    /// Changes the caller's own password and ends its other sessions. A caller with a session gets a fresh one in its
    /// stead, whose cookie must be set.
    ///
    /// # Errors
    /// [`PasswordChangeError`].
    pub async fn change_password(
        &self,
        identity: &Identity,
        old: &str,
        new: &str,
        origin: &Origin,
        request: &RequestId,
    ) -> Result<Option<SignedIn>, PasswordChangeError> {
        let name = &identity.principal.name;
        // Whoever guesses at the account from elsewhere must not keep its holder from changing the password.
        let account = Digest::of(name.as_str().as_bytes());
        self.inner.throttle.vouch(account, origin.client_ip.into());
        let proved = self.check_password(name.as_str(), old, origin).await.and_then(|proved| {
            // The name may have been given to somebody else since.
            let same = proved.principal.id == identity.principal.id;
            if same { Ok(()) } else { Err(Rejection::of(Reason::InvalidCredentials, name.as_str())) }
        });
        proved.map_err(|rejection| {
            self.audit_refusal(&rejection, origin, request);
            PasswordChangeError::Refused(rejection)
        })?;
        if old == new {
            return Err(PasswordChangeError::Unchanged);
        }
        policy::check(new, name.as_str())?;
        let hash = self.inner.verifier.hash(new).await?;
        let by = By::caller(identity, origin.client_ip.to_string(), Some(request.clone()));
        let set = self.inner.store.set_password(&by, name, hash, false).await;
        set.map_err(|error| reason_of(&error))?;
        let fresh = if identity.credential.kind == CredentialKind::Session {
            // The second factor was given in the session that this one follows.
            let factor = self.inner.feed.peek(|view| view.sessions.find_by_id(&identity.credential.id)?.factor);
            let fresh = self.begin_session(&by, &identity.principal, (factor, origin)).await?;
            self.sign_out(identity, origin, request).await?;
            Some(fresh)
        } else {
            self.inner.feed.refresh().await;
            None
        };
        Ok(fresh)
    }

    async fn begin_session(
        &self,
        by: &By,
        principal: &Principal,
        (factor, origin): (Option<FactorKind>, &Origin),
    ) -> Result<SignedIn, Reason> {
        let (secret, new) = self.new_session(&principal.id, origin)?;
        let row = SessionRow { factor, ..new };
        let (id, expires_at) = (row.id.clone(), row.expires_at);
        self.inner.store.start_session(by, row).await.map_err(|error| reason_of(&error))?;
        self.begun(secret, (&principal.id, id), expires_at, origin).await
    }

    /// A session that is not in the store yet, and its secret.
    pub(crate) fn new_session(&self, principal: &PrincipalId, origin: &Origin) -> Result<(Secret, SessionRow), Reason> {
        let inner = &self.inner;
        let secret = session::fresh_secret().map_err(|error| {
            tracing::error!(%error, "no session can begin");
            Reason::InternalError
        })?;
        let digest = session::digest(secret.expose()).ok_or(Reason::InternalError)?;
        let now = inner.clock.now();
        let row = SessionRow {
            id: CredentialId::fresh(),
            principal: principal.clone(),
            digest,
            created_at: now,
            last_seen_at: now,
            expires_at: now.plus_seconds(inner.session_absolute),
            client_ip: origin.client_ip.to_string(),
            user_agent: origin.user_agent.chars().take(USER_AGENT_CHARS).collect(),
            proved_at: now,
            factor: None,
            viewing: None,
        };
        Ok((secret, row))
    }

    /// What a browser is told of a session that is in the store now.
    pub(crate) async fn begun(
        &self,
        cookie_value: Secret,
        (principal, id): (&PrincipalId, CredentialId),
        expires_at: Timestamp,
        origin: &Origin,
    ) -> Result<SignedIn, Reason> {
        // Before the cookie is out, so that its first request finds the session; another replica looks for itself.
        self.inner.feed.refresh().await;
        Ok(SignedIn {
            cookie_name: session::cookie_name(origin.secure),
            cookie_value,
            must_change: self.view().must_change_password(principal),
            is_half: self.inner.feed.peek(|view| view.sessions.find_by_id(&id).is_none_or(|one| view.is_half(one))),
            expires_at,
            identity: self.of_session(principal, id)?,
        })
    }

    fn of_session(&self, principal: &PrincipalId, id: CredentialId) -> Result<Identity, Reason> {
        let credential = CredentialRef { kind: CredentialKind::Session, id };
        self.inner.feed.peek(|view| {
            Ok(Identity { principal: view.people.user(principal)?.clone(), credential, narrowing: None, viewing: None })
        })
    }
}

/// The store's trouble as a reason.
pub(crate) fn reason_of(error: &StoreError) -> Reason {
    match error {
        error if error.is_unavailable() => Reason::StoreUnavailable,
        StoreError::NotFound { .. } => Reason::InvalidCredentials,
        error => {
            tracing::error!(%error, "the store refused a sign-in, a sign-out or a new password");
            Reason::InternalError
        }
    }
}

#[cfg(test)]
mod tests;
