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
