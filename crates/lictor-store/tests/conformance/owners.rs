//! Does an owner remain, whatever is asked, and however often at once?

use std::sync::Arc;

use tokio::sync::Barrier;

use crate::stage::*;
use lictor_model::*;
use lictor_store::*;

pub(crate) async fn the_last_owner_stays(stage: Stage) {
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

pub(crate) async fn two_owners_who_remove_each_other_at_once_leave_one(stage: Stage) {
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

pub(crate) async fn only_an_enabled_user_who_owns_everything_counts_as_an_owner(stage: Stage) {
    let by = By::console();
    stage.add_user("alice", Some("owner")).await.unwrap();
    stage.add_user("partial", None).await.unwrap();
    let research = Scope::Workspace("research".into());
    stage.store.add_grant(&by, &named("partial"), role("owner"), research).await.unwrap();
    stage.add_user("away", Some("owner")).await.unwrap();
    stage.store.set_disabled(&by, &named("away"), true).await.unwrap();
    let machine = NewPrincipal {
        kind: PrincipalKind::ServiceAccount,
        name: named("machine"),
        password: None,
        role: Some((role("owner"), Scope::Everywhere)),
    };
    stage.store.add_principal(&by, machine).await.unwrap();
    let refused = stage.store.remove_principal(&by, &named("alice")).await;
    assert!(matches!(refused, Err(StoreError::LastOwner)), "{refused:?}");
    stage.store.set_disabled(&by, &named("away"), false).await.unwrap();
    stage.store.remove_principal(&by, &named("alice")).await.unwrap();
}

pub(crate) async fn an_owner_through_a_team_is_an_owner_and_the_last_one_stays(stage: Stage) {
    let (by, store) = (By::console(), &stage.store);
    stage.add_user("alice", None).await.unwrap();
    stage.add_user("root", Some("owner")).await.unwrap();
    stage.add_team("admins", &["alice"], Some("owner")).await;
    // There is an owner besides, so this one may go.
    store.remove_principal(&by, &named("root")).await.unwrap();
    let (alice, admins, owner) = (named("alice"), team("admins"), role("owner"));
    let refused = [
        store.remove_team(&by, &admins).await.err(),
        store.remove_team_grant(&by, &admins, &owner, &Scope::Everywhere).await.err(),
        store.remove_members(&by, &admins, std::slice::from_ref(&alice)).await.err(),
        store.set_disabled(&by, &alice, true).await.err(),
        store.remove_principal(&by, &alice).await.err(),
    ];
    for error in refused {
        assert!(matches!(error, Some(StoreError::LastOwner)), "{error:?}");
    }
    let assignments = store.load_assignments().await.unwrap();
    assert_eq!((assignments.memberships.len(), assignments.team_grants.len()), (1, 1));
    // A machine in the team, a disabled member, a member of a team that owns one workspace: none of them is another owner.
    let machine = NewPrincipal { kind: PrincipalKind::ServiceAccount, password: None, ..new_user("machine", None) };
    store.add_principal(&by, machine).await.unwrap();
    stage.add_user("away", None).await.unwrap();
    store.set_disabled(&by, &named("away"), true).await.unwrap();
    store.add_members(&by, &admins, &[named("machine"), named("away")]).await.unwrap();
    stage.add_user("partial", None).await.unwrap();
    stage.add_team("research", &["partial"], None).await;
    store.add_team_grant(&by, &team("research"), owner.clone(), Scope::Workspace("lab".into())).await.unwrap();
    let members = [alice.clone(), named("machine")];
    let refused = store.remove_members(&by, &admins, &members).await;
    assert!(matches!(refused, Err(StoreError::LastOwner)), "{refused:?}");
    assert_eq!(store.load_assignments().await.unwrap().memberships.len(), 4, "all of them or none");
    store.set_disabled(&by, &named("away"), false).await.unwrap();
    store.remove_members(&by, &admins, &[alice]).await.unwrap();
}

pub(crate) async fn what_a_sign_in_rule_gave_makes_no_last_owner(stage: Stage) {
    let (by, store) = (By::console(), &stage.store);
    stage.add_user("root", Some("owner")).await.unwrap();
    let ruled = stage.add_user("ruled", None).await.unwrap();
    stage.add_team("admins", &[], Some("owner")).await;
    let gifts = RuleGifts { teams: vec![team("admins")], grants: vec![(role("owner"), Scope::Everywhere)] };
    store.apply_sign_in_rules(&by, &ruled.id, "okta", &gifts).await.unwrap();
    // The next sign-in of `ruled` could leave nobody.
    let refused = store.remove_principal(&by, &named("root")).await;
    assert!(matches!(refused, Err(StoreError::LastOwner)), "{refused:?}");
    store.remove_team_grant(&by, &team("admins"), &role("owner"), &Scope::Everywhere).await.unwrap();
    store.apply_sign_in_rules(&by, &ruled.id, "okta", &RuleGifts::default()).await.unwrap();
    let grants = store.load_assignments().await.unwrap().grants;
    assert!(grants.len() == 1 && grants[0].source == Source::ByHand, "{grants:?}");
}

pub(crate) async fn owners_by_rule_alone_are_kept_from_an_administrator_and_not_from_their_provider(stage: Stage) {
    let (by, store) = (By::console(), &stage.store);
    let ruled = stage.add_user("ruled", None).await.unwrap();
    let gifts = RuleGifts { grants: vec![(role("owner"), Scope::Everywhere)], ..RuleGifts::default() };
    store.apply_sign_in_rules(&by, &ruled.id, "okta", &gifts).await.unwrap();
    let refused = store.set_disabled(&by, &named("ruled"), true).await;
    assert!(matches!(refused, Err(StoreError::LastOwner)), "{refused:?}");
    store.apply_sign_in_rules(&by, &ruled.id, "okta", &RuleGifts::default()).await.unwrap();
    assert!(store.load_assignments().await.unwrap().grants.is_empty());
}

pub(crate) async fn a_team_and_its_last_owner_are_not_both_taken_at_once(stage: Stage) {
    let other = stage.another().await;
    stage.add_user("alice", Some("owner")).await.unwrap();
    stage.add_user("bob", None).await.unwrap();
    for round in 0..10 {
        let name = format!("admins{round}");
        stage.add_team(&name, &["bob"], Some("owner")).await;
        let start = Arc::new(Barrier::new(2));
        let (store, begin) = (stage.store.clone(), Arc::clone(&start));
        let grant = tokio::spawn(async move {
            store.versions().await.unwrap();
            begin.wait().await;
            store.remove_grant(&By::console(), &named("alice"), &role("owner"), &Scope::Everywhere).await.is_ok()
        });
        let (store, removed) = (other.clone(), team(&name));
        let removal = tokio::spawn(async move {
            store.versions().await.unwrap();
            start.wait().await;
            store.remove_team(&By::console(), &removed).await.is_ok()
        });
        let (by_grant, by_team) = (grant.await.unwrap(), removal.await.unwrap());
        assert!(by_grant ^ by_team, "round {round}: {by_grant} {by_team}");
        let by = By::console();
        stage.store.add_grant(&by, &named("alice"), role("owner"), Scope::Everywhere).await.unwrap();
        if by_grant {
            stage.store.remove_team(&by, &team(&name)).await.unwrap();
        }
    }
}

pub(crate) async fn two_processes_that_disable_the_owners_at_once_leave_one(stage: Stage) {
    let other = stage.another().await;
    for round in 0..10 {
        let (one, two) = (format!("a{round}"), format!("b{round}"));
        stage.add_user(&one, Some("owner")).await.unwrap();
        stage.add_user(&two, Some("owner")).await.unwrap();
        let last = round - 1;
        for old in [format!("a{last}"), format!("b{last}")] {
            if round > 0 {
                stage.store.remove_principal(&By::console(), &named(&old)).await.unwrap();
            }
        }
        // Together, or the first is done before the second begins.
        let start = Arc::new(Barrier::new(2));
        let disable = |store: &Store, name: String| {
            let (store, start) = (store.clone(), Arc::clone(&start));
            tokio::spawn(async move {
                store.versions().await.unwrap();
                start.wait().await;
                store.set_disabled(&By::console(), &named(&name), true).await.is_ok()
            })
        };
        let (first, second) = (disable(&stage.store, one), disable(&other, two));
        assert!(first.await.unwrap() ^ second.await.unwrap(), "round {round}");
    }
}
