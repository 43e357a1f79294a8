//! Do the pages let in whom they should, and nobody else, nowhere else?

use axum::body::Body;
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use lictor_authn::{Attempt, Authenticator, Caller, Options, Origin};
use lictor_model::{Clock, Identity, PrincipalKind, PrincipalName, RequestId, RoleName, Scope, TeamName, Timestamp};
use lictor_store::{By, NewPrincipal, Store};
use tower::ServiceExt;

use crate::{WebState, router};

const PASSWORD: &str = "correct horse battery";
const FORM: &str = "application/x-www-form-urlencoded";

/// The pages with `alice`, a viewer, and `fresh`, whose password must change.
struct Stage {
    web: WebState,
    store: Store,
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
        for (name, must_change) in [("alice", false), ("fresh", true)] {
            let hash = lictor_authn::password::hash(PASSWORD).unwrap();
            let role = Some((RoleName::parse("viewer").unwrap(), Scope::Everywhere));
            let name = PrincipalName::parse(name).unwrap();
            let new = NewPrincipal { kind: PrincipalKind::User, name, password: Some((hash, must_change)), role };
            store.add_principal(&By::console(), new).await.unwrap();
        }
        let background = tokio::runtime::Handle::current();
        let auth = Authenticator::start(store.clone(), clock, background, Options::default()).await.unwrap();
        Self { web: WebState { auth, store: store.clone(), allow_plain_http: false }, store }
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
    for path in
        ["/lictor/sign-in", "/lictor/sign-out", "/lictor/account/password", "/lictor/account/sessions/end-others"]
    {
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
async fn the_account_page_says_which_team_a_role_comes_from() {
    let stage = Stage::new().await;
    let (by, data) = (By::console(), TeamName::parse("data").unwrap());
    stage.store.add_team(&by, data.clone(), "").await.unwrap();
    stage.store.add_members(&by, &data, &[PrincipalName::parse("alice").unwrap()]).await.unwrap();
    let runner = RoleName::parse("runner").unwrap();
    stage.store.add_team_grant(&by, &data, runner, Scope::Workspace("lab".into())).await.unwrap();
    let cookie = stage.sign_in("alice").await;
    let page = stage.get("/lictor/account", &cookie).await.text;
    assert!(page.contains("<td>viewer</td><td>own</td><td>everywhere</td>"), "{page}");
    assert!(page.contains("<td>runner</td><td>team data</td><td>workspace lab</td>"), "{page}");
    assert!(page.contains("run_deployments"), "{page}");
    stage.store.remove_team(&by, &data).await.unwrap();
    let page = stage.get("/lictor/account", &cookie).await.text;
    assert!(!page.contains("team data") && !page.contains("run_deployments"), "{page}");
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
async fn pages_run_no_script_and_show_what_they_are_told_as_text() {
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
        assert!(!page.text.contains("<script") && !page.text.contains("<b>"), "{}", page.text);
        assert!(page.text.contains("<html lang=\"en\">"));
        let policy = page.header(header::CONTENT_SECURITY_POLICY);
        assert!(policy.starts_with("default-src 'none'; style-src 'self'") && !policy.contains("unsafe"));
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
    let fresh = stage.sign_in("fresh").await;
    let identity: Identity = {
        let mut headers = http::HeaderMap::new();
        headers.insert(header::COOKIE, fresh.parse().unwrap());
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
    stage.post("/lictor/account/sessions/end", &fresh, &form).await;
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
async fn a_report_of_a_leak_says_the_same_of_known_and_unknown_keys() {
    let stage = Stage::new().await;
    let key = lictor_model::ApiKey::generate().unwrap();
    let name = PrincipalName::parse("alice").unwrap();
    let (digest, hint) = (key.digest(), key.hint());
    let new =
        lictor_store::NewKey { principal: name, label: String::new(), digest, hint, expires_at: None, narrowing: None };
    stage.store.add_key(&By::console(), new).await.unwrap();
    let report = async |kind: &str, body: String| {
        let request = Request::post("/lictor/report-leak").header(header::CONTENT_TYPE, kind).body(Body::from(body));
        stage.ask(request.unwrap(), true, "192.0.2.7").await
    };
    let unknown = lictor_model::ApiKey::generate().unwrap();
    let of_unknown = report("application/json", format!("{{\"key\":\"{}\"}}", unknown.expose())).await;
    let of_known = report(FORM, format!("key={}", key.expose())).await;
    assert_eq!((of_known.status, &of_known.text), (StatusCode::ACCEPTED, &of_unknown.text));
    assert_eq!(of_known.headers, of_unknown.headers);
    let [row] = &stage.store.list_keys(None).await.unwrap()[..] else { panic!("not one key") };
    assert!(row.revoked_at.is_some());
    let refused = [
        ("application/json", "{\"key\":\"lictor_abc\"}".to_owned(), "mistyped-key"),
        ("application/json", "{\"key\":\"a\",\"key\":\"b\"}".to_owned(), "malformed-body"),
        ("application/json", format!("{{\"key\":\"{}\"}}", "a".repeat(2000)), "malformed-body"),
        (FORM, "key=a&key=b".to_owned(), "malformed-body"),
        (FORM, "token=a".to_owned(), "malformed-body"),
        ("text/plain", String::new(), "malformed-body"),
    ];
    for (kind, body, reason) in refused {
        let answer = report(kind, body.clone()).await;
        let said = answer.headers.get("x-lictor-reason").unwrap();
        assert_eq!((answer.status, said.to_str().unwrap()), (StatusCode::BAD_REQUEST, reason), "{body}");
    }
}

#[tokio::test]
async fn a_session_rotates_no_key_and_nor_does_nobody() {
    let stage = Stage::new().await;
    let cookie = stage.sign_in("alice").await;
    assert_eq!(stage.post("/lictor/keys/rotate", &cookie, "").await.status, StatusCode::FORBIDDEN);
    assert_eq!(stage.post("/lictor/keys/rotate", "", "").await.status, StatusCode::UNAUTHORIZED);
    let elsewhere = browser(Method::POST, "/lictor/keys/rotate", &cookie).header("sec-fetch-site", "cross-site");
    let answer = stage.ask(elsewhere.body(Body::empty()).unwrap(), true, "192.0.2.7").await;
    assert_eq!(answer.headers.get("x-lictor-reason").unwrap(), "cross-origin");
}
