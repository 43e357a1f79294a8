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

pub(crate) async fn many_changes_are_made_as_a_whole_or_not_at_all(stage: Stage) {
    stage.add_user("alice", Some("owner")).await.unwrap();
    let by = By::console();
    let seen = async || stage.store.versions().await.unwrap().directory;
    let everywhere = || Scope::Everywhere;
    let listed = [
        (ManagedKind::Principal, "bob".to_owned()),
        (ManagedKind::SecondFactor, "own".to_owned()),
        (ManagedKind::Team, "data".to_owned()),
    ];
    let changes = [
        Change::AddRole(empty_role("own")),
        Change::AddPrincipal(PrincipalKind::User, named("bob")),
        Change::AddTeam(team("data"), "people".to_owned()),
        Change::AddMember(team("data"), named("bob")),
        Change::AddGrant(named("bob"), role("own"), everywhere()),
        Change::AddTeamGrant(team("data"), role("owner"), Scope::Workspace("lab".into())),
        Change::SetAdmin(named("bob"), true),
        Change::SetMaxKeyAge(role("own"), Some(60)),
        Change::SetFactorRole(role("own"), true),
        Change::SetFactorRole(role("owner"), true),
    ];
    let at = seen().await;
    stage.store.rehearse(&by, at, &changes, &listed).await.unwrap();
    assert_eq!(
        (seen().await, stage.store.list_managed().await.unwrap()),
        (at, Vec::new()),
        "a rehearsal leaves no trace"
    );
    stage.store.apply(&by, at, &changes, &listed).await.unwrap();
    assert_eq!(stage.store.list_managed().await.unwrap(), listed);
    let made = stage.store.load_assignments().await.unwrap();
    let counts =
        (made.roles.len(), made.memberships.len(), made.team_grants.len(), made.admins.len(), made.key_ages.len());
    assert_eq!(counts, (1, 1, 1, 1, 1));
    assert_eq!(made.factor_roles, [role("own"), role("owner")]);
    assert!(matches!(stage.store.apply(&by, at, &[], &[]).await, Err(StoreError::Moved)));
    // One that cannot be made takes all others along; the last owner is looked at after the last of them.
    let count = stage.operations().await.len();
    let fails = [Change::RemoveTeam(team("data")), Change::RemoveRole(role("own"))];
    let failed = stage.store.apply(&by, seen().await, &fails, &[]).await;
    assert!(matches!(failed, Err(StoreError::RoleInUse(_))));
    let gone = [Change::RemoveGrant(named("alice"), role("owner"), everywhere())];
    assert!(matches!(stage.store.apply(&by, seen().await, &gone, &[]).await, Err(StoreError::LastOwner)));
    assert_eq!((stage.operations().await.len(), stage.store.list_managed().await.unwrap()), (count, listed.to_vec()));
    let passed_on = [gone[0].clone(), Change::AddGrant(named("bob"), role("owner"), everywhere())];
    stage.store.apply(&by, seen().await, &passed_on, &[]).await.unwrap();
    let undone = [
        Change::RemoveTeamGrant(team("data"), role("owner"), Scope::Workspace("lab".into())),
        Change::RemoveMember(team("data"), named("bob")),
        Change::DescribeTeam(team("data"), "nobody".to_owned()),
        Change::RemovePrincipal(named("alice")),
        Change::RemoveGrant(named("bob"), role("own"), everywhere()),
        Change::SetFactorRole(role("owner"), false),
        Change::RemoveRole(role("own")),
    ];
    stage.store.apply(&by, seen().await, &undone, &[]).await.unwrap();
    let left = stage.store.load_assignments().await.unwrap();
    assert_eq!((left.teams[0].description.as_str(), left.memberships.len(), left.key_ages.len()), ("nobody", 0, 0));
    assert!(left.factor_roles.is_empty(), "one was taken back, and one went with its role");
}
