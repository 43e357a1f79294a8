//! Do keys, passwords and sessions end when they should?

use crate::stage::*;
use lictor_model::*;
use lictor_store::*;

pub(crate) async fn a_revoked_key_stays_listed_and_is_found_by_its_end(stage: Stage) {
    stage.add_user("alice", Some("owner")).await.unwrap();
    for (secret, hint) in [("a", "aaaa"), ("b", "bbbb")] {
        let new = NewKey {
            principal: named("alice"),
            label: String::new(),
            digest: Digest::of(secret.as_bytes()),
            hint: hint.to_owned(),
            expires_at: Some(Timestamp::from_micros(9)),
            narrowing: None,
        };
        stage.store.add_key(&By::console(), new).await.unwrap();
    }
    let revoked = stage.store.revoke_key(&By::console(), "bbbb").await.unwrap();
    assert!(revoked.revoked_at.is_some());
    assert!(matches!(stage.store.revoke_key(&By::console(), "bbbb").await, Err(StoreError::NotFound { .. })));
    assert_eq!(stage.store.list_keys(Some(&named("alice"))).await.unwrap().len(), 2);
    let last =
        LastUse { at: Timestamp::from_micros(7), client_ip: "::1".to_owned(), client_version: "3.8.8".to_owned() };
    let before = stage.store.versions().await.unwrap();
    stage.store.note_key_uses(&[(revoked.id.clone(), last.clone())]).await.unwrap();
    assert_eq!(stage.store.versions().await.unwrap(), before);
    let keys = stage.store.list_keys(None).await.unwrap();
    assert_eq!(keys.iter().find(|key| key.id == revoked.id).unwrap().last_used, Some(last));
}

