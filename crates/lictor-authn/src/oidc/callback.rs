//! What does the provider's answer come to? A session, or an error that says why not; guard after guard.

use std::collections::BTreeMap;

use http::HeaderMap;
use lictor_model::{Actor, FactorKind, Identity, Principal, Reason, RequestId, Secret, Source, Timestamp};
use lictor_store::{By, ExternalSessionRow, NewExternalAccount, RuleChange, RuleGifts};

use super::claims::Claims;
use super::discovery::Metadata;
use super::error::SignOnError;
use super::exchange::Tokens;
use super::flow::{self, Flow};
use super::gather::gather;
use super::id_token::Occasion;
use super::json::{self, Object};
use super::peer::Peer;
use super::sign_on::{SignOn, by_provider};
use super::{names, rules};
use crate::attempt::{Caller, Origin, Rejection};
use crate::break_glass::Passwords;
use crate::session;
use crate::sign_in::{SignedIn, reason_of};

/// A person who has just signed in at a provider.
#[derive(Debug)]
pub struct SignedOn {
    /// The new session.
    pub signed_in: SignedIn,
    /// Where to now.
    pub next: String,
}

/// What a provider sends back.
struct Answer(BTreeMap<String, String>);

impl SignOn {
    /// The cookie of the sign-in that an answer's query belongs to, to be ended in the browser whatever came of it.
    #[must_use]
    pub fn cookie_of(query: &str, secure: bool) -> Option<String> {
        let answer = Answer::read(query).ok()?;
        flow::cookie_name(answer.get("state")?, secure)
    }

