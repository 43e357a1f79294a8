//! Is a change made only by whoever may, up to the moment when it is made? And are admins kept?

use std::sync::Arc;

use crate::stage::*;
use lictor_model::*;
use lictor_store::*;

pub(crate) async fn an_admin_is_loaded_and_goes_with_the_principal(stage: Stage) {
    let alice = stage.add_user("alice", None).await.unwrap();
    let (by, before) = (By::console(), stage.store.versions().await.unwrap());
    stage.store.set_admin(&by, &named("alice"), true).await.unwrap();
    stage.store.set_admin(&by, &named("alice"), true).await.unwrap();
    assert!(stage.store.versions().await.unwrap().directory > before.directory);
    assert_eq!(stage.store.load_assignments().await.unwrap().admins, [alice.id]);
    stage.store.set_admin(&by, &named("alice"), false).await.unwrap();
    assert!(stage.store.load_assignments().await.unwrap().admins.is_empty());
    let recorded = stage.operations().await;
    assert_eq!(recorded.iter().filter(|operation| *operation == "account-role.set").count(), 2, "{recorded:?}");
    stage.store.set_admin(&by, &named("alice"), true).await.unwrap();
    stage.store.remove_principal(&by, &named("alice")).await.unwrap();
    assert!(stage.store.load_assignments().await.unwrap().admins.is_empty());
    assert!(matches!(stage.store.set_admin(&by, &named("alice"), true).await, Err(StoreError::NotFound { .. })));
}

pub(crate) async fn a_change_is_made_only_while_the_right_to_it_holds(stage: Stage) {
    let alice = stage.add_user("alice", None).await.unwrap();
    stage.add_user("bob", None).await.unwrap();
    let by = By::console();
    stage.store.set_admin(&by, &named("alice"), true).await.unwrap();
    let guard = async || Guard {
        actor: alice.id.clone(),
        seen: stage.store.versions().await.unwrap().directory,
        holds: {
            let alice = alice.id.clone();
            Arc::new(move |now: &Assignments| now.admins.contains(&alice))
        },
    };
    let disable = async |guard: &Guard, disabled: bool| {
        stage.store.guarded(guard.clone()).set_disabled(&by, &named("bob"), disabled).await
    };
    let seen = guard().await;
    disable(&seen, true).await.unwrap();
    // Something changed since, and the right holds all the same.
    disable(&seen, false).await.unwrap();
    let seen = guard().await;
    stage.store.set_admin(&by, &named("alice"), false).await.unwrap();
    let count = stage.operations().await.len();
    assert!(matches!(disable(&seen, true).await, Err(StoreError::NoLongerAllowed)));
    let session = stage.store.guarded(seen.clone()).end_session(&by, &CredentialId::from("none")).await;
    assert!(matches!(session, Err(StoreError::NoLongerAllowed)), "what moves another version is held to it too");
    assert_eq!(stage.operations().await.len(), count, "what was not done is not on record as done");
    stage.store.set_admin(&by, &named("alice"), true).await.unwrap();
    stage.store.set_disabled(&by, &named("alice"), true).await.unwrap();
    assert!(matches!(disable(&seen, true).await, Err(StoreError::NoLongerAllowed)), "an admin who is disabled is none");
}

pub(crate) async fn a_role_is_changed_as_a_whole(stage: Stage) {
    let by = By::console();
    let mut deployer = empty_role("deployer");
    assert!(matches!(stage.store.change_role(&by, &deployer).await, Err(StoreError::NotFound { .. })));
    stage.store.add_role(&by, deployer.clone()).await.unwrap();
    deployer.permissions = PermissionSet::of(&[Permission::SeeFlows]);
    deployer.base = Some(role("viewer"));
    deployer.description = "deploys".to_owned();
    stage.store.change_role(&by, &deployer).await.unwrap();
    assert_eq!(stage.store.list_roles().await.unwrap(), [deployer.clone()]);
    deployer.base = Some(role("deployer"));
    assert!(matches!(stage.store.change_role(&by, &deployer).await, Err(StoreError::BaseNotBuiltIn(_))));
    let built_in = stage.store.change_role(&by, &empty_role("viewer")).await;
    assert!(matches!(built_in, Err(StoreError::RoleBuiltIn(_))));
    let event = &stage.store.list_audit(AuditFilter::default()).await.unwrap()[0];
    let (operation, object) = (event.operation.as_str(), event.object.as_str());
    assert_eq!((operation, object), ("role.change", "deployer: all of viewer, see_flows"));
}
