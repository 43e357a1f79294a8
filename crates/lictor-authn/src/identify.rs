//! Whose are these credentials? The schemes in order, without falling from one to the next.

use http::HeaderMap;
use lictor_model::{ApiKey, CredentialKind, Identity, PrincipalId, Reason, Timestamp};

use crate::attempt::{Attempt, Origin, Rejection};
use crate::authenticator::{Authenticator, Inner};
use crate::claim::{self, Claim};
use crate::feed::Depth;
use crate::presented::{Authorization, Presented};
use crate::view::{Key, Session, View};
use crate::{basic, bearer, factors, session};

impl Authenticator {
    /// Identifies the caller of a request by its headers. Keys, sessions and remembered passwords cost no I/O.
    pub async fn identify(&self, headers: &HeaderMap, origin: &Origin) -> Attempt {
        let presented = match Presented::read(headers, origin.secure) {
            Ok(presented) => presented,
            Err(reason) => return Attempt::Rejected(reason.into()),
        };
        match (presented.session, presented.authorization) {
            (None, None) => Attempt::NotPresented,
            // Prefect's UI keeps sending a password it once stored: beside a session it counts for nothing, neither as
            // a second credential nor as a way in when the session has ended.
            (Some(value), None | Some(Authorization::Basic(_))) => self.identify_session(value).await.into(),
            (Some(value), Some(Authorization::Bearer(token))) => self.identify_both(value, token, origin).await.into(),
            (Some(_), Some(Authorization::Unreadable)) => Attempt::Rejected(Reason::TwoCredentials.into()),
            (None, Some(Authorization::Basic(token))) => match basic::decode(token) {
                Ok(text) => self.identify_text(&text, origin).await.into(),
                Err(reason) => Attempt::Rejected(reason.into()),
            },
            (None, Some(Authorization::Bearer(token))) => self.identify_claim(bearer::read(token), origin).await.into(),
            (None, Some(Authorization::Unreadable)) => Attempt::Rejected(Reason::MalformedCredential.into()),
        }
    }

    /// Identifies the caller of a websocket by its first frame's token: `KEY`, `name:KEY` or `name:password`.
    pub async fn identify_token(&self, token: &str, origin: &Origin) -> Attempt {
        self.identify_text(token, origin).await.into()
    }

    /// Whether what proved the identity still does: asked at each change of the view and, since keys and sessions also
    /// end by themselves, now and then.
    ///
    /// # Errors
    /// Why it does not. [`Reason::StoreUnavailable`] says nothing about the credential: the store has been away too long.
    pub fn recheck(&self, identity: &Identity) -> Result<(), Reason> {
        let (inner, now) = (&self.inner, self.inner.clock.now());
        if inner.feed.is_lost() {
            return Err(Reason::StoreUnavailable);
        }
        let id = &identity.credential.id;
        inner.feed.peek(|view| match identity.credential.kind {
            CredentialKind::Key => {
                let key = view.people.key_by_id(id).ok_or(Reason::UnknownKey)?;
                key.is_good(now)?;
                inner.tokens.trusts_issuer_of(key)
            }
            CredentialKind::Session => {
                let session = view.sessions.find_by_id(id).ok_or(Reason::SessionEnded)?;
                view.people.user(&session.principal)?;
                if view.is_half(session) {
                    return Err(Reason::SecondFactorRequired);
                }
                // What was begun with other eyes does not go on with these.
                let sees_otherwise = session.viewing.as_ref() != identity.viewing.as_ref().map(|viewed| &viewed.id);
                let ended = sees_otherwise || session.has_expired(now) || session.is_idle(now, inner.session_idle);
                if ended { Err(Reason::SessionEnded) } else { Ok(()) }
            }
            CredentialKind::Password => {
                // A changed password has another id.
                let current = view.people.password_of(&identity.principal.id).filter(|one| one.row.id == *id);
                let password = current.ok_or(Reason::InvalidCredentials)?;
                if password.principal.disabled {
                    return Err(Reason::PrincipalDisabled);
                }
                self.admit_alone(view, &password.principal.id)
            }
            // The connection that bears it holds it to the terms of TLS; what the store says is whether its principal may be.
            CredentialKind::Certificate => match view.principal(&identity.principal.id) {
                None => Err(Reason::UnknownCertificate),
                Some(principal) if principal.disabled => Err(Reason::PrincipalDisabled),
                Some(_) => Ok(()),
            },
            CredentialKind::Token => self.recheck_token(identity),
            CredentialKind::ResetLink | CredentialKind::Console => Err(Reason::AuthenticationRequired),
        })
    }

    /// A key beside a session must be of the same principal; the key then counts, since no browser sends it unasked.
    async fn identify_both(&self, session: &str, token: &str, origin: &Origin) -> Result<Identity, Rejection> {
        let signed_in = self.identify_session(session).await?;
        let keyed = self.identify_claim(bearer::read(token), origin).await?;
        if keyed.principal.id == signed_in.principal.id { Ok(keyed) } else { Err(Reason::TwoCredentials.into()) }
    }

    async fn identify_text(&self, text: &str, origin: &Origin) -> Result<Identity, Rejection> {
        self.identify_claim(claim::read(text), origin).await
    }

