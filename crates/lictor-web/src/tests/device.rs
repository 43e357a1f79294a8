//! Does a program get a key only by the word of a signed-in person, who saw who asks?

use serde_json::Value;

use super::*;

const BEGIN: &str = "client_id=lictor&label=my+laptop&machine=carbon";
const LIMITS: &str = "label=laptop&expires=30d&workspace=";

struct Codes {
    device: String,
    user: String,
}

impl Stage {
    /// What a program sends: no word of where it comes from.
    async fn program(&self, path: &str, form: &str, secure: bool) -> (StatusCode, Value) {
        let request = Request::post(path).header(header::CONTENT_TYPE, FORM).body(Body::from(form.to_owned()));
        let answer = self.ask(request.unwrap(), secure, "192.0.2.7").await;
        assert_eq!(answer.header(header::CACHE_CONTROL), "no-store");
        (answer.status, serde_json::from_str(&answer.text).unwrap())
    }

    async fn begin(&self) -> Codes {
        let (status, facts) = self.program("/lictor/device/code", BEGIN, true).await;
        assert_eq!(status, StatusCode::OK, "{facts}");
        let text = |name: &str| facts[name].as_str().unwrap().to_owned();
        Codes { device: text("device_code"), user: text("user_code") }
    }

    async fn question(&self, codes: &Codes) -> (StatusCode, Value) {
        self.clock.advance(5);
        let grant = "urn:ietf:params:oauth:grant-type:device_code";
        let form = format!("client_id=lictor&grant_type={grant}&device_code={}", codes.device);
        self.program("/lictor/device/token", &form, true).await
    }

    async fn decide(&self, cookie: &str, codes: &Codes, decision: &str, more: &str) -> Answer {
        self.post("/lictor/device", cookie, &format!("code={}&decision={decision}&{more}", codes.user)).await
    }
}

#[tokio::test]
async fn a_program_gets_the_key_that_was_allowed_and_no_other() {
    let stage = Stage::new().await;
    let (status, facts) = stage.program("/lictor/device/code", BEGIN, true).await;
    assert_eq!(
        (status, facts["expires_in"].as_i64(), facts["interval"].as_i64()),
        (StatusCode::OK, Some(600), Some(5))
    );
    assert_eq!(facts["verification_uri"], "https://gate.example/lictor/device");
    let codes = Codes {
        device: facts["device_code"].as_str().unwrap().into(),
        user: facts["user_code"].as_str().unwrap().into(),
    };
    assert_eq!(facts["verification_uri_complete"], format!("https://gate.example/lictor/device?code={}", codes.user));
    let (status, said) = stage.question(&codes).await;
    assert_eq!((status, said["error"].as_str()), (StatusCode::BAD_REQUEST, Some("authorization_pending")));

    let cookie = stage.sign_in("alice").await;
    let shown = stage.post("/lictor/device", &cookie, &format!("code={}", codes.user.to_lowercase())).await;
    assert_eq!(shown.status, StatusCode::OK);
    for part in ["my laptop", "carbon, as it says", "192.0.2.7", &codes.user, "acts as <strong>alice"] {
        assert!(shown.text.contains(part), "{part}: {}", shown.text);
    }
    assert!(!shown.text.contains("and you are at"));
    let more = "label=lap&expires=1d&read_only=yes&workspace=research";
    let allowed = stage.decide(&cookie, &codes, "allow", more).await;
    assert_eq!(allowed.header(header::LOCATION), "/lictor/device?done=device-allowed");
    let (status, key) = stage.question(&codes).await;
    assert_eq!(
        (status, key["token_type"].as_str(), key["name"].as_str()),
        (StatusCode::OK, Some("Bearer"), Some("alice"))
    );
    assert_eq!(
        (key["expires_in"].as_i64(), key["api_url"].as_str()),
        (Some(86_400 - 5), Some("https://gate.example/research/api"))
    );
    let [row] = &stage.store.list_keys(None).await.unwrap()[..] else { panic!("not one key") };
    assert_eq!((row.label.as_str(), row.narrowing.as_ref().unwrap().read_only), ("lap", true));
    assert_eq!(row.digest, lictor_model::Digest::of(key["access_token"].as_str().unwrap().as_bytes()));
    let (_, again) = stage.question(&codes).await;
    assert_eq!(again["error"], "invalid_grant");
}

