//! Do teams hold whom and what they were given, and nothing of anybody else's?

use std::sync::Arc;

use tokio::sync::Barrier;

use crate::stage::*;
use lictor_model::*;
use lictor_store::*;

pub(crate) async fn a_team_its_members_and_its_grants_are_loaded(stage: Stage) {
    let alice = stage.add_user("alice", None).await.unwrap();
    let machine = NewPrincipal { kind: PrincipalKind::ServiceAccount, password: None, ..new_user("machine", None) };
    let machine = stage.store.add_principal(&By::console(), machine).await.unwrap();
    let data = stage.add_team("data", &["alice", "machine"], Some("developer")).await;
    let in_lab = Scope::Workspace("lab".into());
    let grant = stage.store.add_team_grant(&By::console(), &team("data"), role("owner"), in_lab.clone()).await.unwrap();
    assert_eq!((&grant.team, &grant.scope), (&data.id, &in_lab));
    let loaded = stage.store.load_directory().await.unwrap().assignments;
    assert_eq!(loaded, stage.store.load_assignments().await.unwrap());
    assert_eq!(loaded.teams, vec![data.clone()]);
    let mut members: Vec<_> = loaded.memberships.iter().map(|member| &member.principal).collect();
    members.sort();
    // Ids of one millisecond are in no order.
    let mut expected = [&alice.id, &machine.id];
    expected.sort();
    assert_eq!(members, expected);
    assert!(loaded.memberships.iter().all(|member| member.team == data.id && member.source == Source::ByHand));
    assert_eq!(loaded.team_grants.len(), 2);
    assert!(loaded.team_grants.contains(&grant));
    assert_eq!(stage.store.find_team(&team("data")).await.unwrap(), Some(data));
    assert_eq!(stage.store.find_team(&team("none")).await.unwrap(), None);
}

pub(crate) async fn members_and_grants_go_with_their_team_and_members_with_their_account(stage: Stage) {
    let by = By::console();
    stage.add_user("root", Some("owner")).await.unwrap();
    stage.add_user("alice", Some("viewer")).await.unwrap();
    stage.add_user("bob", None).await.unwrap();
    let old = stage.add_team("data", &["alice", "bob"], Some("developer")).await;
    stage.store.remove_principal(&by, &named("bob")).await.unwrap();
    assert_eq!(stage.store.load_assignments().await.unwrap().memberships.len(), 1);
    stage.store.remove_team(&by, &team("data")).await.unwrap();
    let left = stage.store.load_assignments().await.unwrap();
    assert_eq!((left.teams.len(), left.memberships.len(), left.team_grants.len()), (0, 0, 0));
    assert_eq!(left.grants.len(), 2, "what its members have of their own stays");
    // A successor of the same name begins with nothing.
    let new = stage.add_team("data", &[], None).await;
    assert_ne!(new.id, old.id);
    let left = stage.store.load_assignments().await.unwrap();
    assert_eq!((left.memberships.len(), left.team_grants.len()), (0, 0));
}

pub(crate) async fn a_team_is_made_once_and_twice_given_is_once_had(stage: Stage) {
    let by = By::console();
    // A principal of the same name is no obstacle.
    stage.add_user("data", None).await.unwrap();
    stage.add_team("data", &["data"], Some("viewer")).await;
    let taken = stage.store.add_team(&by, team("data"), "again").await;
    assert!(matches!(taken, Err(StoreError::NameTaken { what: "team", .. })), "{taken:?}");
    let before = stage.store.versions().await.unwrap();
    let added = stage.store.add_members(&by, &team("data"), &[named("data"), named("data")]).await.unwrap();
    assert!(added.is_empty());
    stage.store.add_team_grant(&by, &team("data"), role("viewer"), Scope::Everywhere).await.unwrap();
    assert_eq!(stage.store.versions().await.unwrap(), before, "nothing changed");
    let loaded = stage.store.load_assignments().await.unwrap();
    assert_eq!((loaded.memberships.len(), loaded.team_grants.len()), (1, 1));
    let recorded = stage.operations().await;
    assert_eq!(recorded, ["grant.add", "team.add-member", "team.add", "user.add"]);
}