    async fn identify_claim(&self, claim: Result<Claim<'_>, Reason>, origin: &Origin) -> Result<Identity, Rejection> {
        match claim? {
            Claim::Key(key) => self.identify_key(None, &key, origin).await,
            Claim::NamedKey { name, key } => self.identify_key(Some(&name), &key, origin).await,
            Claim::Token(token) => self.identify_foreign(None, token, origin).await,
            Claim::NamedToken { name, token } => self.identify_foreign(Some(&name), token, origin).await,
            Claim::Password { name, password } => {
                let identity = self.check_password(name, password, origin).await?;
                let alone = self.inner.feed.peek(|view| self.admit_alone(view, &identity.principal.id));
                alone.map_err(|reason| Rejection::of(reason, name))?;
                self.sound_request(&identity, origin);
                Ok(identity)
            }
        }
    }

    /// A program's password is one factor: it is no way around the second one that a browser must give.
    fn admit_alone(&self, view: &View, principal: &PrincipalId) -> Result<(), Reason> {
        let is_enough = self.inner.password_alone || !view.needs_factor(principal);
        if is_enough { Ok(()) } else { Err(Reason::SecondFactorRequired) }
    }

    async fn identify_key(&self, named: Option<&str>, key: &ApiKey, origin: &Origin) -> Result<Identity, Rejection> {
        let (inner, digest) = (&self.inner, key.digest());
        let look = || inner.feed.peek(|view| view.people.key(&digest).map(|key| inner.judge_key(key, named, origin)));
        let rejected = |reason| Rejection::of(reason, named.unwrap_or_default());
        if inner.feed.is_lost() {
            return Err(rejected(Reason::StoreUnavailable));
        }
        if let Some(judged) = look() {
            return judged;
        }
        if inner.never_was.contains_key(&digest) {
            return Err(rejected(Reason::UnknownKey));
        }
        // The key may have been made a moment ago, by the command line or another replica.
        if !inner.feed.catch_up(Depth::Changes).await {
            return Err(rejected(Reason::StoreUnavailable));
        }
        look().unwrap_or_else(|| {
            // Its holder had it before we looked, so it will not come to be.
            inner.never_was.insert(digest, ());
            Err(rejected(Reason::UnknownKey))
        })
    }

    async fn identify_session(&self, value: &str) -> Result<Identity, Rejection> {
        let inner = &self.inner;
        let digest = session::digest(value).ok_or(Reason::SessionEnded)?;
        if inner.feed.is_lost() {
            return Err(Reason::StoreUnavailable.into());
        }
        let look = || {
            inner.feed.peek(|view| {
                let session = view.sessions.find(&digest).ok_or(Doubt::Unknown)?;
                let principal = view.people.user(&session.principal).map_err(|reason| Doubt::No(reason.into()))?;
                self.use_session(session)?;
                let identity = session.identity(principal);
                // Here, so that whatever takes an identity need not ask: a session without its second factor is nobody.
                if view.is_half(session) {
                    Err(Doubt::No(half(session, &identity, inner.clock.now())))
                } else {
                    view.through_other_eyes(session, identity).map_err(|reason| Doubt::No(reason.into()))
                }
            })
        };
        let depth = match look() {
            Ok(identity) => return Ok(identity),
            Err(Doubt::No(rejection)) => return Err(rejection),
            // An open tab presents an ended session for hours.
            Err(_) if inner.never_was.contains_key(&digest) => return Err(Reason::SessionEnded.into()),
            Err(Doubt::Unknown) => Depth::Changes,
            // Another replica may have seen it since.
            Err(Doubt::Idle) => Depth::SessionUse,
        };
        if !inner.feed.catch_up(depth).await {
            return Err(Reason::StoreUnavailable.into());
        }
        look().map_err(|doubt| match doubt {
            Doubt::No(rejection) => rejection,
            Doubt::Unknown | Doubt::Idle => {
                inner.never_was.insert(digest, ());
                Reason::SessionEnded.into()
            }
        })
    }

    fn use_session(&self, session: &Session) -> Result<(), Doubt> {
        let (inner, now) = (&self.inner, self.inner.clock.now());
        if session.has_expired(now) {
            return Err(Doubt::No(Reason::SessionEnded.into()));
        }
        if session.is_idle(now, inner.session_idle) {
            return Err(Doubt::Idle);
        }
        if session.touch(now) {
            inner.ledger.touch(&session.id, now);
        }
        Ok(())
    }
}

/// A session that waits for its second factor, which it names so that the factor can be given. It does not wait for long.
fn half(session: &Session, identity: &Identity, now: Timestamp) -> Rejection {
    if now.seconds_since(session.created_at) >= factors::HALF_SECONDS {
        return Reason::SessionEnded.into();
    }
    let credential = Some(identity.credential.clone());
    Rejection { credential, ..Rejection::of(Reason::SecondFactorRequired, identity.principal.name.as_str()) }
}

impl Inner {
    fn judge_key(&self, key: &Key, named: Option<&str>, origin: &Origin) -> Result<Identity, Rejection> {
        let identity = key.judge(named, origin.client_ip, self.clock.now())?;
        self.tokens.trusts_issuer_of(key).map_err(|reason| {
            let credential = Some(identity.credential.clone());
            Rejection { credential, ..Rejection::of(reason, identity.principal.name.as_str()) }
        })?;
        Ok(identity)
    }
}

/// Why a look at the sessions in memory did not find a good one.
enum Doubt {
    /// It is not there: perhaps it was begun a moment ago.
    Unknown,
    /// It was not used here for long: perhaps it was used elsewhere.
    Idle,
    /// For certain.
    No(Rejection),
}

#[cfg(test)]
mod tests;
