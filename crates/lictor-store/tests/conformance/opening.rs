//! Is what was committed still there, however many open it?

use std::os::unix::fs::PermissionsExt;

use crate::stage::*;
use lictor_model::*;
use lictor_store::*;

pub(crate) async fn what_was_committed_outlives_the_handle(stage: Stage) {
    stage.add_user("alice", Some("owner")).await.unwrap();
    stage.store.meta_set("a", "1").await.unwrap();
    stage.store.close().await;
    let again = stage.another().await;
    assert_eq!(again.list_principals(None).await.unwrap().len(), 1);
    assert_eq!(again.meta_get("a").await.unwrap().as_deref(), Some("1"));
}

pub(crate) async fn what_was_given_up_is_there_whole_or_not_at_all_and_blocks_nobody(stage: Stage) {
    let by = By::console();
    let change = stage.store.add_principal(&by, new_user("alice", None));
    // Given up in the middle, as by a client that hangs up: polled once, then dropped.
    let polled = tokio::time::timeout(std::time::Duration::ZERO, change).await;
    let (answered, other) = (polled.is_ok(), stage.another().await);
    other.add_principal(&by, new_user("bob", None)).await.unwrap();
    // A commit that was under way when the caller left may still be made: then whole, with its event.
    let kept = other.find_principal(&named("alice")).await.unwrap().is_some();
    assert!(kept || !answered);
    let events = other.list_audit(AuditFilter::default()).await.unwrap();
    assert_eq!(events.iter().any(|event| event.object == "alice"), kept);
}

pub(crate) async fn many_openers_of_a_new_database_agree_on_its_tables(place: Place) {
    let openings: Vec<_> = (0..6)
        .map(|_| {
            let url = place.url.clone();
            tokio::spawn(async move { Store::open(&url, Clock::system()).await })
        })
        .collect();
    for opening in openings {
        let store = opening.await.unwrap().unwrap();
        assert_eq!(store.versions().await.unwrap(), Versions { directory: 1, sessions: 1, bans: 1 });
    }
}

pub(crate) async fn a_database_of_a_newer_program_is_opened_only_if_its_tables_serve_this_one(place: Place) {
    Store::open(&place.url, Clock::system()).await.unwrap().close().await;
    let serve_from = |version: &str| format!("UPDATE meta SET value = '{version}' WHERE name = 'tables-serve-from'");
    execute(&place.url, &serve_from("9999")).await.unwrap();
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 SELECT 9999, description, success, checksum, execution_time FROM _sqlx_migrations WHERE version = 1";
    execute(&place.url, newer).await.unwrap();
    let refused = Store::open(&place.url, Clock::system()).await;
    assert!(matches!(refused, Err(StoreError::Newer { theirs: 9999, .. })), "{refused:?}");
    execute(&place.url, "ALTER TABLE principals ADD COLUMN newer TEXT").await.unwrap();
    execute(&place.url, &serve_from("15")).await.unwrap();
    let store = Store::open(&place.url, Clock::system()).await.unwrap();
    let mut file = Vec::new();
    store.back_up(&By::console(), &mut file).await.unwrap();
    store.close().await;
    let older = Store::open("sqlite::memory:", Clock::system()).await.unwrap();
    let refused = older.restore(&By::console(), file.as_slice(), false).await;
    assert!(matches!(refused, Err(BackupError::Newer { theirs: 9999, .. })), "{refused:?}");
    execute(&place.url, "DELETE FROM meta WHERE name = 'tables-serve-from'").await.unwrap();
    assert!(matches!(Store::open(&place.url, Clock::system()).await, Err(StoreError::Newer { .. })));
}

pub(crate) async fn grants_and_roles_of_before_there_were_teams_are_kept(place: Place) {
    place.migrate_to(2).await;
    for statement in [
        "INSERT INTO principals (id, kind, name, disabled, created_at) VALUES ('p', 'user', 'alice', 0, 1)",
        "INSERT INTO grants (id, principal, role, scope, workspace, created_at) VALUES ('g', 'p', 'owner', 'everywhere', '', 2)",
        "INSERT INTO roles (name, description, permissions) VALUES ('own', 'mine', '[\"see_flows\"]')",
    ] {
        execute(&place.url, statement).await.unwrap();
    }
    let store = Store::open(&place.url, Clock::system()).await.unwrap();
    let kept = store.load_assignments().await.unwrap();
    let old = Grant {
        id: "g".into(),
        principal: "p".into(),
        role: role("owner"),
        scope: Scope::Everywhere,
        source: Source::ByHand,
        created_at: Timestamp::from_micros(2),
    };
    assert_eq!((kept.grants, &kept.roles[0].base), (vec![old], &None));
    // It still goes with its principal, and still counts.
    stage_owner(&store).await;
    store.remove_principal(&By::console(), &named("alice")).await.unwrap();
    assert_eq!(store.load_assignments().await.unwrap().grants.len(), 1);
}

async fn stage_owner(store: &Store) {
    let refused = store.remove_principal(&By::console(), &named("alice")).await;
    assert!(matches!(refused, Err(StoreError::LastOwner)), "{refused:?}");
    store.add_principal(&By::console(), new_user("bob", Some("owner"))).await.unwrap();
}

pub(crate) async fn the_first_to_ask_chooses_a_setting(stage: Stage) {
    assert_eq!(stage.store.meta_get("secret").await.unwrap(), None);
    assert_eq!(stage.store.meta_get_or_set("secret", "one").await.unwrap(), "one");
    assert_eq!(stage.store.meta_get_or_set("secret", "two").await.unwrap(), "one");
    stage.store.meta_set("secret", "three").await.unwrap();
    assert_eq!(stage.store.meta_get("secret").await.unwrap().as_deref(), Some("three"));
}

#[tokio::test]
async fn an_unknown_url_is_named_without_its_password() {
    let error = Store::open("mysql://me:hunter2@host/x", Clock::system()).await.unwrap_err();
    assert!(matches!(&error, StoreError::Url(shown) if shown == "…@host/x"), "{error}");
    assert!(!error.is_unavailable());
}

#[tokio::test]
async fn a_server_that_is_away_is_unavailable() {
    // Bound and dropped: nobody listens there.
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let error = Store::open(&format!("postgres://x@127.0.0.1:{port}/x"), Clock::system()).await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
}

#[tokio::test]
async fn a_closed_store_is_unavailable() {
    let store = Store::open("sqlite::memory:", Clock::system()).await.unwrap();
    store.close().await;
    assert!(store.versions().await.unwrap_err().is_unavailable());
}

#[tokio::test]
async fn the_database_file_and_its_folder_are_private() {
    let place = Place::file().await;
    let stage = Stage::at(place).await;
    stage.add_user("alice", Some("owner")).await.unwrap();
    let file = std::path::Path::new(stage.url.trim_start_matches("sqlite://"));
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(file.parent().unwrap()), 0o700);
    assert_eq!(mode(file), 0o600);
    assert_eq!(mode(&file.with_extension("db-wal")), 0o600);
}