pub(crate) async fn what_names_nobody_nothing_or_no_team_changes_nothing(stage: Stage) {
    let by = By::console();
    let (data, ghost, alice, nobody) = (team("data"), team("ghost"), named("alice"), named("nobody"));
    stage.add_user("alice", None).await.unwrap();
    stage.add_team("data", &[], None).await;
    let before = stage.store.versions().await.unwrap();
    let everywhere = Scope::Everywhere;
    let missing = [
        stage.store.remove_team(&by, &ghost).await.err(),
        stage.store.add_members(&by, &ghost, std::slice::from_ref(&alice)).await.err(),
        stage.store.add_members(&by, &data, &[alice.clone(), nobody.clone()]).await.err(),
        stage.store.remove_members(&by, &data, &[alice]).await.err(),
        stage.store.remove_members(&by, &data, &[nobody]).await.err(),
        stage.store.add_team_grant(&by, &ghost, role("viewer"), everywhere.clone()).await.err(),
        stage.store.remove_team_grant(&by, &data, &role("viewer"), &everywhere).await.err(),
        stage.store.apply_sign_in_rules(&by, &"gone".into(), "okta", &RuleGifts::default()).await.err(),
    ];
    for error in missing {
        assert!(matches!(error, Some(StoreError::NotFound { .. })), "{error:?}");
    }
    let unknown = stage.store.add_team_grant(&by, &data, role("conductor"), everywhere).await;
    assert!(matches!(unknown, Err(StoreError::UnknownRole(_))), "{unknown:?}");
    assert_eq!(stage.store.versions().await.unwrap(), before);
    assert!(stage.store.load_assignments().await.unwrap().memberships.is_empty(), "not even those before the mistake");
    assert_eq!(stage.operations().await, ["team.add", "user.add"]);
}

pub(crate) async fn every_change_of_a_team_moves_the_version_and_is_on_record(stage: Stage) {
    let (by, store, data) = (By::console(), &stage.store, team("data"));
    let alice = stage.add_user("alice", None).await.unwrap();
    let gifts = RuleGifts { teams: vec![data.clone()], grants: vec![(role("viewer"), Scope::Everywhere)] };
    let mut before = store.versions().await.unwrap().directory;
    for step in 0..8 {
        match step {
            0 => drop(store.add_team(&by, data.clone(), "they read").await.unwrap()),
            1 => drop(store.add_members(&by, &data, &[named("alice")]).await.unwrap()),
            2 => drop(store.add_team_grant(&by, &data, role("viewer"), Scope::Everywhere).await.unwrap()),
            3 => store.remove_members(&by, &data, &[named("alice")]).await.unwrap(),
            4 => store.remove_team_grant(&by, &data, &role("viewer"), &Scope::Everywhere).await.unwrap(),
            5 => drop(store.apply_sign_in_rules(&by, &alice.id, "okta", &gifts).await.unwrap()),
            6 => drop(store.apply_sign_in_rules(&by, &alice.id, "okta", &RuleGifts::default()).await.unwrap()),
            _ => store.remove_team(&by, &data).await.unwrap(),
        }
        let after = store.versions().await.unwrap().directory;
        assert!(after > before, "step {step}");
        before = after;
    }
    let events = store.list_audit(AuditFilter::default()).await.unwrap();
    let mut recorded: Vec<_> = events.iter().map(|event| format!("{} {}", event.operation, event.object)).collect();
    recorded.reverse();
    let expected = [
        "user.add alice",
        "team.add data",
        "team.add-member alice in data",
        "grant.add team data is viewer everywhere",
        "team.remove-member alice in data",
        "grant.remove team data is viewer everywhere",
        "team.add-member alice in data (sso:okta)",
        "grant.add alice is viewer everywhere (sso:okta)",
        "team.remove-member alice in data (sso:okta)",
        "grant.remove alice is viewer everywhere (sso:okta)",
        "team.remove data",
    ];
    assert_eq!(recorded, expected);
}

