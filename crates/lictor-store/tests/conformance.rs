//! Do SQLite and PostgreSQL behave the same? One suite, run on each.
//!
//! PostgreSQL is the one that `LICTOR_TEST_POSTGRES_URL` names; `make test` starts it.

use std::sync::Arc;

use lictor_model::*;
use lictor_store::*;

/// A fresh store, and another handle on the same data.
struct Stage {
    store: Store,
    url: String,
    clock: Clock,
}

impl Stage {
    async fn open(url: String) -> Self {
        let clock = Clock::manual(Timestamp::from_micros(1_000_000));
        Self { store: Store::open(&url, clock.clone()).await.unwrap(), url, clock }
    }

    async fn sqlite_file() -> Self {
        let path = std::env::temp_dir().join(format!("lictor-store-{}.db", uuid::Uuid::new_v4()));
        Self::open(format!("sqlite://{}", path.display())).await
    }

    async fn postgres() -> Self {
        let server = std::env::var("LICTOR_TEST_POSTGRES_URL")
            .expect("LICTOR_TEST_POSTGRES_URL is not set: run the tests with `make test`, which starts a PostgreSQL");
        let name = format!("t{}", uuid::Uuid::new_v4().simple());

        let admin = direct(&server).await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&admin).await.unwrap();
        let (base, _) = server.rsplit_once('/').unwrap();
        Self::open(format!("{base}/{name}")).await
    }

    async fn add_user(&self, name: &str, role: Option<&str>) -> Result<Principal, StoreError> {
        self.store.add_principal(&By::console(), new_user(name, role)).await
    }
}

fn named(name: &str) -> PrincipalName {
    PrincipalName::parse(name).unwrap()
}

fn role(name: &str) -> RoleName {
    RoleName::parse(name).unwrap()
}

fn new_user(name: &str, with: Option<&str>) -> NewPrincipal {
    NewPrincipal {
        kind: PrincipalKind::User,
        name: named(name),
        password: Some(("$hash".to_owned(), true)),
        role: with.map(|with| (role(with), Scope::Everywhere)),
    }
}

fn event(operation: &str) -> AuditEvent {
    AuditEvent {
        id: EventId::fresh(),
        at: Timestamp::from_micros(5),
        actor: Actor::unknown("so\0mebody"),
        credential: Some(CredentialRef { kind: CredentialKind::Key, id: "k".into() }),
        client_ip: "::1".to_owned(),
        operation: operation.to_owned(),
        object: "/x".to_owned(),
        workspace: Some("default".into()),
        outcome: Outcome::Refused,
        reason: "permission-denied".to_owned(),
        status: 403,
        request: Some(RequestId::from("r")),
    }
}

async fn what_is_added_is_loaded(stage: Stage) {
    let user = stage.add_user("alice", Some("owner")).await.unwrap();
    let new = NewKey {
        principal: named("alice"),
        label: "laptop".to_owned(),
        digest: Digest::of(b"secret"),
        hint: "cdef".to_owned(),
        expires_at: None,
    };
    let key = stage.store.add_key(&By::console(), new).await.unwrap();
    let directory = stage.store.load_directory().await.unwrap();
    assert_eq!(directory.principals, vec![user.clone()]);
    assert_eq!(directory.keys, vec![key]);
    assert_eq!(directory.grants[0].principal, user.id);
    assert!(directory.passwords[0].must_change);
    assert_eq!(directory.version, stage.store.versions().await.unwrap().directory);
}

async fn every_change_is_seen_by_another_handle(stage: Stage) {
    let other = Store::open(&stage.url, stage.clock.clone()).await.unwrap();
    let before = other.versions().await.unwrap();
    stage.add_user("alice", Some("owner")).await.unwrap();
    let after = other.versions().await.unwrap();
    assert!(after.directory > before.directory);
    assert_eq!(after.sessions, before.sessions);
    assert!(other.find_principal(&named("alice")).await.unwrap().is_some());
}

async fn a_change_that_fails_leaves_nothing(stage: Stage) {
    let before = stage.store.versions().await.unwrap();
    let unknown = stage.add_user("alice", Some("conductor")).await;
    assert!(matches!(unknown, Err(StoreError::UnknownRole(_))), "{unknown:?}");
    assert_eq!(stage.store.versions().await.unwrap(), before);
    assert!(stage.store.list_principals(None).await.unwrap().is_empty());
    assert!(stage.store.list_audit(AuditFilter::default()).await.unwrap().is_empty());
}

