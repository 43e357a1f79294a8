//! Is it they? A code, a recovery code, a passkey, or the password of those who have nothing else; then the session's cookie
//! changes, so that whoever had the old one has nothing.

use lictor_model::{ClientAddress, Digest, FactorKind, Identity, Reason, Secret};
use lictor_store::{By, NewCookie, Used};

use super::challenge::Purpose;
use super::{Asked, FactorError, Factors, recovery, totp};
use crate::attempt::{Caller, Rejection};
use crate::session;
use crate::sign_in::SignedIn;
use crate::throttle::MustWait;

/// More than any code is long.
const LONGEST: usize = 64;

impl Factors {
    /// Proves a session, half or whole, by a code of an app or by a recovery code.
    ///
    /// # Errors
    /// [`FactorError::Refused`] for a code that is wrong, was used, or must wait.
    pub async fn prove_by_code(
        &self,
        person: &Identity,
        typed: &str,
        caller: &Caller,
    ) -> Result<SignedIn, FactorError> {
        let (name, auth) = (person.principal.name.as_str(), &self.inner.auth.inner);
        let (account, source) = (Digest::of(name.as_bytes()), ClientAddress::from(caller.client_ip));
        auth.throttle.begin_code(account, source).map_err(|MustWait(seconds)| {
            let rejection = Rejection::of(Reason::TooManyFailures, name);
            self.refuse_with(Rejection { retry_after: Some(seconds), ..rejection }, caller)
        })?;
        let proved = match self.judge(person, typed).await {
            Ok(Some(used)) => self.prove(person, &used, caller).await,
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        match proved {
            Ok(Some(signed_in)) => {
                auth.throttle.code_succeeded(account, source);
                Ok(signed_in)
            }
            Ok(None) => {
                auth.throttle.code_failed(name, account, source);
                Err(self.refuse(Reason::WrongSecondFactor, name, caller))
            }
            Err(error) => {
                auth.throttle.code_not_judged(account, source);
                Err(error)
            }
        }
    }

    /// Proves a session by the password, where there is nothing better to prove it by.
    ///
    /// # Errors
    /// [`FactorError::Refused`] for a wrong password, and for whoever has a second factor.
    pub async fn prove_by_password(
        &self,
        person: &Identity,
        password: &str,
        caller: &Caller,
    ) -> Result<SignedIn, FactorError> {
        let (auth, name) = (&self.inner.auth, person.principal.name.as_str());
        if auth.view().has_factor(&person.principal.id) {
            return Err(self.refuse(Reason::SecondFactorRequired, name, caller));
        }
        let checked = auth.check_password(name, password, &caller.as_origin()).await;
        let same = checked.map_err(|rejection| self.refuse_with(rejection, caller))?;
        if same.principal.id != person.principal.id {
            return Err(self.refuse(Reason::InvalidCredentials, name, caller));
        }
        self.prove(person, &Used::Password, caller).await?.ok_or_else(|| Reason::InternalError.into())
    }

    /// Asks for one of the person's passkeys; `None` when none of them is for here.
    ///
    /// # Errors
    /// [`FactorError::Refused`] when it cannot be asked now.
    pub async fn ask_for_passkey(&self, person: &Identity, caller: &Caller) -> Result<Option<Asked>, FactorError> {
        let Ok(site) = self.site(caller) else { return Ok(None) };
        let kept = self.passkeys_of(&person.principal.id, &site).await?;
        if kept.is_empty() {
            return Ok(None);
        }
        let (options, state) = site.ask_for_one_of(&kept)?;
        let token = self.ask(Purpose::Prove, Some(person), state).await?;
        Ok(Some(Asked { token, options }))
    }

    /// Proves a session by a passkey.
    ///
    /// # Errors
    /// [`FactorError::Over`], [`FactorError::Refused`] when it is not one of the person's.
    pub async fn prove_by_passkey(
        &self,
        person: &Identity,
        (token, answer): (&str, &str),
        caller: &Caller,
    ) -> Result<SignedIn, FactorError> {
        let site = self.site(caller)?;
        let state = self.take(&Self::question(Purpose::Prove, Some(person), token)?).await?;
        let kept = self.passkeys_of(&person.principal.id, &site).await?;
        let wrong = || self.refuse(Reason::WrongSecondFactor, person.principal.name.as_str(), caller);
        let used = site.judge_one_of(kept, answer, &state)?.ok_or_else(wrong)?;
        self.prove(person, &used, caller).await?.ok_or_else(wrong)
    }

    /// What the code proves, if anything.
    async fn judge(&self, person: &Identity, typed: &str) -> Result<Option<Used>, FactorError> {
        if typed.len() > LONGEST {
            return Ok(None);
        }
        if let Some(digest) = recovery::digest(typed) {
            return Ok(Some(Used::RecoveryCode(digest)));
        }
        let code: String = typed.chars().filter(|c| !c.is_whitespace()).collect();
        let auth = &self.inner.auth.inner;
        let factors = auth.store.factors_of(&person.principal.id).await?;
        for factor in factors.all.into_iter().filter(|factor| factor.kind == FactorKind::Totp) {
            let Some(secret) = self.inner.seal.open(&super::enrol::purpose(&factor.id), &factor.material) else {
                tracing::error!(factor = %factor.id, "the secret of a code cannot be opened: was sign_in.seal_key_file changed?");
                continue;
            };
            if let Some(step) = totp::check(&Secret::new(secret), &code, auth.clock.now()) {
                return Ok(Some(Used::Totp { factor: factor.id, step }));
            }
        }
        Ok(None)
    }

    /// Uses up what proves the session, and gives it another cookie; `None` when it does not count any more.
    async fn prove(&self, person: &Identity, used: &Used, caller: &Caller) -> Result<Option<SignedIn>, FactorError> {
        let store = &self.inner.auth.inner.store;
        let (secret, cookie) = Self::new_cookie(person)?;
        let proved = store.prove_session(&by(person, caller), &person.principal.id, &cookie, used).await?;
        if proved { self.renewed(person, secret, caller).await.map(Some) } else { Ok(None) }
    }

    /// Another cookie for a session.
    pub(super) fn new_cookie(person: &Identity) -> Result<(Secret, NewCookie), FactorError> {
        let secret = session::fresh_secret()?;
        let digest = session::digest(secret.expose()).ok_or(Reason::InternalError)?;
        Ok((secret, NewCookie { session: person.credential.id.clone(), digest }))
    }

    /// What the browser is told of its session's other cookie.
    pub(super) async fn renewed(
        &self,
        person: &Identity,
        secret: Secret,
        caller: &Caller,
    ) -> Result<SignedIn, FactorError> {
        let (auth, id) = (&self.inner.auth, person.credential.id.clone());
        let ends = auth.inner.feed.peek(|view| Some(view.sessions.find_by_id(&id)?.expires_at));
        let ends = ends.ok_or(Reason::SessionEnded)?;
        Ok(auth.begun(secret, (&person.principal.id, id), ends, &caller.as_origin()).await?)
    }
}

/// The person as the author of a change.
pub(super) fn by(person: &Identity, caller: &Caller) -> By {
    By::caller(person, caller.client_ip.to_string(), Some(caller.request.clone()))
}