pub(crate) async fn the_limits_of_a_key_read_back_and_unreadable_ones_are_not_none(stage: Stage) {
    stage.add_user("alice", Some("owner")).await.unwrap();
    let narrowing = Narrowing {
        permissions: Some(PermissionSet::of(&[Permission::SeeFlows, Permission::ControlFlowRuns])),
        read_only: true,
        workspace: Some("main".into()),
        work_pools: vec!["etl \"x\"".to_owned()],
        networks: vec!["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()],
    };
    let new = NewKey {
        principal: named("alice"),
        label: String::new(),
        digest: Digest::of(b"a"),
        hint: "aaaa".to_owned(),
        expires_at: None,
        narrowing: Some(narrowing.clone()),
    };
    let made = stage.store.add_key(&By::console(), new).await.unwrap();
    assert_eq!(stage.store.list_keys(None).await.unwrap(), [made]);
    for unreadable in ["{\"only_on_mondays\":true}", "{\"permissions\":[\"see_nothing\"]}", "{"] {
        execute(&stage.url, &format!("UPDATE api_keys SET narrowing = '{unreadable}'")).await.unwrap();
        let error = stage.store.load_directory().await.unwrap_err();
        assert!(error.to_string().contains("narrowing"), "{error}");
    }
}

pub(crate) async fn sessions_end_with_their_principal(stage: Stage) {
    stage.add_user("root", Some("owner")).await.unwrap();
    let alice = stage.add_user("alice", None).await.unwrap();
    let by = By::console();
    for id in ["one", "two", "three"] {
        stage.store.start_session(&by, session(id, &alice)).await.unwrap();
    }
    stage.store.end_session(&by, &"one".into()).await.unwrap();
    stage.store.end_sessions_of(&by, &alice.id, Some(&"two".into())).await.unwrap();
    let before = stage.store.load_sessions().await.unwrap();
    assert_eq!(before.sessions, vec![session("two", &alice)]);
    stage.store.set_disabled(&by, &named("alice"), true).await.unwrap();
    let after = stage.store.load_sessions().await.unwrap();
    assert!(after.sessions.is_empty() && after.version > before.version);
}

pub(crate) async fn a_view_is_one_sessions_and_outlives_whom_it_shows(stage: Stage) {
    let (root, by) = (stage.add_user("root", Some("owner")).await.unwrap(), By::console());
    let alice = stage.add_user("alice", None).await.unwrap();
    for id in ["one", "two"] {
        stage.store.start_session(&by, session(id, &root)).await.unwrap();
    }
    let viewing = async || -> Vec<Option<PrincipalId>> {
        stage.store.load_sessions().await.unwrap().sessions.into_iter().map(|session| session.viewing).collect()
    };
    let before = stage.store.versions().await.unwrap().sessions;
    assert!(stage.store.set_viewing(&by, &"one".into(), Some(&alice.id)).await.unwrap());
    assert!(stage.store.versions().await.unwrap().sessions > before, "every replica hears of it");
    assert!(!stage.store.set_viewing(&by, &"one".into(), Some(&alice.id)).await.unwrap(), "it is so already");
    assert_eq!(viewing().await, [Some(alice.id.clone()), None]);
    let missing = stage.store.set_viewing(&by, &"one".into(), Some(&"nobody".into())).await;
    assert!(matches!(missing, Err(StoreError::NotFound { .. })));
    assert!(matches!(stage.store.set_viewing(&by, &"three".into(), None).await, Err(StoreError::NotFound { .. })));
    stage.store.remove_principal(&by, &named("alice")).await.unwrap();
    assert_eq!(viewing().await, [Some(alice.id), None], "it must not turn into root's own rights");
    assert!(stage.store.set_viewing(&by, &"one".into(), None).await.unwrap());
    assert!(!stage.store.set_viewing(&by, &"one".into(), None).await.unwrap());
    assert_eq!(viewing().await, [None, None]);
    let operations = stage.operations().await;
    assert_eq!(operations.iter().filter(|operation| operation.starts_with("view-as.")).count(), 2);
}

pub(crate) async fn a_key_is_revoked_by_its_end_only_when_that_is_unambiguous(stage: Stage) {
    let by = By::console();
    stage.add_user("alice", None).await.unwrap();
    let first = stage.add_key("alice", "one!", "laptop").await;
    stage.add_key("alice", "two!", "laptop").await;
    let ambiguous = stage.store.revoke_key(&by, "laptop").await;
    assert!(matches!(ambiguous, Err(StoreError::AmbiguousKey(_))), "{ambiguous:?}");
    let nothing = stage.store.revoke_key(&by, "").await;
    assert!(matches!(nothing, Err(StoreError::NotFound { .. })), "{nothing:?}");
    let revoked = stage.store.revoke_key(&by, first.id.as_str()).await.unwrap();
    let before = stage.store.versions().await.unwrap();
    assert_eq!(stage.store.revoke_key(&by, first.id.as_str()).await.unwrap(), revoked);
    assert_eq!(stage.store.versions().await.unwrap(), before);
}

pub(crate) async fn nothing_secret_prints(stage: Stage) {
    stage.add_user("alice", None).await.unwrap();
    let key = stage.add_key("alice", "last", "").await;
    let directory = stage.store.load_directory().await.unwrap();
    let lists = format!("{:?} {directory:?}", stage.store.list_keys(None).await.unwrap());
    assert!(lists.contains(key.id.as_str()));
    assert!(!lists.contains(&key.digest.to_hex()) && !lists.contains("$hash"), "{lists}");
    let record = format!("{:?}", stage.store.list_audit(AuditFilter::default()).await.unwrap());
    assert!(!record.contains(&key.digest.to_hex()) && !record.contains("$hash"), "{record}");
}

pub(crate) async fn a_hash_is_improved_only_while_it_is_the_same(stage: Stage) {
    stage.add_user("alice", None).await.unwrap();
    let before = stage.store.load_directory().await.unwrap();
    let id = before.passwords[0].id.clone();
    assert!(stage.store.rehash_password(&id, "$hash", "$better").await.unwrap());
    assert!(!stage.store.rehash_password(&id, "$hash", "$older").await.unwrap());
    let after = stage.store.load_directory().await.unwrap();
    assert_eq!((after.passwords[0].hash.as_str(), &after.passwords[0].id), ("$better", &id));
    assert_eq!(after.version, before.version + 1);
    stage.store.set_password(&By::console(), &named("alice"), "$new", false).await.unwrap();
    assert!(!stage.store.rehash_password(&id, "$new", "$late").await.unwrap());
    assert_ne!(stage.store.load_directory().await.unwrap().passwords[0].id, id);
}

pub(crate) async fn a_machine_has_no_password(stage: Stage) {
    let machine =
        |password| NewPrincipal { kind: PrincipalKind::ServiceAccount, name: named("machine"), password, role: None };
    let by = By::console();
    let refused = stage.store.add_principal(&by, machine(Some(("$hash".to_owned(), false)))).await;
    assert!(matches!(refused, Err(StoreError::NoPasswords(_))), "{refused:?}");
    stage.store.add_principal(&by, machine(None)).await.unwrap();
    let refused = stage.store.set_password(&by, &named("machine"), "$hash", false).await;
    assert!(matches!(refused, Err(StoreError::NoPasswords(_))), "{refused:?}");
    assert_eq!(stage.operations().await, ["service-account.add"]);
}

pub(crate) async fn another_password_ends_all_sessions_but_the_one_that_asks(stage: Stage) {
    let alice = stage.add_user("alice", None).await.unwrap();
    for id in ["here", "elsewhere"] {
        stage.store.start_session(&By::console(), session(id, &alice)).await.unwrap();
    }
    let here = CredentialRef { kind: CredentialKind::Session, id: "here".into() };
    let by = By { credential: Some(here), ..By::console() };
    stage.store.set_password(&by, &named("alice"), "$new", false).await.unwrap();
    let left = stage.store.load_sessions().await.unwrap().sessions;
    assert_eq!(left, [session("here", &alice)]);
    stage.store.set_password(&By::console(), &named("alice"), "$newer", false).await.unwrap();
    assert!(stage.store.load_sessions().await.unwrap().sessions.is_empty());
}

pub(crate) async fn idle_and_expired_sessions_are_deleted_and_a_touch_is_not_a_change(stage: Stage) {
    let alice = stage.add_user("alice", None).await.unwrap();
    for id in ["idle", "expired", "live"] {
        let expires_at = Timestamp::from_micros(if id == "expired" { 1_000_000 } else { 2_000_000 });
        let new = SessionRow { expires_at, ..session(id, &alice) };
        stage.store.start_session(&By::console(), new).await.unwrap();
    }
    let before = stage.store.versions().await.unwrap();
    let touched = Timestamp::from_micros(500);
    stage.store.touch_sessions(&[("live".into(), touched), ("expired".into(), touched)]).await.unwrap();
    stage.store.touch_sessions(&[("live".into(), Timestamp::from_micros(2))]).await.unwrap();
    assert_eq!(stage.store.versions().await.unwrap(), before);
    assert_eq!(stage.store.delete_expired_sessions(Timestamp::from_micros(400)).await.unwrap(), 2);
    let left = stage.store.load_sessions().await.unwrap().sessions;
    assert_eq!(left.len(), 1);
    assert_eq!((left[0].id.as_str(), left[0].last_seen_at), ("live", touched));
    let before = stage.store.versions().await.unwrap();
    assert_eq!(stage.store.delete_expired_sessions(Timestamp::from_micros(400)).await.unwrap(), 0);
    assert_eq!(stage.store.versions().await.unwrap(), before);
}

pub(crate) async fn a_session_cannot_begin_for_someone_removed(stage: Stage) {
    let alice = stage.add_user("alice", None).await.unwrap();
    stage.store.remove_principal(&By::console(), &named("alice")).await.unwrap();
    let refused = stage.store.start_session(&By::console(), session("late", &alice)).await;
    assert!(matches!(refused, Err(StoreError::NotFound { .. })), "{refused:?}");
}

fn session(id: &str, of: &Principal) -> SessionRow {
    SessionRow {
        id: id.into(),
        principal: of.id.clone(),
        digest: Digest::of(id.as_bytes()),
        created_at: Timestamp::from_micros(1),
        last_seen_at: Timestamp::from_micros(1),
        expires_at: Timestamp::from_micros(100),
        client_ip: "::1".to_owned(),
        user_agent: "browser".to_owned(),
        proved_at: Timestamp::from_micros(1),
        factor: Some(FactorKind::Provider),
        viewing: None,
    }
}
