//! Who comes in, from where, and where does it lead them?

use super::*;

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
    stage.web.doors = Arc::new(Doors { base: BasePath::parse("/prefect").unwrap(), ..(*stage.web.doors).clone() });
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
async fn who_must_wait_is_told_for_how_long_to_the_second() {
    let stage = Stage::new().await;
    for _ in 0..10 {
        stage.post("/lictor/sign-in", "", &credentials("alice", "wrong")).await;
    }
    for (waited, left, words) in [(0, "60", "in 60 seconds"), (45, "15", "in 15 seconds"), (14, "1", "in a second")] {
        stage.clock.advance(waited);
        let answer = stage.post("/lictor/sign-in", "", &credentials("alice", PASSWORD)).await;
        assert_eq!((answer.status, answer.header(header::RETRY_AFTER)), (StatusCode::TOO_MANY_REQUESTS, left));
        assert!(answer.text.contains(words), "{words}");
    }
    stage.clock.advance(1);
    stage.sign_in("alice").await;
}