#[tokio::test]
async fn what_was_denied_is_over_and_told_so() {
    let stage = Stage::new().await;
    let (codes, cookie) = (stage.begin().await, stage.sign_in("alice").await);
    let denied = stage.decide(&cookie, &codes, "deny", "").await;
    assert_eq!(denied.header(header::LOCATION), "/lictor/device?done=device-denied");
    assert_eq!(stage.decide(&cookie, &codes, "allow", LIMITS).await.status, StatusCode::NOT_FOUND);
    assert_eq!(stage.question(&codes).await.1["error"], "access_denied");
    let late = stage.begin().await;
    stage.clock.advance(600);
    stage.web.auth.refresh().await;
    assert_eq!(stage.question(&late).await.1["error"], "expired_token");
    assert_eq!(stage.decide(&cookie, &late, "allow", LIMITS).await.status, StatusCode::NOT_FOUND);
    assert!(stage.store.list_keys(None).await.unwrap().is_empty());
}

#[tokio::test]
async fn whoever_is_elsewhere_is_warned() {
    let stage = Stage::new().await;
    let (codes, cookie) = (stage.begin().await, stage.sign_in("alice").await);
    let request = browser(Method::POST, "/lictor/device", &cookie)
        .header("sec-fetch-site", "same-origin")
        .header(header::CONTENT_TYPE, FORM)
        .body(Body::from(format!("code={}", codes.user)));
    let page = stage.ask(request.unwrap(), true, "198.51.100.4").await;
    assert!(page.text.contains("It asks from 192.0.2.7, and you are at 198.51.100.4."), "{}", page.text);
}

#[tokio::test]
async fn only_a_signed_in_person_decides_and_comes_back_to_it() {
    let stage = Stage::new().await;
    let codes = stage.begin().await;
    let path = format!("/lictor/device?code={}", codes.user);
    let encoded = format!("%2Flictor%2Fdevice%3Fcode%3D{}", codes.user.replace('-', "%2D"));
    let sent_away = stage.get(&path, "").await;
    assert_eq!(sent_away.header(header::LOCATION), format!("/lictor/sign-in?next={encoded}"));
    let fresh = stage.sign_in("fresh").await;
    let sent_away = stage.get(&path, &fresh).await;
    assert_eq!(sent_away.header(header::LOCATION), format!("/lictor/account/password?next={encoded}"));
    assert_eq!(stage.decide("", &codes, "allow", LIMITS).await.status, StatusCode::SEE_OTHER);
    assert_eq!(stage.decide(&fresh, &codes, "allow", LIMITS).await.status, StatusCode::SEE_OTHER);
    let cookie = stage.sign_in("alice").await;
    assert!(stage.get(&path, &cookie).await.text.contains(&format!("value=\"{}\"", codes.user)));
    // A link fills in a code and nothing else, and no other site sends the form.
    assert!(!stage.get("/lictor/device?code=%22%3E%3Cscript%3E", &cookie).await.text.contains("script>\""));
    let elsewhere = browser(Method::POST, "/lictor/device", &cookie).header("sec-fetch-site", "cross-site");
    let form = Body::from(format!("code={}&decision=allow&{LIMITS}", codes.user));
    let answer = stage.ask(elsewhere.header(header::CONTENT_TYPE, FORM).body(form).unwrap(), true, "192.0.2.7").await;
    assert_eq!(answer.headers.get("x-lictor-reason").unwrap(), "cross-origin");
    assert_eq!(stage.question(&codes).await.1["error"], "authorization_pending");
}

#[tokio::test]
async fn a_key_that_a_program_gets_ends_and_what_is_wrong_is_told() {
    let stage = Stage::new().await;
    let (codes, cookie) = (stage.begin().await, stage.sign_in("alice").await);
    for (more, problem) in [
        ("label=x&expires=never", "expires-problem"),
        ("label=x&expires=date&until=2001-01-01", "expires-problem"),
        ("label=&expires=30d", "label-problem"),
        ("label=x&expires=30d&workspace=elsewhere", "workspace-problem"),
        ("label=x", "expires-problem"),
    ] {
        let told = stage.decide(&cookie, &codes, "allow", more).await;
        assert_eq!(told.status, StatusCode::UNPROCESSABLE_ENTITY, "{more}");
        assert!(told.text.contains(&format!("id=\"{problem}\" role=\"alert\"")), "{more}: {}", told.text);
    }
    let role = RoleName::parse("viewer").unwrap();
    stage.store.set_max_key_age(&By::console(), &role, Some(3_600)).await.unwrap();
    let told = stage.decide(&cookie, &codes, "allow", "label=x&expires=1d").await;
    assert!(told.status == StatusCode::UNPROCESSABLE_ENTITY && told.text.contains("end after 1h at the latest"));
}

