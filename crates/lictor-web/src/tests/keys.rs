//! Are keys made, shown once and revoked by their owner alone?

use http::HeaderMap;
use lictor_model::{ApiKey, Digest, Narrowing};
use lictor_store::{KeyRow, LastUse, NewKey};

use super::*;

const KEYS: &str = "/lictor/account/keys";
const REVOKE: &str = "/lictor/account/keys/revoke";

impl Stage {
    async fn keys_of(&self, name: &str) -> Vec<KeyRow> {
        self.store.list_keys(Some(&PrincipalName::parse(name).unwrap())).await.unwrap()
    }

    async fn key(&self, name: &str, label: &str) -> KeyRow {
        let new = NewKey {
            principal: PrincipalName::parse(name).unwrap(),
            label: label.to_owned(),
            digest: Digest::of(label.as_bytes()),
            hint: "abcd".to_owned(),
            expires_at: None,
            narrowing: None,
        };
        self.store.add_key(&By::console(), new).await.unwrap()
    }

    async fn bearer(&self, key: &str) -> Attempt {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, format!("Bearer {key}").parse().unwrap());
        let origin = Origin { client_ip: "192.0.2.7".parse().unwrap(), user_agent: "".into(), secure: true };
        self.web.auth.identify(&headers, &origin).await
    }
}

fn key_in(text: &str) -> ApiKey {
    let (_, rest) = text.split_once("data-copy=\"the key\">").unwrap();
    ApiKey::parse(rest.split_once('<').unwrap().0).unwrap()
}

#[tokio::test]
async fn a_key_is_made_with_its_limits_shown_once_and_works() {
    let stage = Stage::new().await;
    let cookie = stage.sign_in("alice").await;
    let form = "label=nightly+%3Cb%3E&expires=90d&until=&read_only=yes&workspace=research";
    let page = stage.post(KEYS, &cookie, form).await;
    assert_eq!((page.status, page.header(header::CACHE_CONTROL)), (StatusCode::OK, "no-store"));
    let key = key_in(&page.text);
    let Attempt::Verified(identity) = stage.bearer(key.expose()).await else { panic!("the key does not work") };
    assert_eq!(identity.principal.name.as_str(), "alice");
    let [row] = &stage.keys_of("alice").await[..] else { panic!("not one key") };
    assert_eq!((row.label.as_str(), row.digest, row.hint.clone()), ("nightly <b>", key.digest(), key.hint()));
    assert_eq!(row.expires_at, Some(stage.clock.now().plus_seconds(90 * 86_400)));
    let narrow = Narrowing { read_only: true, workspace: Some("research".into()), ..Narrowing::default() };
    assert_eq!(row.narrowing, Some(narrow));
    // Filled in for each client version, for the address of the workspace that the key is good for.
    for part in [
        format!("PREFECT_API_AUTH_STRING=&#39;alice:{}&#39;", key.expose()),
        format!("PREFECT_API_URL=&#39;https://alice:{}@gate.example/research/api&#39;", key.expose()),
        format!("PREFECT_API_KEY=&#39;{}&#39;", key.expose()),
        format!("{{&#34;Authorization&#34;: &#34;Bearer {}&#34;}}", key.expose()),
    ] {
        assert!(page.text.contains(&part), "{part}\n{}", page.text);
    }
    let list = stage.get(KEYS, &cookie).await;
    assert!(!list.text.contains(key.expose()) && list.text.contains(&format!("lictor_…{}", key.hint())));
    assert!(list.text.contains("nightly &#60;b&#62;") && list.text.contains("read-only, workspace research"));
    let made = &stage.store.list_audit(lictor_store::AuditFilter::default()).await.unwrap()[0];
    assert_eq!((made.operation.as_str(), made.actor.name.as_str()), ("key.create", "alice"));
    assert_eq!((made.client_ip.as_str(), made.credential.as_ref().unwrap().kind.as_str()), ("192.0.2.7", "session"));
}

#[tokio::test]
async fn a_key_without_limits_is_one_without_limits() {
    let stage = Stage::new().await;
    let cookie = stage.sign_in("alice").await;
    stage.post(KEYS, &cookie, "label=laptop&expires=never&until=&workspace=").await;
    let [row] = &stage.keys_of("alice").await[..] else { panic!("not one key") };
    assert_eq!((row.expires_at, &row.narrowing), (None, &None));
}

#[tokio::test]
async fn no_key_is_made_that_outlives_a_role() {
    let stage = Stage::new().await;
    let cookie = stage.sign_in("alice").await;
    let role = RoleName::parse("viewer").unwrap();
    stage.store.set_max_key_age(&By::console(), &role, Some(60 * 86_400)).await.unwrap();
    let page = stage.post(KEYS, &cookie, "label=ci&expires=90d").await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.text.contains("id=\"expires-problem\" role=\"alert\"") && page.text.contains("60d at the latest"));
    assert_eq!(stage.keys_of("alice").await, []);
    stage.post(KEYS, &cookie, "label=ci&expires=never&until=&workspace=").await;
    let [row] = &stage.keys_of("alice").await[..] else { panic!("not one key") };
    assert_eq!(row.expires_at, Some(row.created_at.plus_seconds(60 * 86_400)));
    let list = stage.get(KEYS, &cookie).await;
    assert!(list.text.contains("the role viewer lets no key grow older"), "{}", list.text);
}