pub(crate) async fn a_role_that_a_team_has_cannot_be_removed(stage: Stage) {
    let by = By::console();
    stage.store.add_role(&by, empty_role("own")).await.unwrap();
    stage.add_team("data", &[], Some("own")).await;
    let refused = stage.store.remove_role(&by, &role("own")).await;
    assert!(matches!(refused, Err(StoreError::RoleInUse(_))), "{refused:?}");
    stage.store.remove_team(&by, &team("data")).await.unwrap();
    stage.store.remove_role(&by, &role("own")).await.unwrap();
}

pub(crate) async fn rules_give_exactly_what_they_say_and_touch_no_other_source(stage: Stage) {
    let (by, store) = (By::console(), &stage.store);
    let alice = stage.add_user("alice", Some("viewer")).await.unwrap();
    let bob = stage.add_user("bob", None).await.unwrap();
    for (name, members) in [("data", &["alice"][..]), ("ops", &[]), ("web", &[])] {
        stage.add_team(name, members, Some("viewer")).await;
    }
    let (everywhere, in_lab) = (Scope::Everywhere, Scope::Workspace("lab".into()));
    let first = RuleGifts {
        teams: vec![team("data"), team("ops"), team("ops")],
        grants: vec![
            (role("viewer"), everywhere.clone()),
            (role("runner"), in_lab),
            (role("viewer"), everywhere.clone()),
        ],
    };
    let once = RuleGifts { teams: first.teams[..2].to_vec(), grants: first.grants[..2].to_vec() };
    let change = store.apply_sign_in_rules(&by, &alice.id, "okta", &first).await.unwrap();
    assert_eq!(change, RuleChange { given: once.clone(), ..RuleChange::default() });
    let other = RuleGifts { teams: vec![team("web")], grants: vec![(role("worker"), everywhere.clone())] };
    store.apply_sign_in_rules(&by, &alice.id, "entra", &other).await.unwrap();
    store.apply_sign_in_rules(&by, &bob.id, "okta", &once).await.unwrap();

    // The same again changes nothing, and makes nobody reload.
    let before = store.versions().await.unwrap();
    let change = store.apply_sign_in_rules(&by, &alice.id, "okta", &once).await.unwrap();
    assert_eq!((change, store.versions().await.unwrap()), (RuleChange::default(), before));

    let second = RuleGifts { teams: vec![team("web")], grants: vec![(role("developer"), everywhere.clone())] };
    let mut change = store.apply_sign_in_rules(&by, &alice.id, "okta", &second).await.unwrap();
    change.taken.grants.sort_by_key(|(role, _)| std::cmp::Reverse(role.clone()));
    assert_eq!(change, RuleChange { given: second, taken: once, ..RuleChange::default() });
    assert_eq!(
        held(store, &alice).await,
        ["data by hand", "developer sso:okta", "viewer by hand", "web sso:entra", "web sso:okta", "worker sso:entra",]
    );
    assert_eq!(held(store, &bob).await, ["data sso:okta", "ops sso:okta", "runner sso:okta", "viewer sso:okta"]);

    // By hand, only what is so by hand can be taken.
    let from_rule = store.remove_members(&by, &team("web"), &[named("alice")]).await;
    assert!(
        matches!(&from_rule, Err(StoreError::FromSignIn { rule, .. }) if rule.starts_with("sso:")),
        "{from_rule:?}"
    );
    let from_rule = store.remove_grant(&by, &named("bob"), &role("viewer"), &everywhere).await;
    assert!(matches!(&from_rule, Err(StoreError::FromSignIn { rule, .. }) if rule == "sso:okta"), "{from_rule:?}");
    store.add_grant(&by, &named("bob"), role("viewer"), everywhere.clone()).await.unwrap();
    store.remove_grant(&by, &named("bob"), &role("viewer"), &everywhere).await.unwrap();
    assert_eq!(held(store, &bob).await, ["data sso:okta", "ops sso:okta", "runner sso:okta", "viewer sso:okta"]);
}

