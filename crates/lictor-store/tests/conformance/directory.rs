//! Is what was changed what is loaded?

use crate::stage::*;
use lictor_model::*;
use lictor_store::*;

pub(crate) async fn what_is_added_is_loaded(stage: Stage) {
    let user = stage.add_user("alice", Some("owner")).await.unwrap();
    let new = NewKey {
        principal: named("alice"),
        label: "laptop".to_owned(),
        digest: Digest::of(b"secret"),
        hint: "cdef".to_owned(),
        expires_at: None,
        narrowing: None,
    };
    let key = stage.store.add_key(&By::console(), new).await.unwrap();
    let directory = stage.store.load_directory().await.unwrap();
    assert_eq!(directory.principals, vec![user.clone()]);
    assert_eq!(directory.keys, vec![key]);
    assert_eq!(directory.assignments.grants[0].principal, user.id);
    assert!(directory.passwords[0].must_change);
    assert_eq!(directory.version, stage.store.versions().await.unwrap().directory);
}

pub(crate) async fn every_change_is_seen_by_another_handle(stage: Stage) {
    let other = Store::open(&stage.url, stage.clock.clone()).await.unwrap();
    let before = other.versions().await.unwrap();
    stage.add_user("alice", Some("owner")).await.unwrap();
    let after = other.versions().await.unwrap();
    assert!(after.directory > before.directory);
    assert_eq!(after.sessions, before.sessions);
    assert!(other.find_principal(&named("alice")).await.unwrap().is_some());
}

pub(crate) async fn a_change_that_fails_leaves_nothing(stage: Stage) {
    let before = stage.store.versions().await.unwrap();
    let unknown = stage.add_user("alice", Some("conductor")).await;
    assert!(matches!(unknown, Err(StoreError::UnknownRole(_))), "{unknown:?}");
    assert_eq!(stage.store.versions().await.unwrap(), before);
    assert!(stage.store.list_principals(None).await.unwrap().is_empty());
    assert!(stage.store.list_audit(AuditFilter::default()).await.unwrap().is_empty());
}

pub(crate) async fn a_name_is_taken_once_and_its_successor_is_somebody_else(stage: Stage) {
    stage.add_user("root", Some("owner")).await.unwrap();
    let first = stage.add_user("alice", Some("viewer")).await.unwrap();
    assert!(matches!(stage.add_user("alice", None).await, Err(StoreError::NameTaken { .. })));
    stage.store.remove_principal(&By::console(), &named("alice")).await.unwrap();
    let second = stage.add_user("alice", None).await.unwrap();
    assert_ne!(first.id, second.id);
    let grants = stage.store.load_assignments().await.unwrap().grants;
    assert!(grants.iter().all(|grant| grant.principal != second.id && grant.principal != first.id));
}

