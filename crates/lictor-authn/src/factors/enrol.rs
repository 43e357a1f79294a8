//! How does somebody come by a second factor? It is shown to work before it counts; the first brings recovery codes along.

use lictor_model::{CredentialId, FactorKind, Identity, Reason, Secret};
use lictor_store::{ChallengeRef, NewFactor};

use super::challenge::Purpose;
use super::prove::by;
use super::{Asked, FactorError, Factors, recovery, totp};
use crate::attempt::Caller;
use crate::sign_in::SignedIn;

/// The longest label.
const LABEL_CHARS: usize = 64;

/// A secret for an authenticator app, which counts once a code of it was given.
#[derive(Debug)]
pub struct Offer {
    /// What the code must bring along.
    pub token: Secret,
    /// The secret as people type it.
    pub secret: Secret,
    /// The secret as a QR code says it.
    pub uri: Secret,
}

/// A factor that was added.
#[derive(Debug)]
pub struct Enrolled {
    /// The session's other cookie.
    pub signed_in: SignedIn,
    /// Recovery codes to be shown now and never again; empty for somebody who has some.
    pub codes: Vec<Secret>,
}

impl Factors {
    /// Offers a secret for an app.
    ///
    /// # Errors
    /// [`FactorError::Refused`] when it cannot be offered now.
    pub async fn offer_totp(&self, person: &Identity, caller: &Caller) -> Result<Offer, FactorError> {
        let secret = totp::fresh_secret().map_err(no_randomness)?;
        let sealed = self.inner.seal.close(&offered(person), secret.expose())?;
        let token = self.ask(Purpose::NewTotp, Some(person), sealed).await?;
        Ok(offer(person, caller, token, secret))
    }

    /// The same offer again, after a wrong code.
    ///
    /// # Errors
    /// [`FactorError::Over`].
    pub async fn offered_totp(&self, person: &Identity, token: &str, caller: &Caller) -> Result<Offer, FactorError> {
        let (secret, _) = self.open_offer(person, token).await?;
        Ok(offer(person, caller, Secret::new(token), secret))
    }

    /// Adds the app whose secret was offered, by its first code.
    ///
    /// # Errors
    /// [`FactorError::Refused`] for a wrong code, after which the offer stands; [`FactorError::Over`].
    pub async fn add_totp(
        &self,
        person: &Identity,
        (token, code): (&str, &str),
        label: &str,
        caller: &Caller,
    ) -> Result<Enrolled, FactorError> {
        let (secret, question) = self.open_offer(person, token).await?;
        let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        let step = totp::check(&secret, &code, self.inner.auth.inner.clock.now()).ok_or(Reason::WrongSecondFactor)?;
        let id = CredentialId::fresh();
        let new = NewFactor {
            material: self.inner.seal.close(&purpose(&id), secret.expose())?,
            id,
            kind: FactorKind::Totp,
            label: labelled(label, "Authenticator app"),
            handle: None,
            last_step: step,
            recovery_codes: Vec::new(),
        };
        self.add(person, new, Some(&question), caller).await
    }

    /// Asks the browser for a new passkey.
    ///
    /// # Errors
    /// [`FactorError::NoPasskeysHere`], [`FactorError::Refused`] when it cannot be asked now.
    pub async fn ask_for_new_passkey(&self, person: &Identity, caller: &Caller) -> Result<Asked, FactorError> {
        let site = self.site(caller)?;
        let kept = self.passkeys_of(&person.principal.id, &site).await?;
        let (options, state) = site.ask_for_a_new_one(&person.principal, &kept)?;
        Ok(Asked { token: self.ask(Purpose::NewPasskey, Some(person), state).await?, options })
    }

