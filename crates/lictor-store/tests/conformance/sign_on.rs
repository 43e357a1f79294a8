//! Are a provider's people bound to their accounts, and their sessions to the provider?

use lictor_model::*;
use lictor_store::*;

use crate::stage::{Stage, named};

fn person(issuer: &str, subject: &str, names: &[&str]) -> NewExternalAccount {
    NewExternalAccount {
        issuer: issuer.to_owned(),
        subject: subject.to_owned(),
        provider: "idp".to_owned(),
        names: names.iter().map(|name| named(name)).collect(),
    }
}

async fn bind(stage: &Stage, issuer: &str, subject: &str, names: &[&str]) -> Principal {
    stage.store.bind_external_account(&By::console(), person(issuer, subject, names)).await.unwrap()
}

async fn begin(stage: &Stage, of: &Principal, id: &str, subject: &str, sid: Option<&str>) -> ExternalSessionRow {
    let now = stage.clock.now();
    let session = SessionRow {
        id: CredentialId::from(id),
        principal: of.id.clone(),
        digest: Digest::of(id.as_bytes()),
        created_at: now,
        last_seen_at: now,
        expires_at: now.plus_seconds(1_000),
        client_ip: String::new(),
        user_agent: String::new(),
        proved_at: now,
        factor: None,
        viewing: None,
    };
    let external = ExternalSessionRow {
        session: session.id.clone(),
        principal: of.id.clone(),
        provider: "idp".to_owned(),
        issuer: "https://a".to_owned(),
        subject: subject.to_owned(),
        sid: sid.map(str::to_owned),
        refresh_token: Some("sealed".to_owned()),
        id_token: None,
        checked_at: now,
    };
    stage.store.start_external_session(&By::console(), session, external.clone()).await.unwrap();
    external
}

async fn sessions(stage: &Stage) -> Vec<String> {
    let rows = stage.store.load_sessions().await.unwrap().sessions;
    let mut ids: Vec<String> = rows.iter().map(|row| row.id.to_string()).collect();
    ids.sort();
    ids
}

async fn signed_out(stage: &Stage) -> Vec<(PrincipalId, Timestamp)> {
    let mut people = stage.store.load_sessions().await.unwrap().signed_out;
    people.sort();
    people
}

pub(crate) async fn a_person_is_bound_to_one_account_and_never_to_one_that_was_there(stage: Stage) {
    let alice = stage.add_user("alice", Some("owner")).await.unwrap();
    let first = bind(&stage, "https://a", "1", &["alice", "alice-2"]).await;
    assert_eq!((first.name.as_str(), first.id == alice.id), ("alice-2", false));
    assert_eq!(bind(&stage, "https://a", "1", &["somebody-else"]).await, first);
    let other = bind(&stage, "https://b", "1", &["alice", "alice-2", "alice-3"]).await;
    assert_eq!(other.name.as_str(), "alice-3");
    assert_eq!(stage.store.find_external_account("https://a", "1").await.unwrap(), Some(first.clone()));
    assert_eq!(stage.store.find_external_account("https://a", "2").await.unwrap(), None);
    let taken = stage.store.bind_external_account(&By::console(), person("https://c", "1", &["alice"])).await;
    assert!(matches!(taken, Err(StoreError::NameTaken { .. })));
    stage.store.remove_principal(&By::console(), &first.name).await.unwrap();
    assert_ne!(bind(&stage, "https://a", "1", &["alice-2"]).await.id, first.id);
}

pub(crate) async fn a_provider_ends_what_it_names_and_nothing_else(stage: Stage) {
    let (one, two) = (bind(&stage, "https://a", "1", &["one"]).await, bind(&stage, "https://a", "2", &["two"]).await);
    for (of, id, subject, sid) in [
        (&one, "s1", "1", Some("x")),
        (&one, "s2", "1", Some("y")),
        (&one, "s3", "1", None),
        (&two, "s4", "2", Some("z")),
    ] {
        begin(&stage, of, id, subject, sid).await;
    }
    let end = |issuer: &'static str, subject: Option<&'static str>, sid: Option<&'static str>| {
        let store = stage.store.clone();
        async move { store.end_external_sessions(&By::console(), issuer, subject, sid).await.unwrap() }
    };
    let before = stage.store.versions().await.unwrap();
    assert_eq!(end("https://b", Some("1"), None).await, 0);
    assert_eq!(end("https://a", None, Some("w")).await, 0);
    assert_eq!(end("https://a", None, None).await, 0);
    assert_eq!(stage.store.versions().await.unwrap(), before);
    assert_eq!(signed_out(&stage).await, []);
    assert_eq!(end("https://a", None, Some("x")).await, 1);
    assert_eq!(sessions(&stage).await, ["s2", "s3", "s4"]);
    let first = stage.clock.now();
    assert_eq!(signed_out(&stage).await, [(one.id.clone(), first)]);
    stage.clock.advance(1);
    assert_eq!(end("https://a", Some("2"), Some("x")).await, 0, "a session of another");
    let mut both = vec![(one.id.clone(), first), (two.id.clone(), stage.clock.now())];
    both.sort();
    assert_eq!(signed_out(&stage).await, both, "the person is named all the same");
    assert_eq!(end("https://a", Some("1"), Some("w")).await, 1);
    assert_eq!(sessions(&stage).await, ["s2", "s4"], "the one without a name may be meant");
    assert_eq!(end("https://a", Some("1"), None).await, 1);
    assert_eq!(sessions(&stage).await, ["s4"]);
    assert!(stage.store.versions().await.unwrap().sessions > before.sessions);
    assert!(stage.operations().await.iter().filter(|operation| *operation == "session.end").count() == 3);
}

