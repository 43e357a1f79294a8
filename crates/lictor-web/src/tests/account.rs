//! What does a person see and do on the pages of the account?

use super::*;

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
