//! How does somebody sign in with a passkey alone? Without a name: the passkey says whose it is. For those who could come
//! with a password, and nobody else: a passkey is no way around an identity provider.

use lictor_model::{CredentialKind, CredentialRef, FactorKind, Identity, PrincipalId, Reason};
use lictor_store::{SessionRow, Used};
use webauthn_rs::prelude::PublicKeyCredential;

use super::challenge::Purpose;
use super::prove::by;
use super::{Asked, FactorError, Factors};
use crate::attempt::Caller;
use crate::sign_in::SignedIn;

impl Factors {
    /// Asks whoever is there for a passkey.
    ///
    /// # Errors
    /// [`FactorError::NoPasskeysHere`], [`FactorError::Refused`] when it cannot be asked now.
    pub async fn ask_anybody(&self, caller: &Caller) -> Result<Asked, FactorError> {
        let (options, state) = self.site(caller)?.ask_for_any()?;
        Ok(Asked { token: self.ask(Purpose::SignIn, None, state).await?, options })
    }

    /// Whether passkeys can be asked for where this browser is.
    #[must_use]
    pub fn has_passkeys_here(&self, caller: &Caller) -> bool {
        self.site(caller).is_ok()
    }

    /// Signs in whoever's passkey it is, as a fresh session that lacks nothing.
    ///
    /// # Errors
    /// [`FactorError::Over`], [`FactorError::Refused`] for a passkey of nobody, or of somebody who may not come in so.
    pub async fn sign_in_by_passkey(
        &self,
        (token, answer): (&str, &str),
        caller: &Caller,
    ) -> Result<SignedIn, FactorError> {
        let site = self.site(caller)?;
        let state = self.take(&Self::question(Purpose::SignIn, None, token)?).await?;
        let answer = serde_json::from_str::<PublicKeyCredential>(answer).ok();
        let owner = answer.and_then(|answer| Some((site.owner(&answer)?, answer)));
        let Some((owner, answer)) = owner else { return Err(self.refuse(Reason::WrongSecondFactor, "", caller)) };
        let kept = self.passkeys_of(&owner, &site).await?;
        let Some(Used::Passkey { factor, material }) = site.judge_any(kept, &answer, state)? else {
            return Err(self.refuse(Reason::WrongSecondFactor, "", caller));
        };
        let (person, secret, row) = self.admit(&owner, caller)?;
        let (auth, origin) = (&self.inner.auth, caller.as_origin());
        auth.sound_sign_in(&person, &origin, &caller.request).await?;
        let (id, ends) = (row.id.clone(), row.expires_at);
        let begun = auth.inner.store.start_session_by_passkey(&by(&person, caller), row, &factor, material).await?;
        if !begun {
            return Err(self.refuse(Reason::WrongSecondFactor, person.principal.name.as_str(), caller));
        }
        Ok(auth.begun(secret, (&owner, id), ends, &origin).await?)
    }

    /// Who it is, and a session for them that is not in the store yet.
    fn admit(
        &self,
        owner: &PrincipalId,
        caller: &Caller,
    ) -> Result<(Identity, lictor_model::Secret, SessionRow), FactorError> {
        let auth = &self.inner.auth;
        let found = auth.inner.feed.peek(|view| {
            let principal = view.people.user(owner).cloned()?;
            let is_local = view.people.password_of(owner).is_some();
            Ok((principal, is_local))
        });
        let (principal, is_local) = found.map_err(|reason: Reason| self.refuse(reason, "", caller))?;
        let name = principal.name.as_str();
        auth.admit_password(name).map_err(|rejection| self.refuse_with(rejection, caller))?;
        if !is_local {
            return Err(self.refuse(Reason::PasswordsClosed, name, caller));
        }
        let (secret, new) = auth.new_session(owner, &caller.as_origin())?;
        let row = SessionRow { factor: Some(FactorKind::Passkey), ..new };
        let credential = CredentialRef { kind: CredentialKind::Session, id: row.id.clone() };
        Ok((Identity { principal, credential, narrowing: None, viewing: None }, secret, row))
    }
}