#[tokio::test]
async fn a_form_that_asks_for_nonsense_makes_nothing_and_keeps_what_was_typed() {
    let stage = Stage::new().await;
    let cookie = stage.sign_in("alice").await;
    for (form, problem) in [
        ("label=&expires=90d", "label-problem"),
        ("label=ci&expires=", "expires-problem"),
        ("label=ci&expires=9999d", "expires-problem"),
        ("label=ci&expires=date&until=yesterday", "expires-problem"),
        ("label=ci&expires=date&until=2027-01-14", "expires-problem"),
        ("label=ci&expires=90d&workspace=elsewhere", "workspace-problem"),
    ] {
        let page = stage.post(KEYS, &cookie, form).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{form}");
        assert!(page.text.contains(&format!("id=\"{problem}\" role=\"alert\"")), "{form}");
        assert!(page.text.contains(&format!("{problem}\" aria-invalid=\"true\"")), "{form}");
        let kept = if form.starts_with("label=ci") { "value=\"ci\"" } else { "value=\"\"" };
        assert!(page.text.contains(kept), "{form}");
    }
    assert_eq!(stage.keys_of("alice").await, []);
    for at in 0..100 {
        stage.key("alice", &format!("k{at}")).await;
    }
    let page = stage.post(KEYS, &cookie, "label=ci&expires=90d").await;
    assert!(page.status == StatusCode::UNPROCESSABLE_ENTITY && page.text.contains("You have 100 keys already"));
    assert_eq!(stage.keys_of("alice").await.len(), 100);
}

#[tokio::test]
async fn a_key_is_revoked_after_its_last_use_was_shown() {
    let stage = Stage::new().await;
    let cookie = stage.sign_in("alice").await;
    let key = stage.key("alice", "ci").await;
    let used =
        LastUse { at: stage.clock.now(), client_ip: "198.51.100.3".to_owned(), client_version: "3.4.25".to_owned() };
    stage.store.note_key_uses(&[(key.id.clone(), used)]).await.unwrap();
    let page = stage.get(&format!("{REVOKE}?key={}", key.id), &cookie).await;
    assert!(page.text.contains("2027-01-15 08:00 UTC from 198.51.100.3, Prefect 3.4.25"), "{}", page.text);
    assert_eq!(stage.keys_of("alice").await[0].revoked_at, None, "asking changes nothing");
    let done = stage.post(REVOKE, &cookie, &format!("key={}", key.id)).await;
    assert_eq!(done.header(header::LOCATION), "/lictor/account/keys?done=key-revoked");
    assert!(stage.keys_of("alice").await[0].revoked_at.is_some());
    let list = stage.get("/lictor/account/keys?done=key-revoked", &cookie).await;
    assert!(
        list.text.contains("role=\"status\">The key is revoked.") && list.text.contains("Revoked and expired keys (1)")
    );
}

#[tokio::test]
async fn somebody_elses_key_is_as_unknown_as_one_that_never_was() {
    let stage = Stage::new().await;
    let cookie = stage.sign_in("alice").await;
    let key = stage.key("bob", "bobs").await;
    for which in [key.id.as_str(), "abcd", "bobs", "", "nothing"] {
        assert_eq!(stage.get(&format!("{REVOKE}?key={which}"), &cookie).await.status, StatusCode::NOT_FOUND);
        assert_eq!(stage.post(REVOKE, &cookie, &format!("key={which}")).await.status, StatusCode::NOT_FOUND);
    }
    assert_eq!(stage.keys_of("bob").await[0].revoked_at, None);
    assert!(!stage.get(KEYS, &cookie).await.text.contains("bobs"));
}

#[tokio::test]
async fn a_key_opens_no_page_and_makes_no_key() {
    let stage = Stage::new().await;
    let cookie = stage.sign_in("alice").await;
    let key = key_in(&stage.post(KEYS, &cookie, "label=laptop&expires=never").await.text);
    for (method, path) in [(Method::GET, KEYS), (Method::POST, KEYS), (Method::POST, REVOKE)] {
        let request = Request::builder().method(method.clone()).uri(path).header("sec-fetch-site", "same-origin");
        let request = request
            .header(header::CONTENT_TYPE, FORM)
            .header(header::AUTHORIZATION, format!("Bearer {}", key.expose()))
            .body(Body::from("label=another&expires=never"))
            .unwrap();
        let answer = stage.ask(request, true, "192.0.2.7").await;
        assert_eq!(answer.headers.get("x-lictor-reason").unwrap(), "permission-denied", "{method} {path}");
    }
    assert_eq!(stage.keys_of("alice").await.len(), 1);
}

#[tokio::test]
async fn a_session_of_a_name_that_was_given_to_somebody_else_makes_them_no_key() {
    let stage = Stage::new().await;
    let by = {
        let cookie = stage.sign_in("bob").await;
        stage.post(KEYS, &cookie, "label=first&expires=never").await;
        let made = &stage.store.list_audit(lictor_store::AuditFilter::default()).await.unwrap()[0];
        By { actor: made.actor.clone(), credential: made.credential.clone(), client_ip: String::new(), request: None }
    };
    let bob = PrincipalName::parse("bob").unwrap();
    stage.store.remove_principal(&By::console(), &bob).await.unwrap();
    let new = NewPrincipal { kind: PrincipalKind::User, name: bob.clone(), password: None, role: None };
    stage.store.add_principal(&By::console(), new).await.unwrap();
    let new = NewKey {
        principal: bob,
        label: "late".to_owned(),
        digest: Digest::of(b"late"),
        hint: "late".to_owned(),
        expires_at: None,
        narrowing: None,
    };
    assert!(stage.store.add_key(&by, new).await.is_err());
    assert_eq!(stage.keys_of("bob").await, []);
}
