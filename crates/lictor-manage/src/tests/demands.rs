//! Who is locked out by what a role demands, and is it shown before, and refused to those who may not?

use lictor_model::{Digest, PrincipalKind, RoleName, Scope, TeamName};
use lictor_store::{By, KeyState};

use super::{DENIED, Stage, named, reason, role};
use crate::{Holder, ManageError};

const DAY: i64 = 86_400;

impl Stage {
    /// A key of somebody's, made just now.
    async fn key_of(&self, name: &str, label: &str) {
        let key = lictor_store::NewKey {
            principal: named(name),
            label: label.to_owned(),
            digest: Digest::of(format!("{name} {label}").as_bytes()),
            hint: "abcd".to_owned(),
            expires_at: None,
            narrowing: None,
        };
        self.store.add_key(&By::console(), key).await.unwrap();
    }

    async fn has_good_keys(&self, name: &str) -> bool {
        let keys = self.store.list_keys(Some(&named(name))).await.unwrap();
        keys.iter().all(|key| key.state(self.clock.now()) == KeyState::Active)
    }
}

/// With keys of a week ago, and one of today.
async fn with_old_keys() -> Stage {
    let stage = Stage::new().await;
    for name in ["olga", "vera", "etl"] {
        stage.key_of(name, "old").await;
    }
    stage.clock.advance(7 * DAY);
    stage.key_of("vera", "new").await;
    stage
}

fn owned(ended: &crate::impact::Ended) -> Vec<(&str, &str)> {
    ended.keys.iter().map(|(owner, key)| (owner.as_str(), key.label.as_str())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_a_bound_would_end_at_once_are_named_and_no_others() {
    let stage = with_old_keys().await;
    let adam = stage.as_who("adam").await;
    let ended = adam.keys_ended_by(&role("viewer"), 3 * DAY).await.unwrap();
    assert_eq!((owned(&ended), ended.count), (vec![("vera", "old")], 1), "of those who have the role");
    assert_eq!(adam.keys_ended_by(&role("viewer"), 8 * DAY).await.unwrap().count, 0);
    assert_eq!(adam.keys_ended_by(&role("worker"), 7 * DAY).await.unwrap().count, 1, "at the bound it has ended");
    assert!(stage.has_good_keys("vera").await, "asking changes nothing");
    assert_eq!(reason(adam.keys_ended_by(&role("owner"), DAY).await), DENIED);
    assert!(adam.keys_ended_by(&role("no-such-role"), DAY).await.is_err());
    assert!(matches!(adam.keys_ended_by(&role("viewer"), 0).await, Err(ManageError::Length { .. })));
    assert_eq!(reason(stage.as_who("wanda").await.keys_ended_by(&role("viewer"), DAY).await), DENIED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roles_bound_ends_no_keys_of_those_whom_its_giver_does_not_manage() {
    let stage = with_old_keys().await;
    let (console, bound, team) = (By::console(), role("runner"), TeamName::parse("data").unwrap());
    stage.store.set_max_key_age(&console, &bound, Some(3 * DAY)).await.unwrap();
    stage.store.add_team_grant(&console, &team, bound.clone(), Scope::Workspace("lab".into())).await.unwrap();
    let (adam, wanda) = (stage.as_who("adam").await, stage.as_who("wanda").await);
    let (to_olga, to_vera) = (Holder::Principal(named("olga")), Holder::Principal(named("vera")));
    let lab = || Scope::Workspace("lab".into());
    for (who, holder) in [(&wanda, &to_vera), (&wanda, &to_olga), (&adam, &to_olga)] {
        let given = who.add_grant(holder, bound.clone(), lab()).await;
        assert!(matches!(given, Err(ManageError::Burden(_))), "{given:?}");
        let (operation, object, outcome) = stage.newest().await;
        assert_eq!((operation.as_str(), outcome), ("grant.add", lictor_model::Outcome::Refused), "{object}");
    }
    assert!(matches!(adam.add_members(&team, &[named("vera"), named("olga")]).await, Err(ManageError::Burden(_))));
    assert!(stage.has_good_keys("olga").await && stage.has_good_keys("vera").await);
    // An admin manages vera, and may end her keys; who has none that is old is given the role by anybody who gives it.
    adam.add_members(&team, &[named("vera")]).await.unwrap();
    assert!(!stage.has_good_keys("vera").await);
    wanda.add_grant(&Holder::Principal(named("adam")), bound, lab()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roles_demand_for_a_second_factor_is_put_on_no_owner_by_others() {
    let stage = Stage::new().await;
    let careful: RoleName = role("runner");
    stage.store.set_factor_role(&By::console(), &careful, true).await.unwrap();
    let (adam, to_olga) = (stage.as_who("adam").await, Holder::Principal(named("olga")));
    let given = adam.add_grant(&to_olga, careful.clone(), Scope::Everywhere).await;
    assert!(matches!(given, Err(ManageError::Burden(name)) if name == "olga"));
    adam.add_grant(&Holder::Principal(named("vera")), careful.clone(), Scope::Everywhere).await.unwrap();
    stage.store.add_grant(&By::console(), &named("olga"), role("worker"), Scope::Everywhere).await.unwrap();
    let adam = stage.as_who("adam").await;
    assert_eq!(reason(adam.set_second_factor(&role("worker"), true).await), DENIED);
    adam.set_second_factor(&role("viewer"), true).await.unwrap();
    let of_vera = adam.factors(&named("vera")).await.unwrap();
    assert!(of_vera.required && of_vera.factors.is_empty() && of_vera.user.kind == PrincipalKind::User);
    stage.as_who("olga").await.add_grant(&to_olga, careful, Scope::Everywhere).await.unwrap();
}