    /// Adds the passkey that the browser made.
    ///
    /// # Errors
    /// [`FactorError::Over`], [`FactorError::Taken`], [`FactorError::Refused`] for an answer that is none.
    pub async fn add_passkey(
        &self,
        person: &Identity,
        (token, answer): (&str, &str),
        label: &str,
        caller: &Caller,
    ) -> Result<Enrolled, FactorError> {
        let site = self.site(caller)?;
        let state = self.take(&Self::question(Purpose::NewPasskey, Some(person), token)?).await?;
        let made = site.judge_a_new_one(answer, &state)?;
        let Some((material, handle)) = made else {
            return Err(self.refuse(Reason::WrongSecondFactor, person.principal.name.as_str(), caller));
        };
        let new = NewFactor {
            id: CredentialId::fresh(),
            kind: FactorKind::Passkey,
            label: labelled(label, "Passkey"),
            material,
            handle: Some(handle),
            last_step: 0,
            recovery_codes: Vec::new(),
        };
        self.add(person, new, None, caller).await
    }

    /// Gives the person other recovery codes, to be shown now and never again.
    ///
    /// # Errors
    /// [`FactorError::Refused`] when it cannot be done now, or they have no factor that the codes could stand in for.
    pub async fn new_recovery_codes(&self, person: &Identity, caller: &Caller) -> Result<Vec<Secret>, FactorError> {
        let codes = recovery::fresh().map_err(no_randomness)?;
        let digests: Vec<_> = codes.iter().filter_map(|code| recovery::digest(code.expose())).collect();
        let store = &self.inner.auth.inner.store;
        let replaced = store.replace_recovery_codes(&by(person, caller), &person.principal.id, &digests).await?;
        if replaced { Ok(codes) } else { Err(Reason::NotFound.into()) }
    }

    /// Removes a factor of the person's; false when they have no such.
    ///
    /// # Errors
    /// [`FactorError::LastOne`].
    pub async fn remove(&self, person: &Identity, id: &CredentialId, caller: &Caller) -> Result<bool, FactorError> {
        let auth = &self.inner.auth.inner;
        let removed = auth.store.remove_factor(&by(person, caller), &person.principal.id, id).await?;
        auth.feed.refresh().await;
        Ok(removed)
    }

    async fn add(
        &self,
        person: &Identity,
        new: NewFactor,
        question: Option<&ChallengeRef>,
        caller: &Caller,
    ) -> Result<Enrolled, FactorError> {
        let codes = recovery::fresh().map_err(no_randomness)?;
        let recovery_codes = codes.iter().filter_map(|code| recovery::digest(code.expose())).collect();
        let new = NewFactor { recovery_codes, ..new };
        let (secret, cookie) = Self::new_cookie(person)?;
        let store = &self.inner.auth.inner.store;
        let added = store.add_factor(&by(person, caller), &person.principal.id, &new, (question, &cookie)).await?;
        let codes_taken = added.ok_or(FactorError::Over)?;
        let signed_in = self.renewed(person, secret, caller).await?;
        Ok(Enrolled { signed_in, codes: if codes_taken { codes } else { Vec::new() } })
    }

    async fn open_offer(&self, person: &Identity, token: &str) -> Result<(Secret, ChallengeRef), FactorError> {
        let question = Self::question(Purpose::NewTotp, Some(person), token)?;
        let found = self.inner.auth.inner.store.find_challenge(&question).await?.ok_or(FactorError::Over)?;
        let secret = self.inner.seal.open(&offered(person), &found).ok_or(FactorError::Over)?;
        Ok((Secret::new(secret), question))
    }
}

/// What a factor's secret is sealed for: no other factor.
pub(super) fn purpose(id: &CredentialId) -> String {
    format!("code {id}")
}

/// What an offered secret is sealed for: nobody else.
fn offered(person: &Identity) -> String {
    format!("offer to {}", person.principal.id)
}

fn offer(person: &Identity, caller: &Caller, token: Secret, secret: Secret) -> Offer {
    let host = caller.origin.split_once("://").map_or(caller.origin.as_str(), |(_, host)| host);
    let uri = totp::uri(&secret, host, person.principal.name.as_str());
    Offer { token, secret, uri }
}

fn labelled(typed: &str, otherwise: &str) -> String {
    let label: String = typed.trim().chars().filter(|c| !c.is_control()).take(LABEL_CHARS).collect();
    if label.is_empty() { otherwise.to_owned() } else { label }
}

fn no_randomness(error: getrandom::Error) -> FactorError {
    tracing::error!(%error, "a second factor cannot be made");
    Reason::InternalError.into()
}
