//! Do the pages of second factors ask for what they must, where they must?

use super::*;

const STALE: i64 = 15 * 60;

#[tokio::test]
async fn a_change_asks_again_a_while_later_and_leads_back() {
    let stage = Stage::new().await;
    let cookie = stage.sign_in("alice").await;
    assert!(stage.get("/lictor/account/keys", &cookie).await.text.contains("Make the key</button>"));
    assert_eq!(stage.get("/lictor/confirm?next=%2Fv2", &cookie).await.header(header::LOCATION), "/v2");
    stage.clock.advance(STALE);
    stage.web.auth.refresh().await;
    let page = stage.get("/lictor/account/keys", &cookie).await.text;
    assert!(
        page.contains("/lictor/confirm?next=%2Flictor%2Faccount%2Fkeys\"") && !page.contains("Make the key</button>"),
        "{page}"
    );
    let sent = stage.post("/lictor/account/keys", &cookie, "label=laptop&expires=never").await;
    assert_eq!(sent.header(header::LOCATION), "/lictor/confirm?next=%2Flictor%2Faccount%2Fkeys");
    assert_eq!(stage.store.list_keys(None).await.unwrap().len(), 0);
    // Whoever has no second factor gives the current password on that page anyway.
    assert_eq!(stage.get("/lictor/account/password", &cookie).await.status, StatusCode::OK);
    let wrong = stage.post("/lictor/confirm", &cookie, "password=wrong").await;
    assert!(wrong.status == StatusCode::UNAUTHORIZED && wrong.text.contains("This is not your password."));
    let form = format!("password={}&next=%2Flictor%2Faccount%2Fkeys", PASSWORD.replace(' ', "+"));
    let confirmed = stage.post("/lictor/confirm", &cookie, &form).await;
    assert_eq!(confirmed.header(header::LOCATION), "/lictor/account/keys");
    let fresh = format!("__Host-lictor={}", confirmed.cookie_value());
    assert!(stage.get("/lictor/account/keys", &fresh).await.text.contains("Make the key</button>"));
    assert_eq!(stage.get("/lictor/account/keys", &cookie).await.status, StatusCode::SEE_OTHER, "the old cookie");
}

#[tokio::test]
async fn a_code_and_a_password_at_once_are_neither() {
    let stage = Stage::new().await;
    let cookie = stage.sign_in("alice").await;
    stage.clock.advance(STALE);
    stage.web.auth.refresh().await;
    for form in ["", "code=1&password=2", "answer=%7B%7D&password=2", "code=123456", "token=x&answer=%7B%7D"] {
        let answer = stage.post("/lictor/confirm", &cookie, form).await;
        assert!(
            answer.status == StatusCode::UNAUTHORIZED && !answer.headers.contains_key(header::SET_COOKIE),
            "{form}: {} {}",
            answer.status,
            answer.text
        );
    }
    for path in ["/lictor/confirm", "/lictor/sign-in/passkey", "/lictor/reset-factors?token=x"] {
        let request = browser(Method::GET, path, "").body(Body::empty()).unwrap();
        let answer = stage.ask(request, false, "192.0.2.7").await;
        assert!(answer.status == StatusCode::FORBIDDEN && answer.text.contains("Signing in needs TLS"), "{path}");
    }
}

#[tokio::test]
async fn passkeys_are_offered_where_browsers_have_them() {
    let stage = Stage::new().await;
    assert!(stage.get("/lictor/sign-in", "").await.text.contains("/lictor/sign-in/passkey?next=%2F"));
    let page = stage.get("/lictor/sign-in/passkey?next=%2Fv2", "").await;
    assert!(page.text.contains("data-passkey=\"show\"") && page.text.contains("gate.example"), "{}", page.text);
    let request = browser(Method::GET, "/lictor/sign-in", "").body(Body::empty()).unwrap();
    let plain = stage.ask(request, false, "127.0.0.1").await;
    assert!(!plain.text.contains("/lictor/sign-in/passkey"));
}
