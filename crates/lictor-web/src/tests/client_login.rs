//! Does a Prefect client get a key by the word of a signed-in person, on their own machine, and nobody elsewhere?

use super::*;

const FIELDS: &str = "callback=http%3A%2F%2Flocalhost%3A8080&label=laptop&expires=1d&workspace=";

#[tokio::test]
async fn a_key_is_handed_to_this_machine_by_a_page_that_may_speak_to_it_alone() {
    let stage = Stage::new().await;
    let sent_away = stage.get("/auth/client?callback=http%3A//localhost:8080", "").await;
    let next = "%2Fauth%2Fclient%3Fcallback%3Dhttp%253A%252F%252Flocalhost%253A8080";
    assert_eq!(sent_away.header(header::LOCATION), format!("/lictor/sign-in?next={next}"));
    let cookie = stage.sign_in("alice").await;
    let asked = stage.get("/auth/client?callback=http%3A//localhost:8080", &cookie).await;
    assert!(
        asked.text.contains("at <code>http://localhost:8080</code>") && asked.text.contains("acts as <strong>alice")
    );
    assert!(!asked.header(header::CONTENT_SECURITY_POLICY).contains("connect-src"));
    assert!(stage.store.list_keys(None).await.unwrap().is_empty(), "looking makes nothing");
    let given = stage.post("/auth/client", &cookie, &format!("{FIELDS}&decision=allow&read_only=yes")).await;
    let [row] = &stage.store.list_keys(None).await.unwrap()[..] else { panic!("not one key") };
    assert_eq!((row.label.as_str(), row.narrowing.as_ref().unwrap().read_only), ("laptop", true));
    assert!(
        given.text.contains(&format!("{}'</pre>", row.hint))
            && given.text.contains("data-callback=\"http://localhost:8080\"")
    );
    assert!(given.header(header::CONTENT_SECURITY_POLICY).ends_with("; connect-src http://localhost:8080"));
    assert_eq!(given.header(header::CACHE_CONTROL), "no-store");
}

#[tokio::test]
async fn a_callback_elsewhere_is_refused_before_anybody_is_asked() {
    let stage = Stage::new().await;
    let cookie = stage.sign_in("alice").await;
    for callback in
        ["", "http://evil.example:80", "https://localhost:80", "http://localhost:80@evil.example", "http://localhost"]
    {
        for cookie in ["", &cookie] {
            let answer = stage.get(&format!("/auth/client?callback={callback}"), cookie).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{callback}");
        }
        let form = format!("callback={callback}&decision=allow&label=x&expires=1d");
        assert_eq!(stage.post("/auth/client", &cookie, &form).await.status, StatusCode::BAD_REQUEST, "{callback}");
    }
    assert!(stage.store.list_keys(None).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_no_and_a_wrong_form_and_another_site_make_no_key() {
    let stage = Stage::new().await;
    let cookie = stage.sign_in("alice").await;
    for decision in ["deny", "", "perhaps"] {
        let denied = stage.post("/auth/client", &cookie, &format!("{FIELDS}&decision={decision}")).await;
        assert!(denied.text.contains("data-key=\"\"") && denied.text.contains("denied in the browser"), "{decision}");
    }
    let endless = FIELDS.replace("1d", "never");
    let told = stage.post("/auth/client", &cookie, &format!("{endless}&decision=allow")).await;
    assert_eq!(told.status, StatusCode::UNPROCESSABLE_ENTITY);
    let elsewhere = browser(Method::POST, "/auth/client", &cookie).header("sec-fetch-site", "cross-site");
    let form = Body::from(format!("{FIELDS}&decision=allow"));
    let answer = stage.ask(elsewhere.header(header::CONTENT_TYPE, FORM).body(form).unwrap(), true, "192.0.2.7").await;
    assert_eq!(answer.headers.get("x-lictor-reason").unwrap(), "cross-origin");
    assert!(stage.store.list_keys(None).await.unwrap().is_empty());
}