async fn a_name_is_taken_once_and_its_successor_is_somebody_else(stage: Stage) {
    stage.add_user("root", Some("owner")).await.unwrap();
    let first = stage.add_user("alice", Some("viewer")).await.unwrap();
    assert!(matches!(stage.add_user("alice", None).await, Err(StoreError::NameTaken { .. })));
    stage.store.remove_principal(&By::console(), &named("alice")).await.unwrap();
    let second = stage.add_user("alice", None).await.unwrap();
    assert_ne!(first.id, second.id);
    let grants = stage.store.list_grants().await.unwrap();
    assert!(grants.iter().all(|grant| grant.principal != second.id && grant.principal != first.id));
}

async fn the_last_owner_stays(stage: Stage) {
    stage.add_user("alice", Some("owner")).await.unwrap();
    let by = By::console();
    let (alice, owner) = (named("alice"), role("owner"));
    assert!(matches!(stage.store.remove_principal(&by, &alice).await, Err(StoreError::LastOwner)));
    assert!(matches!(stage.store.set_disabled(&by, &alice, true).await, Err(StoreError::LastOwner)));
    let taken = stage.store.remove_grant(&by, &alice, &owner, &Scope::Everywhere).await;
    assert!(matches!(taken, Err(StoreError::LastOwner)));
    stage.add_user("bob", Some("owner")).await.unwrap();
    stage.store.set_disabled(&by, &alice, true).await.unwrap();
}

async fn two_owners_who_remove_each_other_at_once_leave_one(stage: Stage) {
    stage.add_user("alice", Some("owner")).await.unwrap();
    stage.add_user("bob", Some("owner")).await.unwrap();
    let store = Arc::new(stage.store.clone());
    let remove = |name: &str| {
        let (store, name) = (Arc::clone(&store), named(name));
        tokio::spawn(async move { store.remove_principal(&By::console(), &name).await })
    };
    let (first, second) = (remove("alice"), remove("bob"));
    let done = [first.await.unwrap().is_ok(), second.await.unwrap().is_ok()];
    assert_eq!(done.iter().filter(|ok| **ok).count(), 1, "{done:?}");
    assert_eq!(stage.store.list_principals(None).await.unwrap().len(), 1);
}

async fn a_revoked_key_stays_listed_and_is_found_by_its_end(stage: Stage) {
    stage.add_user("alice", Some("owner")).await.unwrap();
    for (secret, hint) in [("a", "aaaa"), ("b", "bbbb")] {
        let new = NewKey {
            principal: named("alice"),
            label: String::new(),
            digest: Digest::of(secret.as_bytes()),
            hint: hint.to_owned(),
            expires_at: Some(Timestamp::from_micros(9)),
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

async fn a_role_in_use_cannot_be_removed(stage: Stage) {
    stage.add_user("alice", Some("owner")).await.unwrap();
    let custom = Role {
        name: role("deployer"),
        description: "deploys".to_owned(),
        permissions: PermissionSet::of(&[Permission::SeeFlows, Permission::WriteDeployments]),
        built_in: false,
    };
    let by = By::console();
    stage.store.add_role(&by, custom.clone()).await.unwrap();
    assert!(matches!(stage.store.add_role(&by, custom.clone()).await, Err(StoreError::NameTaken { .. })));
    assert_eq!(stage.store.list_roles().await.unwrap(), vec![custom]);
    let scope = Scope::Workspace("research".into());
    stage.store.add_grant(&by, &named("alice"), role("deployer"), scope.clone()).await.unwrap();
    let again = stage.store.add_grant(&by, &named("alice"), role("deployer"), scope.clone()).await.unwrap();
    assert_eq!(again.scope, scope);
    assert!(matches!(stage.store.remove_role(&by, &role("deployer")).await, Err(StoreError::RoleInUse(_))));
    stage.store.remove_grant(&by, &named("alice"), &role("deployer"), &scope).await.unwrap();
    stage.store.remove_role(&by, &role("deployer")).await.unwrap();
}

async fn sessions_end_with_their_principal(stage: Stage) {
    stage.add_user("root", Some("owner")).await.unwrap();
    let alice = stage.add_user("alice", None).await.unwrap();
    let session = |id: &'static str| SessionRow {
        id: id.into(),
        principal: alice.id.clone(),
        digest: Digest::of(id.as_bytes()),
        created_at: Timestamp::from_micros(1),
        last_seen_at: Timestamp::from_micros(1),
        expires_at: Timestamp::from_micros(100),
        client_ip: "::1".to_owned(),
        user_agent: "browser".to_owned(),
    };
    let by = By::console();
    for id in ["one", "two", "three"] {
        stage.store.start_session(&by, session(id)).await.unwrap();
    }
    stage.store.end_session(&by, &"one".into()).await.unwrap();
    stage.store.end_sessions_of(&by, &alice.id, Some(&"two".into())).await.unwrap();
    let (version, left) = stage.store.load_sessions().await.unwrap();
    assert_eq!(left, vec![session("two")]);
    stage.store.set_disabled(&by, &named("alice"), true).await.unwrap();
    let (after, left) = stage.store.load_sessions().await.unwrap();
    assert!(left.is_empty() && after > version);
}

async fn the_record_is_listed_newest_first_and_never_changed(stage: Stage) {
    let events: Vec<_> = (0..1200).map(|n| event(&format!("op{n}"))).collect();
    stage.store.append_audit(&events).await.unwrap();
    let page = stage.store.list_audit(AuditFilter { limit: 2, ..Default::default() }).await.unwrap();
    assert_eq!(page[0].operation, "op1199");
    assert_eq!(page[0].actor.name, "so\u{fffd}mebody");
    assert_eq!(page[0].credential, event("x").credential);
    let filter = AuditFilter { before: Some(page[1].id.clone()), limit: 1, ..Default::default() };
    assert_eq!(stage.store.list_audit(filter).await.unwrap()[0].operation, "op1197");
    let filter =
        AuditFilter { operation: Some("op7".to_owned()), since: Some(Timestamp::from_micros(5)), ..Default::default() };
    assert_eq!(stage.store.list_audit(filter).await.unwrap().len(), 1);
    let filter = AuditFilter { until: Some(Timestamp::from_micros(5)), ..Default::default() };
    assert!(stage.store.list_audit(filter).await.unwrap().is_empty());
    for text in ["DELETE FROM audit", "UPDATE audit SET reason = ''"] {
        let direct = direct(&stage.url).await.unwrap();
        assert!(sqlx::query(text).execute(&direct).await.is_err(), "{text}");
    }
}

async fn a_damaged_row_is_named(stage: Stage) {
    stage.add_user("alice", Some("owner")).await.unwrap();
    let direct = direct(&stage.url).await.unwrap();
    sqlx::query("UPDATE principals SET kind = 'robot'").execute(&direct).await.unwrap();
    let error = stage.store.load_directory().await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { table: "principals", column: "kind", .. }), "{error}");
}

