//! Do the pages let in whom they should, and nobody else, nowhere else?

use axum::body::Body;
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use lictor_authn::{Attempt, Authenticator, Caller, Options, Origin};
use lictor_model::{
    Clock, Identity, PrincipalKind, PrincipalName, RequestId, RoleName, Scope, TeamName, Timestamp, WorkspaceName,
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
        let auth = Authenticator::start(store.clone(), clock, background, Options::default()).await.unwrap();
        let workspaces = ["main", "research"].map(WorkspaceName::from).into();
        Self { web: WebState { auth, store: store.clone(), workspaces, allow_plain_http: false }, store, base: "" }
    }

    async fn ask(&self, mut request: Request<Body>, secure: bool, client_ip: &str) -> Answer {
        let host = if secure { "https://gate.example" } else { "http://gate.example" };
        let origin = Origin { client_ip: client_ip.parse().unwrap(), user_agent: "".into(), secure };
        let (identity, reason) = match self.web.auth.identify(request.headers(), &origin).await {
            Attempt::Verified(identity) => (Some(identity), None),
            Attempt::Rejected(rejection) => (None, Some(rejection.reason)),
            Attempt::NotPresented => (None, None),
        };
        request.extensions_mut().insert(Caller {
            request: RequestId::from("r1"),
            client_ip: origin.client_ip,
            secure,
            origin: host.to_owned(),
            base: self.base.into(),
            user_agent: "Mozilla/5.0 <b>bold</b>".into(),
            identity,
            reason,
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
        self.store.load_sessions().await.unwrap().1.len()
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

#[tokio::test]
async fn signing_in_sets_the_cookie_and_leads_to_where_one_was_going() {
    let stage = Stage::new().await;
    let form = format!("{}&next=%2Fv2%2Fruns%3Fstate%3DFailed", credentials("alice", PASSWORD));
    let answer = stage.post("/lictor/sign-in", "", &form).await;
    assert_eq!((answer.status, answer.header(header::LOCATION)), (StatusCode::SEE_OTHER, "/v2/runs?state=Failed"));
    let attributes = answer.header(header::SET_COOKIE).split_once(';').unwrap().1;
    assert_eq!(attributes, " Path=/; HttpOnly; SameSite=Lax; Secure");
    let cookie = format!("__Host-lictor={}", answer.cookie_value());
    assert_eq!(stage.get("/lictor/account", &cookie).await.status, StatusCode::OK);
    assert_eq!(stage.get("/lictor/sign-in?next=%2Fv2%2F", &cookie).await.header(header::LOCATION), "/v2/");
}

#[tokio::test]
async fn the_page_and_the_form_never_lead_to_another_origin() {
    let stage = Stage::new().await;
    for next in
        ["//evil.example", "/\\evil.example", "https:%2F%2Fevil.example", "%2F%2Fevil.example", "/%09/evil.example"]
    {
        let page = stage.get(&format!("/lictor/sign-in?next={next}"), "").await;
        assert!(page.text.contains("name=\"next\" value=\"/\""), "{next}");
        let answer =
            stage.post("/lictor/sign-in", "", &format!("{}&next={next}", credentials("alice", PASSWORD))).await;
        assert_eq!(answer.header(header::LOCATION), "/", "{next}");
    }
    assert_eq!(stage.get("/lictor/sign-in?next=a&next=b", "").await.status, StatusCode::OK);
}

#[tokio::test]
async fn unknown_names_and_wrong_passwords_look_the_same() {
    let stage = Stage::new().await;
    let wrong = stage.post("/lictor/sign-in", "", &credentials("alice", "wrong")).await;
    let unknown = stage.post("/lictor/sign-in", "", &credentials("mabel", "wrong")).await;
    assert_eq!((wrong.status, unknown.status), (StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED));
    assert_eq!(wrong.text.replace("alice", "NAME"), unknown.text.replace("mabel", "NAME"));
    assert_eq!(wrong.headers, unknown.headers);
    assert!(wrong.text.contains("aria-describedby=\"problem\"") && !wrong.headers.contains_key(header::SET_COOKIE));
}

#[tokio::test]
async fn forms_from_elsewhere_are_refused() {
    let stage = Stage::new().await;
    let cookie = stage.sign_in("alice").await;
    for path in [
        "/lictor/sign-in",
        "/lictor/sign-out",
        "/lictor/account/password",
        "/lictor/account/sessions/end",
        "/lictor/account/sessions/end-others",
        "/lictor/account/sessions/end-all",
    ] {
        for lines in [
            &[][..],
            &[("sec-fetch-site", "none")],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "cross-site"), ("origin", "https://gate.example")],
            &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")],
            &[("origin", "null")],
            &[("origin", "http://gate.example")],
            &[("origin", "https://gate.example.evil")],
        ] {
            let mut request = browser(Method::POST, path, &cookie).header(header::CONTENT_TYPE, FORM);
            for (name, value) in lines {
                request = request.header(*name, *value);
            }
            let request = request.body(Body::from(credentials("alice", PASSWORD))).unwrap();
            let answer = stage.ask(request, true, "192.0.2.7").await;
            assert_eq!(answer.headers.get("x-lictor-reason").unwrap(), "cross-origin", "{path} {lines:?}");
            assert_eq!(answer.status, StatusCode::FORBIDDEN);
        }
    }
    assert_eq!(stage.sessions().await, 1);
    let named = browser(Method::POST, "/lictor/sign-out", &cookie).header("origin", "https://gate.example");
    let request = named.header(header::CONTENT_TYPE, FORM).body(Body::empty()).unwrap();
    assert_eq!(stage.ask(request, true, "192.0.2.7").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_sign_in_ends_the_session_that_was_there_and_a_sign_out_ends_its_own() {
    let stage = Stage::new().await;
    let first = stage.sign_in("alice").await;
    let answer = stage.post("/lictor/sign-in", &first, &credentials("alice", PASSWORD)).await;
    let second = format!("__Host-lictor={}", answer.cookie_value());
    assert_ne!(first, second);
    assert_eq!(stage.sessions().await, 1);
    assert_eq!(stage.get("/lictor/account", &first).await.status, StatusCode::SEE_OTHER);
    let out = stage.post("/lictor/sign-out", &second, "").await;
    assert!(out.header(header::SET_COOKIE).ends_with("Max-Age=0"));
    assert_eq!(stage.sessions().await, 0);
}

#[tokio::test]
async fn malformed_forms_are_refused() {
    let stage = Stage::new().await;
    let twice = format!("{}&name=bob", credentials("alice", PASSWORD));
    assert_eq!(stage.post("/lictor/sign-in", "", &twice).await.status, StatusCode::BAD_REQUEST);
    let large = format!("name=alice&password={}", "a".repeat(17 * 1024));
    assert_eq!(stage.post("/lictor/sign-in", "", &large).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let json = browser(Method::POST, "/lictor/sign-in", "").header("sec-fetch-site", "same-origin");
    let json = json.header(header::CONTENT_TYPE, "application/json").body(Body::from("{}")).unwrap();
    assert_eq!(stage.ask(json, true, "192.0.2.7").await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(stage.sessions().await, 0);
}

#[tokio::test]
async fn pages_run_one_script_of_ours_and_show_what_they_are_told_as_text() {
    let stage = Stage::new().await;
    let cookie = stage.sign_in("alice").await;
    let echoed = stage.post("/lictor/sign-in", "", "name=%22%3E%3Cscript%3E&password=x").await;
    let pages = [
        stage.get("/lictor/sign-in?next=/%22%3E%3Cscript%3Ealert(1)%3C/script%3E", "").await,
        stage.get("/lictor/account", &cookie).await,
        stage.get("/lictor/account/password", &cookie).await,
        stage.get("/lictor/nothing", &cookie).await,
        echoed,
    ];
    for page in pages {
        // The one script is a file of ours.
        assert_eq!(page.text.matches("<script").count(), 1, "{}", page.text);
        assert!(page.text.contains("<script src=\"/lictor/page.js\"></script>") && !page.text.contains("<b>"));
        assert!(page.text.contains("<html lang=\"en\">"));
        let policy = page.header(header::CONTENT_SECURITY_POLICY);
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';")
                && !policy.contains("unsafe")
        );
        assert_eq!(page.header(header::CACHE_CONTROL), "no-store");
    }
}

#[tokio::test]
async fn a_first_password_is_changed_before_anything_else() {
    let stage = Stage::new().await;
    let cookie = stage.sign_in("fresh").await;
    assert_eq!(stage.get("/lictor/account", &cookie).await.header(header::LOCATION), "/lictor/account/password");
    let page = "/lictor/account/password";
    let old = PASSWORD.replace(' ', "+");
    for (form, id) in [
        ("current=wrong&new=a+much+better+phrase&repeat=a+much+better+phrase".to_owned(), "current-problem"),
        (format!("current={old}&new=short&repeat=short"), "new-problem"),
        (format!("current={old}&new={old}&repeat={old}"), "new-problem"),
        (format!("current={old}&new=a+much+better+phrase&repeat=another"), "repeat-problem"),
    ] {
        let answer = stage.post(page, &cookie, &form).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{form}");
        assert!(answer.text.contains("role=\"alert\">") && answer.text.contains(&format!("id=\"{id}\"")), "{form}");
    }
    let asked = stage.get(&format!("{page}?next=%2Fv2%2Fruns"), &cookie).await;
    assert!(asked.text.contains("name=\"next\" value=\"/v2/runs\""));
    let form = format!("current={old}&new=a+much+better+phrase&repeat=a+much+better+phrase&next=%2Fv2%2Fruns");
    let changed = stage.post(page, &cookie, &form).await;
    assert_eq!((changed.status, changed.header(header::LOCATION)), (StatusCode::SEE_OTHER, "/v2/runs"));
    let fresh = format!("__Host-lictor={}", changed.cookie_value());
    assert_eq!(stage.get("/lictor/account", &fresh).await.status, StatusCode::OK);
    assert_eq!(stage.get("/lictor/account", &cookie).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn ending_sessions_touches_only_ones_own() {
    let stage = Stage::new().await;
    let (alice, other) = (stage.sign_in("alice").await, stage.sign_in("alice").await);
    let bob = stage.sign_in("bob").await;
    let identity: Identity = {
        let mut headers = http::HeaderMap::new();
        headers.insert(header::COOKIE, bob.parse().unwrap());
        let origin = Origin { client_ip: "192.0.2.7".parse().unwrap(), user_agent: "".into(), secure: true };
        let Attempt::Verified(identity) = stage.web.auth.identify(&headers, &origin).await else {
            panic!("not signed in")
        };
        identity
    };
    let form = format!("session={}", identity.credential.id);
    assert_eq!(stage.post("/lictor/account/sessions/end", &alice, &form).await.status, StatusCode::SEE_OTHER);
    assert_eq!(stage.sessions().await, 3);
    stage.post("/lictor/account/sessions/end-others", &alice, "").await;
    assert_eq!(stage.sessions().await, 2);
    assert_ne!(alice, other);
    stage.post("/lictor/account/sessions/end", &bob, &form).await;
    assert_eq!(stage.sessions().await, 1);
}

#[tokio::test]
async fn a_password_is_not_asked_for_over_plain_http_from_elsewhere() {
    let mut stage = Stage::new().await;
    let ask = || browser(Method::GET, "/lictor/sign-in", "").body(Body::empty()).unwrap();
    for client_ip in ["192.0.2.7", "127.0.0.1"] {
        // Also not through a proxy on this machine that was not declared.
        let answer = stage.ask(ask(), false, client_ip).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert!(answer.text.contains("trusted_proxies") && !answer.text.contains("type=\"password\""));
    }
    stage.web.allow_plain_http = true;
    assert_eq!(stage.ask(ask(), false, "192.0.2.7").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_program_gets_json() {
    let stage = Stage::new().await;
    for (method, path, status, reason) in [
        (Method::GET, "/lictor/account", StatusCode::UNAUTHORIZED, "authentication-required"),
        (Method::GET, "/lictor/nothing", StatusCode::NOT_FOUND, "not-found"),
        (Method::DELETE, "/lictor/account", StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed"),
    ] {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let answer = stage.ask(request, true, "192.0.2.7").await;
        let body: serde_json::Value = serde_json::from_str(&answer.text).unwrap();
        assert_eq!((answer.status, &body["reason"]), (status, &serde_json::json!(reason)));
        assert_eq!(body["detail"], body["exception_message"]);
    }
}

#[tokio::test]
async fn every_link_form_file_and_redirect_begins_with_the_base() {
    let mut stage = Stage::new().await;
    let (cookie, fresh) = (stage.sign_in("alice").await, stage.sign_in("fresh").await);
    stage.base = "/prefect";
    for (path, cookie) in [
        ("/lictor/sign-in", ""),
        ("/lictor/account", &cookie),
        ("/lictor/account/sessions", &cookie),
        ("/lictor/account/password", &cookie),
        ("/lictor/account/password", &fresh),
        ("/lictor/nothing", ""),
    ] {
        let page = stage.get(path, cookie).await;
        let links = page
            .text
            .split(['<', ' '])
            .filter(|part| ["href=\"", "src=\"", "action=\""].iter().any(|it| part.starts_with(it)));
        let links: Vec<&str> = links.collect();
        assert!(links.len() >= 3, "{path}");
        for link in links {
            let inside = link.contains("\"#") || link.contains("=\"/prefect/");
            assert!(inside, "{path}: {link}");
        }
    }
    let answer = stage.post("/lictor/sign-in", "", &format!("{}&next=/v2/", credentials("alice", PASSWORD))).await;
    assert_eq!(answer.header(header::LOCATION), "/prefect/v2/");
    let answer = stage.get("/lictor/account", "").await;
    assert_eq!(answer.header(header::LOCATION), "/prefect/lictor/sign-in?next=%2Flictor%2Faccount");
}

#[tokio::test]
async fn the_account_page_says_what_one_may_do_where_and_through_what() {
    let stage = Stage::new().await;
    let (by, data) = (By::console(), TeamName::parse("data").unwrap());
    stage.store.add_team(&by, data.clone(), "").await.unwrap();
    stage.store.add_members(&by, &data, &[PrincipalName::parse("alice").unwrap()]).await.unwrap();
    let runner = RoleName::parse("runner").unwrap();
    stage.store.add_team_grant(&by, &data, runner, Scope::Workspace("research".into())).await.unwrap();
    let cookie = stage.sign_in("alice").await;
    let page = stage.get("/lictor/account", &cookie).await.text;
    let (main, research) = page.split_once("What you may do in research").unwrap();
    assert!(
        main.contains("What you may do in main") && main.contains("a grant to you") && main.contains("every workspace")
    );
    assert!(!main.contains("runner") && !main.contains("run_deployments"));
    assert!(research.contains("team data") && research.contains("this workspace"));
    assert!(research.contains("<code>run_deployments</code>"));
    stage.store.remove_team(&by, &data).await.unwrap();
    stage.web.auth.sign_in("alice", PASSWORD, &origin(), &RequestId::fresh()).await.unwrap();
    let page = stage.get("/lictor/account", &cookie).await.text;
    assert!(!page.contains("team data") && !page.contains("run_deployments"), "{page}");
}

#[tokio::test]
async fn all_sessions_end_at_once_and_the_cookie_goes_with_them() {
    let stage = Stage::new().await;
    let (alice, _) = (stage.sign_in("alice").await, stage.sign_in("alice").await);
    stage.sign_in("fresh").await;
    let answer = stage.post("/lictor/account/sessions/end-all", &alice, "").await;
    assert_eq!(answer.header(header::LOCATION), "/lictor/sign-in?done=all-ended");
    assert!(answer.header(header::SET_COOKIE).ends_with("Max-Age=0"));
    assert_eq!(stage.sessions().await, 1);
    assert!(stage.get("/lictor/sign-in?done=all-ended", "").await.text.contains("role=\"status\">All your sessions"));
    assert!(!stage.get("/lictor/sign-in?done=%3Cb%3E", "").await.text.contains("role=\"status\""));
}

#[tokio::test]
async fn nothing_of_the_account_comes_before_a_first_password_is_changed() {
    let stage = Stage::new().await;
    let cookie = stage.sign_in("fresh").await;
    for path in ["/lictor/account", "/lictor/account/sessions"] {
        assert_eq!(stage.get(path, &cookie).await.header(header::LOCATION), "/lictor/account/password", "{path}");
    }
    for path in
        ["/lictor/account/sessions/end", "/lictor/account/sessions/end-others", "/lictor/account/sessions/end-all"]
    {
        assert_eq!(stage.post(path, &cookie, "").await.header(header::LOCATION), "/lictor/account/password", "{path}");
    }
    assert_eq!(stage.sessions().await, 1);
}
