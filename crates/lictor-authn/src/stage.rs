//! Where do the tests play? On a store in memory, with a clock that stands still.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderValue};
use lictor_model::{ApiKey, AuditEvent, Clock, Identity, PrincipalKind, PrincipalName, Reason, RequestId, Timestamp};
use lictor_store::{AuditFilter, By, KeyRow, NewKey, NewPrincipal, Store};
use tokio::runtime::Handle;

use crate::{Attempt, Authenticator, Options, Origin, SignedIn, password};

/// A good password.
pub(crate) const PASSWORD: &str = "correct horse: battery";

/// A store, an authenticator over it, and the clock of both.
pub(crate) struct Stage {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) auth: Authenticator,
}

impl Stage {
    /// No polls, so that what a test sees was asked for.
    pub(crate) fn options() -> Options {
        Options {
            poll_every: Duration::from_secs(3600),
            forced_refresh_every: Duration::from_millis(1),
            store_timeout: Duration::from_secs(60),
            store_grace: Duration::MAX,
            ..Options::default()
        }
    }

    pub(crate) async fn set() -> Self {
        Self::set_with(Self::options()).await
    }

    /// With a user `alice` and a machine `robot`.
    pub(crate) async fn set_with(options: Options) -> Self {
        let clock = Clock::manual(Timestamp::from_micros(1_700_000_000_000_000));
        let store = Store::open("sqlite::memory:", clock.clone()).await.unwrap();
        add(&store, PrincipalKind::User, "alice", Some(password::hash(PASSWORD).unwrap())).await;
        add(&store, PrincipalKind::ServiceAccount, "robot", None).await;
        let auth = Authenticator::start(store.clone(), clock.clone(), Handle::current(), options).await.unwrap();
        Self { store, clock, auth }
    }

    /// Another replica on the same store, or this one started again.
    pub(crate) async fn another(&self) -> Self {
        let (store, clock) = (self.store.clone(), self.clock.clone());
        let auth =
            Authenticator::start(store.clone(), clock.clone(), Handle::current(), Self::options()).await.unwrap();
        Self { store, clock, auth }
    }

    pub(crate) async fn add_user(&self, who: &str, hash: Option<String>) {
        add(&self.store, PrincipalKind::User, who, hash).await;
    }

    pub(crate) async fn add_key(&self, of: &str, expires_at: Option<Timestamp>) -> (ApiKey, KeyRow) {
        let key = ApiKey::generate().unwrap();
        let (digest, hint) = (key.digest(), key.hint());
        let new = NewKey { principal: name(of), label: String::new(), digest, hint, expires_at, narrowing: None };
        let row = self.store.add_key(&By::console(), new).await.unwrap();
        (key, row)
    }

    pub(crate) async fn disable(&self, who: &str, disabled: bool) {
        self.store.set_disabled(&By::console(), &name(who), disabled).await.unwrap();
        self.auth.inner.feed.refresh().await;
    }

    pub(crate) async fn sign_in(&self, who: &str, password: &str) -> Result<SignedIn, Reason> {
        self.auth.sign_in(who, password, &here(), &RequestId::fresh()).await.map_err(|refused| refused.reason)
    }

    /// Presents an `Authorization`.
    pub(crate) async fn authorize(&self, value: &str) -> Attempt {
        self.auth.identify(&headers(&[], &[value]), &here()).await
    }

    pub(crate) async fn basic(&self, text: &str) -> Attempt {
        self.authorize(&basic(text)).await
    }

    /// Presents a session cookie.
    pub(crate) async fn cookie(&self, signed_in: &SignedIn) -> Attempt {
        self.auth.identify(&headers(&[&cookie(signed_in)], &[]), &here()).await
    }

    pub(crate) async fn recorded(&self) -> Vec<AuditEvent> {
        self.auth.flush().await;
        let filter = AuditFilter { operation: Some("credential.refuse".to_owned()), ..AuditFilter::default() };
        self.store.list_audit(filter).await.unwrap()
    }
}

async fn add(store: &Store, kind: PrincipalKind, who: &str, hash: Option<String>) {
    let new = NewPrincipal { kind, name: name(who), password: hash.map(|hash| (hash, false)), role: None };
    store.add_principal(&By::console(), new).await.unwrap();
}

pub(crate) fn name(text: &str) -> PrincipalName {
    PrincipalName::parse(text).unwrap()
}

pub(crate) fn basic(text: &str) -> String {
    format!("Basic {}", STANDARD.encode(text))
}

pub(crate) fn cookie(signed_in: &SignedIn) -> String {
    format!("{}={}", signed_in.cookie_name, signed_in.cookie_value.expose())
}

pub(crate) fn here() -> Origin {
    from("192.0.2.1")
}

pub(crate) fn from(ip: &str) -> Origin {
    let user_agent = "prefect/3.8.8 (API 0.8.4)".into();
    Origin { client_ip: ip.parse().unwrap(), user_agent, secure: true }
}

pub(crate) fn headers(cookies: &[&str], authorizations: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in cookies {
        headers.append(COOKIE, HeaderValue::from_str(value).unwrap());
    }
    for value in authorizations {
        headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
    }
    headers
}

#[track_caller]
pub(crate) fn verified(attempt: Attempt) -> Identity {
    match attempt {
        Attempt::Verified(identity) => identity,
        other => panic!("not verified: {other:?}"),
    }
}

#[track_caller]
pub(crate) fn reason(attempt: Attempt) -> Reason {
    match attempt {
        Attempt::Rejected(rejection) => rejection.reason,
        other => panic!("not rejected: {other:?}"),
    }
}