pub(crate) async fn a_role_in_use_cannot_be_removed(stage: Stage) {
    stage.add_user("alice", Some("owner")).await.unwrap();
    let custom = Role {
        name: role("deployer"),
        description: "deploys".to_owned(),
        base: Some(role("viewer")),
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

pub(crate) async fn a_damaged_row_is_named(stage: Stage) {
    let alice = stage.add_user("alice", Some("owner")).await.unwrap();
    let key = stage.add_key("alice", "last", "").await;
    execute(&stage.url, "UPDATE api_keys SET digest = 'no digest'").await.unwrap();
    let error = stage.store.load_directory().await.unwrap_err();
    let named =
        matches!(&error, StoreError::Corrupt { table: "api_keys", id, column: "digest" } if id == key.id.as_str());
    assert!(named, "{error}");
    execute(&stage.url, "UPDATE principals SET kind = 'robot'").await.unwrap();
    let error = stage.store.load_directory().await.unwrap_err();
    let named =
        matches!(&error, StoreError::Corrupt { table: "principals", id, column: "kind" } if id == alice.id.as_str());
    assert!(named && !error.is_unavailable(), "{error}");
}

pub(crate) async fn an_unknown_role_is_refused_and_an_unknown_name_is_not_found(stage: Stage) {
    let by = By::console();
    stage.add_user("alice", Some("owner")).await.unwrap();
    let unknown = stage.store.add_grant(&by, &named("alice"), role("conductor"), Scope::Everywhere).await;
    assert!(matches!(unknown, Err(StoreError::UnknownRole(name)) if name == "conductor"));
    let nobody = named("nobody");
    let missing = [
        stage.store.set_disabled(&by, &nobody, true).await.err(),
        stage.store.remove_principal(&by, &nobody).await.err(),
        stage.store.set_password(&by, &nobody, "$hash", false).await.err(),
        stage.store.add_grant(&by, &nobody, role("viewer"), Scope::Everywhere).await.err(),
        stage.store.remove_grant(&by, &named("alice"), &role("viewer"), &Scope::Everywhere).await.err(),
        stage.store.remove_role(&by, &role("conductor")).await.err(),
        stage.store.list_keys(Some(&nobody)).await.err(),
    ];
    for error in missing {
        assert!(matches!(error, Some(StoreError::NotFound { .. })), "{error:?}");
    }
    assert_eq!(stage.operations().await, ["grant.add", "user.add"]);
}

pub(crate) async fn a_built_in_role_can_be_neither_replaced_nor_removed(stage: Stage) {
    let viewer = Role { name: role("viewer"), permissions: PermissionSet::all(), ..empty_role("viewer") };
    let replaced = stage.store.add_role(&By::console(), viewer).await;
    assert!(matches!(replaced, Err(StoreError::NameTaken { .. })), "{replaced:?}");
    let removed = stage.store.remove_role(&By::console(), &role("viewer")).await;
    assert!(matches!(removed, Err(StoreError::RoleBuiltIn(_))), "{removed:?}");
}

pub(crate) async fn no_name_of_a_workspace_means_everywhere(stage: Stage) {
    stage.add_user("alice", None).await.unwrap();
    for name in ["", "*", "everywhere"] {
        let scope = Scope::Workspace(name.into());
        let by = By::console();
        let grant = stage.store.add_grant(&by, &named("alice"), role("viewer"), scope.clone()).await.unwrap();
        assert_eq!(grant.scope, scope);
    }
    let grants = stage.store.load_assignments().await.unwrap().grants;
    assert_eq!(grants.len(), 3);
    assert!(grants.iter().all(|grant| grant.scope != Scope::Everywhere));
}

pub(crate) async fn every_change_moves_the_version_of_what_it_changes(stage: Stage) {
    let (by, alice) = (By::console(), named("alice"));
    let mut before = stage.store.versions().await.unwrap();
    let custom = empty_role("own");
    for step in 0..9 {
        match step {
            0 => drop(stage.add_user("alice", None).await.unwrap()),
            1 => drop(stage.add_key("alice", "last", "").await),
            2 => drop(stage.store.revoke_key(&by, "last").await.unwrap()),
            3 => stage.store.add_role(&by, custom.clone()).await.unwrap(),
            4 => drop(stage.store.add_grant(&by, &alice, role("own"), Scope::Everywhere).await.unwrap()),
            5 => stage.store.remove_grant(&by, &alice, &role("own"), &Scope::Everywhere).await.unwrap(),
            6 => stage.store.remove_role(&by, &role("own")).await.unwrap(),
            7 => stage.store.set_password(&by, &alice, "$other", false).await.unwrap(),
            _ => stage.store.remove_principal(&by, &alice).await.unwrap(),
        }
        let after = stage.store.versions().await.unwrap();
        assert!(after.directory > before.directory, "step {step}");
        before = after;
    }
    let recorded = ["user.remove", "user.set-password", "role.remove", "grant.remove", "grant.add", "role.add"];
    let operations = stage.operations().await;
    assert_eq!(operations[..6], recorded);
    assert_eq!(operations[6..], ["key.revoke", "key.create", "user.add"]);
}
