//! Do the pages let in whom they should, and nobody else, nowhere else?

mod account;
mod client_login;
mod device;
mod factors;
mod keys;
mod machines;
mod reset;
mod sign_in;
mod workspaces;

use std::sync::Arc;

use axum::body::Body;
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use lictor_authn::factors::{Factors, Terms};
use lictor_authn::oidc::SignOn;
use lictor_authn::{Attempt, Authenticator, Caller, Options, Origin};
use lictor_authz::{Address, BasePath, Doors};
use lictor_model::{
    Clock, Identity, PrincipalKind, PrincipalName, RequestId, RoleName, Scope, Secret, TeamName, Timestamp,
    WorkspaceName,
};
use lictor_store::{By, NewPrincipal, Store};
use tower::ServiceExt;

use crate::{WebState, router};

const PASSWORD: &str = "correct horse battery";
const FORM: &str = "application/x-www-form-urlencoded";

/// The pages with the viewers `alice` and `bob`, and `fresh`, whose password must change.
struct Stage {
    web: WebState,
    store: Store,
    clock: Clock,
    base: &'static str,
}

struct Answer {
    status: StatusCode,
    headers: http::HeaderMap,
    text: String,
}

impl Answer {
    fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    fn cookie_value(&self) -> String {
        let (_, rest) = self.header(header::SET_COOKIE).split_once('=').unwrap();
        rest.split(';').next().unwrap().to_owned()
    }
}

impl Stage {
    async fn new() -> Self {
        let clock = Clock::manual(Timestamp::from_micros(1_800_000_000_000_000));
        let store = Store::open("sqlite::memory:", clock.clone()).await.unwrap();
        for (name, must_change) in [("alice", false), ("bob", false), ("fresh", true)] {
            let hash = lictor_authn::password::hash(PASSWORD).unwrap();
            let role = Some((RoleName::parse("viewer").unwrap(), Scope::Everywhere));
            let name = PrincipalName::parse(name).unwrap();
            let new = NewPrincipal { kind: PrincipalKind::User, name, password: Some((hash, must_change)), role };
            store.add_principal(&By::console(), new).await.unwrap();
        }
        let background = tokio::runtime::Handle::current();
        let auth = Authenticator::start(store.clone(), clock.clone(), background, Options::default()).await.unwrap();
        let sign_on = SignOn::start(auth.clone(), &Secret::new("sealed"), Vec::new()).unwrap();
        let factors = Factors::start(auth.clone(), &Secret::new("sealed"), Terms::default()).unwrap();
        let workspaces = ["main", "research"].map(WorkspaceName::from).into();
        let address = |prefix: &str| Address { prefix: BasePath::parse(prefix).unwrap(), ..Address::default() };
        let addresses = vec![address(""), address("/research")];
        let doors = Arc::new(Doors { addresses, ..Doors::default() });
        let (clock_of_pages, allow_plain_http) = (clock.clone(), false);
        let web = WebState {
            auth,
            sign_on,
            factors,
            presence: Default::default(),
            store: store.clone(),
            clock: clock_of_pages,
            workspaces,
            doors,
            workspace_facts: [].into(),
            allow_plain_http,
        };
        Self { web, store, clock, base: "" }
    }

    async fn ask(&self, mut request: Request<Body>, secure: bool, client_ip: &str) -> Answer {
        let host = if secure { "https://gate.example" } else { "http://gate.example" };
        let origin = Origin { client_ip: client_ip.parse().unwrap(), user_agent: "".into(), secure };
        let (identity, rejection) = match self.web.auth.identify(request.headers(), &origin).await {
            Attempt::Verified(identity) => (Some(identity), None),
            Attempt::Rejected(rejection) => (None, Some(rejection)),
            Attempt::NotPresented => (None, None),
        };
        request.extensions_mut().insert(WorkspaceName::from("main"));
        request.extensions_mut().insert(Caller {
            request: RequestId::from("r1"),
            client_ip: origin.client_ip,
            peer: origin.client_ip,
            secure,
            origin: host.to_owned(),
            base: self.base.into(),
            user_agent: "Mozilla/5.0 <b>bold</b>".into(),
            identity,
            rejection,
        });
        let response = router(self.web.clone()).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    async fn get(&self, path: &str, cookie: &str) -> Answer {
        let request = browser(Method::GET, path, cookie).body(Body::empty()).unwrap();
        self.ask(request, true, "192.0.2.7").await
    }

    async fn post(&self, path: &str, cookie: &str, form: &str) -> Answer {
        let request = browser(Method::POST, path, cookie)
            .header("sec-fetch-site", "same-origin")
            .header(header::CONTENT_TYPE, FORM)
            .body(Body::from(form.to_owned()))
            .unwrap();
        self.ask(request, true, "192.0.2.7").await
    }

    /// The cookie of a new session.
    async fn sign_in(&self, name: &str) -> String {
        let answer = self.post("/lictor/sign-in", "", &credentials(name, PASSWORD)).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        format!("__Host-lictor={}", answer.cookie_value())
    }

    async fn sessions(&self) -> usize {
        self.store.load_sessions().await.unwrap().sessions.len()
    }
}

fn browser(method: Method, path: &str, cookie: &str) -> http::request::Builder {
    let request = Request::builder().method(method).uri(path).header(header::ACCEPT, "text/html,*/*");
    if cookie.is_empty() { request } else { request.header(header::COOKIE, cookie) }
}

fn origin() -> Origin {
    Origin { client_ip: "192.0.2.7".parse().unwrap(), user_agent: "".into(), secure: true }
}

fn credentials(name: &str, password: &str) -> String {
    format!("name={name}&password={}", password.replace(' ', "+"))
}