pub(crate) async fn a_recheck_is_due_once_and_its_tokens_are_kept(stage: Stage) {
    let one = bind(&stage, "https://a", "1", &["one"]).await;
    let begun = begin(&stage, &one, "s1", "1", Some("x")).await;
    let due = |before| {
        let store = stage.store.clone();
        async move { store.due_external_sessions("idp", before, 10).await.unwrap() }
    };
    assert_eq!(due(stage.clock.now()).await, []);
    stage.clock.advance(60);
    assert_eq!(due(stage.clock.now()).await, std::slice::from_ref(&begun));
    assert!(stage.store.due_external_sessions("other", stage.clock.now(), 10).await.unwrap().is_empty());
    assert!(stage.store.claim_recheck(&begun).await.unwrap());
    assert!(!stage.store.claim_recheck(&begun).await.unwrap(), "another replica has it");
    stage.store.keep_tokens(&begun.session, Some("newer"), None).await.unwrap();
    stage.store.keep_tokens(&begun.session, None, Some("hint")).await.unwrap();
    let kept = stage.store.external_session(&begun.session).await.unwrap().unwrap();
    assert_eq!((kept.refresh_token.as_deref(), kept.id_token.as_deref()), (Some("newer"), Some("hint")));
    assert!(!format!("{kept:?}").contains("newer"));
    stage.store.end_session(&By::console(), &begun.session).await.unwrap();
    assert_eq!(stage.store.external_session(&begun.session).await.unwrap(), None);
}

pub(crate) async fn those_whom_the_provider_has_not_confirmed_are_found_while_they_have_something_of_it(stage: Stage) {
    let one = bind(&stage, "https://a", "1", &["one"]).await;
    let two = bind(&stage, "https://a", "2", &["two"]).await;
    let gifts = RuleGifts { teams: vec![], grants: vec![(crate::stage::role("viewer"), Scope::Everywhere)] };
    for principal in [&one, &two] {
        stage.store.apply_sign_in_rules(&By::console(), &principal.id, "idp", &gifts).await.unwrap();
    }
    stage.clock.advance(60);
    stage.store.confirm_external_account("https://a", "2").await.unwrap();
    let unconfirmed = |provider: &'static str| {
        let (store, now) = (stage.store.clone(), stage.clock.now());
        async move { store.unconfirmed_since(provider, now).await.unwrap() }
    };
    assert_eq!(unconfirmed("idp").await, std::slice::from_ref(&one.id));
    assert!(unconfirmed("other").await.is_empty());
    stage.store.apply_sign_in_rules(&By::console(), &one.id, "idp", &RuleGifts::default()).await.unwrap();
    assert!(unconfirmed("idp").await.is_empty());
    begin(&stage, &one, "s1", "1", None).await;
    assert_eq!(stage.store.end_sessions_through(&By::console(), "other").await.unwrap(), 0);
    assert_eq!(stage.store.end_sessions_through(&By::console(), "idp").await.unwrap(), 1);
    assert!(sessions(&stage).await.is_empty());
}

pub(crate) async fn what_is_spent_is_spent_until_its_end(stage: Stage) {
    let until = stage.clock.now().plus_seconds(60);
    assert!(stage.store.spend("a", until).await.unwrap());
    assert!(!stage.store.spend("a", until).await.unwrap());
    assert!(stage.store.spend("b", until).await.unwrap());
    stage.clock.advance(60);
    assert!(stage.store.spend("a", stage.clock.now().plus_seconds(60)).await.unwrap());
}

pub(crate) async fn two_browsers_of_a_new_person_make_one_account(stage: Stage) {
    let (store, by) = (stage.another().await, By::console());
    let both = tokio::join!(
        stage.store.bind_external_account(&by, person("https://a", "1", &["one", "one-2"])),
        store.bind_external_account(&by, person("https://a", "1", &["one", "one-2"])),
    );
    assert_eq!(both.0.unwrap(), both.1.unwrap());
}
