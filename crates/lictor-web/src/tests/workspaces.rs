//! Does a person see the workspaces that they have a grant in, and no others?

use super::*;

/// `carol`, a viewer in `research` alone.
async fn carol(stage: &Stage) -> String {
    let hash = lictor_authn::password::hash(PASSWORD).unwrap();
    let role = Some((RoleName::parse("viewer").unwrap(), Scope::Workspace("research".into())));
    let name = PrincipalName::parse("carol").unwrap();
    let new = NewPrincipal { kind: PrincipalKind::User, name, password: Some((hash, false)), role };
    stage.store.add_principal(&By::console(), new).await.unwrap();
    stage.web.auth.refresh().await;
    stage.sign_in("carol").await
}

#[tokio::test]
async fn workspaces_without_a_grant_are_named_nowhere() {
    let stage = Stage::new().await;
    let (carol, alice) = (carol(&stage).await, stage.sign_in("alice").await);
    for path in ["/lictor/account", "/lictor/account/keys"] {
        assert!(!stage.get(path, &carol).await.text.contains("in main"), "{path}");
        assert!(stage.get(path, &carol).await.text.contains("in research"), "{path}");
        assert!(stage.get(path, &alice).await.text.contains("in main"), "{path}");
    }
    let wish = |workspace: &str| format!("label=x&expires=never&until=&workspace={workspace}");
    let (theirs, none) = (wish("main"), wish("nowhere"));
    let [theirs, none] = [
        stage.post("/lictor/account/keys", &carol, &theirs).await,
        stage.post("/lictor/account/keys", &carol, &none).await,
    ];
    assert_eq!((theirs.status, none.status), (StatusCode::UNPROCESSABLE_ENTITY, StatusCode::UNPROCESSABLE_ENTITY));
    assert_eq!(
        theirs.text.replace("main", "nowhere").replace("id=\"nowhere\"", ""),
        none.text.replace("main", "nowhere").replace("id=\"nowhere\"", "")
    );
    // The pages are at the address of `main`, as far as a browser tells.
    let me = stage.get("/lictor/me", &carol).await;
    assert_eq!(
        (me.status, me.header(http::HeaderName::from_static("x-lictor-reason"))),
        (StatusCode::FORBIDDEN, "not-a-member")
    );
    assert!(!me.text.contains("main\""));
}

#[tokio::test]
async fn who_has_several_is_led_to_each() {
    let stage = Stage::new().await;
    let alice = stage.sign_in("alice").await;
    let page = stage.get("/lictor/account", &alice).await.text;
    assert!(page.contains("href=\"/\">Open main") && page.contains("href=\"/research/\">Open research"), "{page}");
    let me: serde_json::Value = serde_json::from_str(&stage.get("/lictor/me", &alice).await.text).unwrap();
    let listed = serde_json::json!([
        { "name": "main", "link": "/", "is_here": true },
        { "name": "research", "link": "/research/", "is_here": false },
    ]);
    assert_eq!(me["workspaces"], listed);
    let carol = carol(&stage).await;
    assert!(!stage.get("/lictor/account", &carol).await.text.contains(">Open "), "there is nothing to choose");
}

#[tokio::test]
async fn a_workspace_on_another_host_is_a_link_to_that_host() {
    let mut stage = Stage::new().await;
    let mut doors = (*stage.web.doors).clone();
    doors.addresses[1] = Address { hosts: vec!["lab.example".to_owned()], ..Address::default() };
    stage.web.doors = Arc::new(doors);
    let alice = stage.sign_in("alice").await;
    let page = stage.get("/lictor/account", &alice).await.text;
    assert!(page.contains("href=\"https://lab.example/\">Open research"), "{page}");
    let made = stage.post("/lictor/account/keys", &alice, "label=x&expires=never&until=&workspace=research").await.text;
    assert!(made.contains("PREFECT_CLOUD_API_URL=&#39;https://lab.example/api&#39;"), "{made}");
}