    /// Completes a sign-in with the provider's answer: the callback's query, as it came.
    ///
    /// # Errors
    /// [`SignOnError`]; a refusal of the person is recorded here.
    pub async fn complete(
        &self,
        provider: &str,
        query: &str,
        headers: &HeaderMap,
        caller: &Caller,
    ) -> Result<SignedOn, SignOnError> {
        let peer = self.peer(provider)?;
        let answer = Answer::read(query)?;
        let flow = self.flow(&peer, &answer, headers, caller)?;
        self.spend(&flow).await?;
        let metadata = peer.metadata().await?;
        // Before anything else in the answer is looked at: it may be another provider's (RFC 9207 §2.4).
        match answer.get("iss") {
            Some(issuer) if issuer != flow.issuer => {
                return Err(SignOnError::Answer("the name of another provider (iss)"));
            }
            None if metadata.names_issuer => return Err(SignOnError::Answer("no name of the provider (iss)")),
            _ => {}
        }
        if let Some(code) = answer.get("error") {
            let code: String = code.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(64).collect();
            return Err(SignOnError::Said(code));
        }
        let code = answer.get("code").ok_or(SignOnError::Answer("no code"))?;
        let grant = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &flow.redirect),
            ("code_verifier", &flow.verifier),
        ];
        let tokens = peer.exchange(&metadata, &grant).await?;
        let id_token = tokens.id.as_ref().ok_or(SignOnError::Answer("no ID token"))?;
        let occasion = Occasion { nonce: Some(&flow.nonce), access_token: Some(tokens.access.expose()), subject: None };
        let claims = peer.id_token(id_token, occasion).await?;
        let signed_in = self.let_in(&peer, &metadata, claims, &tokens, caller).await?;
        Ok(SignedOn { signed_in, next: flow.next })
    }

    /// The sign-in that this browser began, at this provider.
    fn flow(&self, peer: &Peer, answer: &Answer, headers: &HeaderMap, caller: &Caller) -> Result<Flow, SignOnError> {
        let state = answer.get("state").ok_or(SignOnError::Answer("no state"))?;
        let name = flow::cookie_name(state, caller.secure).ok_or(flow::FlowError::NotHere)?;
        let cookie = session::find_cookie(headers, &name).map_err(SignOnError::Ours)?;
        let flow = Flow::open(&self.inner.seal, state, cookie, self.inner.auth.inner.clock.now())?;
        // The provider may have been given another issuer meanwhile.
        if flow.provider == peer.provider.name && flow.issuer == peer.provider.issuer {
            Ok(flow)
        } else {
            Err(flow::FlowError::Another.into())
        }
    }

    /// Whoever has the cookie too must not complete the sign-in a second time, on this replica or another.
    async fn spend(&self, flow: &Flow) -> Result<(), SignOnError> {
        let id = format!("flow {}", lictor_model::Digest::of(flow.state.as_bytes()).to_hex());
        let until = Timestamp::from_micros((flow.began + flow::LASTS) * 1_000_000);
        let fresh = self
            .inner
            .auth
            .inner
            .store
            .spend(&id, until)
            .await
            .map_err(|error| SignOnError::Ours(reason_of(&error)))?;
        if fresh { Ok(()) } else { Err(flow::FlowError::Spent.into()) }
    }

    /// Gathers the claims, and asks the rules.
    async fn let_in(
        &self,
        peer: &Peer,
        metadata: &Metadata,
        id_token: Object,
        tokens: &Tokens,
        caller: &Caller,
    ) -> Result<SignedIn, SignOnError> {
        let subject = json::text(&id_token, "sub").unwrap_or_default().to_owned();
        let sid = json::text(&id_token, "sid").filter(|sid| sid.len() <= 255).map(str::to_owned);
        let claims = gather(peer, metadata, Some(id_token), &tokens.access, &subject).await?;
        self.admit(peer, claims, (subject, sid), tokens, caller).await
    }

    /// Asks the rules about a person that has been verified.
    pub(crate) async fn admit(
        &self,
        peer: &Peer,
        claims: Claims,
        (subject, sid): (String, Option<String>),
        tokens: &Tokens,
        caller: &Caller,
    ) -> Result<SignedIn, SignOnError> {
        let mut names = names::wanted(&claims, &peer.provider.name_from);
        // The break-glass account is a local one, whether it is there yet or not.
        names.retain(|name| self.inner.auth.inner.passwords != Passwords::ForBreakGlass(name.clone()));
        let gifts = rules::evaluate(&peer.provider.rules, &claims).map_err(|why| {
            let claimed = names.first().map(ToString::to_string).unwrap_or_default();
            let rejection = Rejection::of(Reason::SignOnRefused, &claimed);
            self.inner.auth.audit_refusal(&rejection, &caller.as_origin(), &caller.request);
            tracing::info!(provider = peer.provider.name, %why, "nobody lets this person in");
            SignOnError::NotLetIn(why)
        });
        let gifts = match gifts {
            Ok(gifts) => gifts,
            Err(error) => {
                self.take_back(peer, &subject, caller).await?;
                return Err(error);
            }
        };
        let (origin, request) = (caller.as_origin(), &caller.request);
        let principal = self.account(peer, &subject, names, &gifts, (Some(&origin), Some(request))).await?;
        if principal.disabled {
            return Err(SignOnError::Ours(Reason::PrincipalDisabled));
        }
        self.note_address(peer, &principal, &claims, caller).await;
        let factor = claims.says(&peer.provider.second_factor).then_some(FactorKind::Provider);
        let external = Unsaved { subject, sid, tokens, factor };
        self.begin_session(peer, &principal, external, &origin, request).await
    }

    /// Notices may go where the provider vouches for; nothing else comes of an address.
    async fn note_address(&self, peer: &Peer, principal: &Principal, claims: &Claims, caller: &Caller) {
        let Some(address) = claims.verified_email() else { return };
        let by = by_provider(&peer.provider.name, Some(&caller.as_origin()), Some(&caller.request));
        let source = Source::SignIn(peer.provider.name.as_str().into());
        let noted = self.inner.auth.inner.store.note_mail_address(&by, &principal.id, &address, &source).await;
        if let Err(error) = noted {
            tracing::warn!(%error, "an address for notices could not be noted");
        }
    }

    /// Somebody whom the rules let in once and do not now has nothing of them any more, and no session.
    async fn take_back(&self, peer: &Peer, subject: &str, caller: &Caller) -> Result<(), SignOnError> {
        let store = &self.inner.auth.inner.store;
        let found = store.find_external_account(&peer.provider.issuer, subject).await;
        let Some(principal) = found.map_err(|error| SignOnError::Ours(reason_of(&error)))? else { return Ok(()) };
        let by = by_provider(&peer.provider.name, Some(&caller.as_origin()), Some(&caller.request));
        self.give_up(peer, &by, &principal.id, subject).await.map_err(|error| SignOnError::Ours(reason_of(&error)))
    }

    /// The person's account, with exactly what the rules give it.
    pub(crate) async fn account(
        &self,
        peer: &Peer,
        subject: &str,
        names: Vec<lictor_model::PrincipalName>,
        gifts: &RuleGifts,
        at: (Option<&Origin>, Option<&RequestId>),
    ) -> Result<Principal, SignOnError> {
        let (store, provider) = (&self.inner.auth.inner.store, &peer.provider);
        let by = by_provider(&provider.name, at.0, at.1);
        let account = NewExternalAccount {
            issuer: provider.issuer.clone(),
            subject: subject.to_owned(),
            provider: provider.name.clone(),
            names,
        };
        let ours = |error: lictor_store::StoreError| SignOnError::Ours(reason_of(&error));
        let principal = store.bind_external_account(&by, account).await.map_err(ours)?;
        let change = store.apply_sign_in_rules(&by, &principal.id, &provider.name, gifts).await.map_err(ours)?;
        warn_of_unknown(provider.name.as_str(), &change);
        self.inner.auth.inner.feed.refresh().await;
        Ok(principal)
    }

    async fn begin_session(
        &self,
        peer: &Peer,
        principal: &Principal,
        external: Unsaved<'_>,
        origin: &Origin,
        request: &RequestId,
    ) -> Result<SignedIn, SignOnError> {
        let auth = &self.inner.auth;
        let (secret, mut row) = auth.new_session(&principal.id, origin).map_err(SignOnError::Ours)?;
        row.factor = external.factor;
        if external.tokens.refresh.is_none() {
            // Nobody will tell us that this person has left, so they are asked to sign in again before long.
            let seconds = i64::try_from(peer.provider.unchecked.as_secs()).unwrap_or(i64::MAX);
            row.expires_at = row.expires_at.min(row.created_at.plus_seconds(seconds));
        }
        let seal = |kind: &str, token: Option<&Secret>| {
            let sealed = token.map(|token| self.inner.seal.close(&purpose(kind, row.id.as_str()), token.expose()));
            sealed.transpose().map_err(|_| SignOnError::Ours(Reason::InternalError))
        };
        let external = ExternalSessionRow {
            session: row.id.clone(),
            principal: principal.id.clone(),
            provider: peer.provider.name.clone(),
            issuer: peer.provider.issuer.clone(),
            subject: external.subject,
            sid: external.sid,
            refresh_token: seal("refresh", external.tokens.refresh.as_ref())?,
            id_token: seal("hint", external.tokens.id.as_ref())?,
            checked_at: row.created_at,
        };
        let identity = Identity {
            principal: std::sync::Arc::new(principal.clone()),
            credential: lictor_model::CredentialRef { kind: lictor_model::CredentialKind::Session, id: row.id.clone() },
            narrowing: None,
            viewing: None,
        };
        let by = By {
            actor: Actor::from(&identity),
            ..By::caller(&identity, origin.client_ip.to_string(), Some(request.clone()))
        };
        let (id, expires_at) = (row.id.clone(), row.expires_at);
        let started = auth.inner.store.start_external_session(&by, row, external).await;
        started.map_err(|error| SignOnError::Ours(reason_of(&error)))?;
        auth.begun(secret, (&principal.id, id), expires_at, origin).await.map_err(SignOnError::Ours)
    }
}