pub(crate) async fn a_rule_that_names_what_is_gone_keeps_nothing_from_being_taken(stage: Stage) {
    let (by, store) = (By::console(), &stage.store);
    let alice = stage.add_user("alice", None).await.unwrap();
    stage.add_team("data", &[], None).await;
    let first = RuleGifts { teams: vec![team("data")], grants: vec![(role("developer"), Scope::Everywhere)] };
    store.apply_sign_in_rules(&by, &alice.id, "okta", &first).await.unwrap();
    let unknown = RuleGifts { teams: vec![team("ghost")], grants: vec![(role("conductor"), Scope::Everywhere)] };
    let mut second = unknown.clone();
    second.grants.push((role("viewer"), Scope::Everywhere));
    let change = store.apply_sign_in_rules(&by, &alice.id, "okta", &second).await.unwrap();
    assert_eq!((&change.taken, &change.unknown), (&first, &unknown));
    assert_eq!(held(store, &alice).await, ["viewer sso:okta"]);
}

pub(crate) async fn rules_of_one_principal_that_are_applied_at_once_leave_one_answer(stage: Stage) {
    let other = stage.another().await;
    let alice = stage.add_user("alice", None).await.unwrap();
    stage.add_team("data", &[], None).await;
    stage.add_team("ops", &[], None).await;
    for round in 0..10 {
        let start = Arc::new(Barrier::new(2));
        let apply = |store: &Store, into: &'static str, with: &'static str| {
            let (store, start, id) = (store.clone(), Arc::clone(&start), alice.id.clone());
            tokio::spawn(async move {
                let gifts = RuleGifts { teams: vec![team(into)], grants: vec![(role(with), Scope::Everywhere)] };
                start.wait().await;
                store.apply_sign_in_rules(&By::console(), &id, "okta", &gifts).await.unwrap();
            })
        };
        let (one, two) = (apply(&stage.store, "data", "viewer"), apply(&other, "ops", "developer"));
        one.await.unwrap();
        two.await.unwrap();
        let held = held(&stage.store, &alice).await;
        let possible = [["data sso:okta", "viewer sso:okta"], ["developer sso:okta", "ops sso:okta"]];
        assert!(possible.iter().any(|one| held == *one), "round {round}: {held:?}");
    }
}

pub(crate) async fn a_source_or_a_base_that_does_not_read_is_not_taken_for_none(stage: Stage) {
    let alice = stage.add_user("alice", Some("viewer")).await.unwrap();
    stage.add_team("data", &["alice"], None).await;
    let by = By::console();
    stage.store.add_role(&by, Role { base: Some(role("viewer")), ..empty_role("own") }).await.unwrap();
    for (table, column, was) in [("grants", "source", ""), ("team_members", "source", ""), ("roles", "base", "viewer")]
    {
        execute(&stage.url, &format!("UPDATE {table} SET {column} = 'elsewhere'")).await.unwrap();
        let error = stage.store.load_directory().await.unwrap_err();
        assert!(matches!(&error, StoreError::Corrupt { table: of, .. } if *of == table), "{error}");
        execute(&stage.url, &format!("UPDATE {table} SET {column} = '{was}'")).await.unwrap();
    }
    assert_eq!(held(&stage.store, &alice).await, ["data by hand", "viewer by hand"]);
}

pub(crate) async fn a_role_is_based_on_a_built_in_one_alone(stage: Stage) {
    let by = By::console();
    stage.store.add_role(&by, Role { base: Some(role("viewer")), ..empty_role("more") }).await.unwrap();
    for base in ["more", "conductor"] {
        let refused = stage.store.add_role(&by, Role { base: Some(role(base)), ..empty_role("most") }).await;
        assert!(matches!(&refused, Err(StoreError::BaseNotBuiltIn(name)) if name == base), "{refused:?}");
    }
    let roles = stage.store.list_roles().await.unwrap();
    assert_eq!(roles, [Role { base: Some(role("viewer")), ..empty_role("more") }]);
}

/// What somebody has of their own, and which teams they are in, with who says so.
async fn held(store: &Store, who: &Principal) -> Vec<String> {
    let all = store.load_assignments().await.unwrap();
    let grants = all.grants.iter().filter(|grant| grant.principal == who.id);
    let mut held: Vec<_> = grants.map(|grant| format!("{} {}", grant.role, grant.source)).collect();
    for member in all.memberships.iter().filter(|member| member.principal == who.id) {
        let team = all.teams.iter().find(|team| team.id == member.team).unwrap();
        held.push(format!("{} {}", team.name, member.source));
    }
    held.sort();
    held
}