async fn what_was_committed_outlives_the_handle(stage: Stage) {
    stage.add_user("alice", Some("owner")).await.unwrap();
    stage.store.meta_set("a", "1").await.unwrap();
    stage.store.close().await;
    let again = Store::open(&stage.url, stage.clock.clone()).await.unwrap();
    assert_eq!(again.list_principals(None).await.unwrap().len(), 1);
    assert_eq!(again.meta_get("a").await.unwrap().as_deref(), Some("1"));
}

async fn many_openers_at_once_agree_on_the_schema(stage: Stage) {
    let open = || Store::open(&stage.url, stage.clock.clone());
    let (a, b, c, d) = tokio::join!(open(), open(), open(), open());
    assert!([a, b, c, d].iter().all(Result::is_ok));
}

macro_rules! conformance {
    ($($name:ident),+ $(,)?) => {
        mod sqlite { $(#[tokio::test(flavor = "multi_thread")] async fn $name() { super::$name(super::Stage::sqlite_file().await).await; })+ }
        mod postgres { $(#[tokio::test(flavor = "multi_thread")] async fn $name() { super::$name(super::Stage::postgres().await).await; })+ }
    };
}

conformance! {
    what_is_added_is_loaded,
    every_change_is_seen_by_another_handle,
    a_change_that_fails_leaves_nothing,
    a_name_is_taken_once_and_its_successor_is_somebody_else,
    the_last_owner_stays,
    two_owners_who_remove_each_other_at_once_leave_one,
    a_revoked_key_stays_listed_and_is_found_by_its_end,
    a_role_in_use_cannot_be_removed,
    sessions_end_with_their_principal,
    the_record_is_listed_newest_first_and_never_changed,
    a_damaged_row_is_named,
    what_was_committed_outlives_the_handle,
    many_openers_at_once_agree_on_the_schema,
}

#[tokio::test]
async fn a_store_in_memory_works_and_an_unknown_url_is_named() {
    let clock = Clock::system();
    let store = Store::open("sqlite::memory:", clock.clone()).await.unwrap();
    store.add_principal(&By::console(), new_user("alice", Some("owner"))).await.unwrap();
    assert_eq!(store.load_directory().await.unwrap().principals.len(), 1);
    assert!(matches!(Store::open("mysql://x", clock).await, Err(StoreError::Url(_))));
}

#[tokio::test]
async fn the_database_file_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let stage = Stage::sqlite_file().await;
    let path = stage.url.trim_start_matches("sqlite://");
    assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
}

/// The database without the store in between.
async fn direct(url: &str) -> Result<sqlx::AnyPool, sqlx::Error> {
    sqlx::any::install_default_drivers();
    sqlx::AnyPool::connect(url).await
}