/// What a session keeps of its sign-in, not sealed yet.
struct Unsaved<'t> {
    subject: String,
    sid: Option<String>,
    tokens: &'t Tokens,
    factor: Option<FactorKind>,
}

/// What a session's token is sealed for: no other session, and no other use.
pub(crate) fn purpose(kind: &str, session: &str) -> String {
    format!("{kind} of {session}")
}

pub(crate) fn warn_of_unknown(provider: &str, change: &RuleChange) {
    for team in &change.unknown.teams {
        tracing::warn!(provider, %team, "a sign-in rule gives a team that does not exist: add it, or change the rule");
    }
    for (role, _) in &change.unknown.grants {
        tracing::warn!(provider, %role, "a sign-in rule gives a role that does not exist: add it, or change the rule");
    }
}

impl Answer {
    /// Reads the query; a parameter that stands twice makes it nobody's answer.
    fn read(query: &str) -> Result<Self, SignOnError> {
        let mut parameters = BTreeMap::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decode = |text: &str| {
                let spaced = text.replace('+', " ");
                percent_encoding::percent_decode_str(&spaced).decode_utf8().map(String::from)
            };
            let (Ok(name), Ok(value)) = (decode(name), decode(value)) else {
                return Err(SignOnError::Answer("a parameter that is no text"));
            };
            if parameters.insert(name, value).is_some() {
                return Err(SignOnError::Answer("a parameter twice"));
            }
        }
        Ok(Self(parameters))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}
