//! Does a link set a password once, and say no more of itself than that it has ended?

use lictor_authn::reset::{digest, fresh_token};
use lictor_model::Secret;

use super::*;

const NEW: &str = "another+quiet+harbour";

impl Stage {
    /// A link for alice.
    async fn link(&self, seconds: i64) -> Secret {
        let token = fresh_token().unwrap();
        let (alice, ends) = (PrincipalName::parse("alice").unwrap(), self.clock.now().plus_seconds(seconds));
        let digest = digest(token.expose()).unwrap();
        self.store.add_reset_link(&By::console(), &alice, &digest, ends).await.unwrap();
        token
    }

    async fn open(&self, token: &str) -> Answer {
        self.get(&format!("/lictor/reset?token={token}"), "").await
    }
}

fn form(token: &str, new: &str, repeat: &str) -> String {
    format!("token={token}&new={new}&repeat={repeat}")
}

#[tokio::test]
async fn a_link_sets_the_password_once_and_ends_the_sessions() {
    let stage = Stage::new().await;
    let cookie = stage.sign_in("alice").await;
    let token = stage.link(3600).await;
    for _ in 0..2 {
        let page = stage.open(token.expose()).await;
        assert!(page.status == StatusCode::OK && page.text.contains("Choose a new password, alice"));
        assert_eq!(page.header(header::REFERRER_POLICY), "same-origin");
    }
    let done = stage.post("/lictor/reset", &cookie, &form(token.expose(), NEW, NEW)).await;
    assert_eq!(done.header(header::LOCATION), "/lictor/sign-in?done=password-reset");
    assert!(done.header(header::SET_COOKIE).ends_with("Max-Age=0"));
    assert_eq!(stage.sessions().await, 0);
    let signed_in = stage.post("/lictor/sign-in", "", &format!("name=alice&password={NEW}")).await;
    assert_eq!(signed_in.status, StatusCode::SEE_OTHER);
    assert_eq!(stage.post("/lictor/reset", "", &form(token.expose(), NEW, NEW)).await.status, StatusCode::GONE);
}

#[tokio::test]
async fn used_expired_unknown_and_mangled_links_look_the_same() {
    let stage = Stage::new().await;
    let used = stage.link(3600).await;
    stage.post("/lictor/reset", "", &form(used.expose(), NEW, NEW)).await;
    let expired = stage.link(60).await;
    stage.clock.advance(60);
    let never = fresh_token().unwrap();
    let mut seen = Vec::new();
    for token in [used.expose(), expired.expose(), never.expose(), "x", "", "%3Cscript%3E"] {
        for answer in [stage.open(token).await, stage.post("/lictor/reset", "", &form(token, NEW, NEW)).await] {
            assert_eq!(answer.status, StatusCode::GONE, "{token}");
            assert_eq!(answer.headers.get("x-lictor-reason").unwrap(), "reset-link-ended");
            seen.push(answer.text);
        }
    }
    assert!(seen.iter().all(|text| *text == seen[0]));
}

#[tokio::test]
async fn a_weak_or_mistyped_password_is_told_and_the_link_goes_on() {
    let stage = Stage::new().await;
    let token = stage.link(3600).await;
    for (new, repeat, problem) in [("short", "short", "new-problem"), (NEW, "other", "repeat-problem")] {
        let page = stage.post("/lictor/reset", "", &form(token.expose(), new, repeat)).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.text.contains(&format!("id=\"{problem}\" role=\"alert\"")), "{}", page.text);
    }
    assert_eq!(stage.open(token.expose()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_link_is_not_used_by_another_site_nor_over_plain_http() {
    let stage = Stage::new().await;
    let token = stage.link(3600).await;
    let request = browser(Method::POST, "/lictor/reset", "").header("sec-fetch-site", "cross-site");
    let body = Body::from(form(token.expose(), NEW, NEW));
    let request = request.header(header::CONTENT_TYPE, FORM).body(body).unwrap();
    assert_eq!(stage.ask(request, true, "192.0.2.7").await.status, StatusCode::FORBIDDEN);
    let path = format!("/lictor/reset?token={}", token.expose());
    let request = browser(Method::GET, &path, "").body(Body::empty()).unwrap();
    let answer = stage.ask(request, false, "192.0.2.7").await;
    assert!(answer.status == StatusCode::FORBIDDEN && answer.text.contains("Signing in needs TLS"));
    assert_eq!(stage.open(token.expose()).await.status, StatusCode::OK);
}
