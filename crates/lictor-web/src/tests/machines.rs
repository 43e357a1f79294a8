//! Does a leaked key die, and does a key rotate, only by whom they should?

use super::*;

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