#[tokio::test]
async fn codes_are_not_searched_for() {
    let stage = Stage::new().await;
    let cookie = stage.sign_in("alice").await;
    for _ in 0..20 {
        let told = stage.post("/lictor/device", &cookie, "code=BBBB-BBBB").await;
        assert!(told.status == StatusCode::NOT_FOUND && told.text.contains("No program waits with this code"));
    }
    let codes = stage.begin().await;
    let told = stage.decide(&cookie, &codes, "allow", LIMITS).await;
    assert_eq!(told.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(told.headers.get("x-lictor-reason").unwrap(), "too-many-codes");
    let other = stage.sign_in("bob").await;
    assert_eq!(stage.decide(&other, &codes, "deny", "").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_page_of_another_site_and_a_stranger_to_the_protocol_begin_nothing() {
    let stage = Stage::new().await;
    for (name, value) in
        [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-origin"), ("origin", "https://evil.example")]
    {
        let request = Request::post("/lictor/device/code").header(header::CONTENT_TYPE, FORM).header(name, value);
        let answer = stage.ask(request.body(Body::from(BEGIN)).unwrap(), true, "192.0.2.7").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{name}: {value}");
    }
    for (path, form, error) in [
        ("/lictor/device/code", "label=x", "invalid_request"),
        ("/lictor/device/code", "client_id=lictor&client_id=lictor", "invalid_request"),
        ("/lictor/device/code", "client_id=other", "invalid_client"),
        ("/lictor/device/token", "client_id=lictor&grant_type=password&device_code=x", "unsupported_grant_type"),
        ("/lictor/device/token", "client_id=lictor&device_code=x", "invalid_request"),
    ] {
        assert_eq!(stage.program(path, form, true).await.1["error"], error, "{path} {form}");
    }
    let (status, said) = stage.program("/lictor/device/code", BEGIN, false).await;
    assert!(status == StatusCode::FORBIDDEN && said["detail"].as_str().unwrap().contains("over TLS"), "{said}");
}

#[tokio::test]
async fn whoever_presents_a_key_is_told_of_it_and_may_end_it() {
    let stage = Stage::new().await;
    let secret = lictor_model::ApiKey::generate().unwrap();
    let new = lictor_store::NewKey {
        principal: PrincipalName::parse("alice").unwrap(),
        label: "laptop".to_owned(),
        digest: secret.digest(),
        hint: secret.hint(),
        expires_at: None,
        narrowing: None,
    };
    let key = stage.store.add_key(&By::console(), new).await.unwrap();
    stage.web.auth.refresh().await;
    let with_key = async |method: Method, path: &str| {
        let request = Request::builder().method(method).uri(path);
        let request = request.header(header::AUTHORIZATION, format!("Bearer {}", secret.expose()));
        stage.ask(request.body(Body::empty()).unwrap(), true, "192.0.2.7").await
    };
    let shown: Value = serde_json::from_str(&with_key(Method::GET, "/lictor/keys/current").await.text).unwrap();
    assert_eq!((shown["name"].as_str(), shown["gateway"].as_str()), (Some("alice"), Some("https://gate.example")));
    assert_eq!(shown["workspaces"][1], serde_json::json!({ "workspace": "research", "roles": ["viewer"] }));
    assert_eq!((shown["key"]["id"].as_str(), shown["key"]["label"].as_str()), (Some(key.id.as_str()), Some("laptop")));
    let cookie = stage.sign_in("alice").await;
    assert_eq!(stage.get("/lictor/keys/current", &cookie).await.status, StatusCode::FORBIDDEN);
    assert_eq!(stage.post("/lictor/keys/revoke", &cookie, "").await.status, StatusCode::FORBIDDEN);
    assert_eq!(stage.post("/lictor/keys/revoke", "", "").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(with_key(Method::POST, "/lictor/keys/revoke").await.status, StatusCode::OK);
    let again = with_key(Method::GET, "/lictor/keys/current").await;
    assert_eq!(again.headers.get("x-lictor-reason").unwrap(), "revoked-key");
}
