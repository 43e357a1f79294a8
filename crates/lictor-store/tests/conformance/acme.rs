//! Do replicas find what one of them has put, and does just one of them have the turn?

use lictor_store::AcmeEntry;

use crate::stage::Stage;

fn entry(stage: &Stage, name: &str, value: &str, seconds: i64) -> AcmeEntry {
    AcmeEntry { name: name.to_owned(), value: value.to_owned(), ends_at: stage.clock.now().plus_seconds(seconds) }
}

pub(crate) async fn entries_are_replaced_by_name_and_gone_at_their_end(stage: Stage) {
    let (account, challenge) = (entry(&stage, "account", "a", 1_000), entry(&stage, "challenge/x", "c", 10));
    stage.store.put_acme_entries(&[account.clone(), challenge.clone()]).await.unwrap();
    assert_eq!(stage.store.acme_entries().await.unwrap(), [account.clone(), challenge]);
    let other = entry(&stage, "account", "b", 1_000);
    stage.store.put_acme_entries(std::slice::from_ref(&other)).await.unwrap();
    assert_eq!(stage.store.acme_entries().await.unwrap().len(), 2);
    stage.clock.advance(10);
    assert_eq!(stage.store.acme_entries().await.unwrap(), [other]);
    stage.store.remove_acme_entries(&["account".to_owned(), "never was".to_owned()]).await.unwrap();
    assert_eq!(stage.store.acme_entries().await.unwrap(), []);
}

pub(crate) async fn one_has_the_turn_until_it_ends_or_is_left(stage: Stage) {
    let take = async |who: &str| stage.store.take_acme_turn(who, stage.clock.now().plus_seconds(60)).await.unwrap();
    assert!(take("a").await && !take("b").await);
    assert_eq!(stage.store.acme_entries().await.unwrap(), [], "the turn is no entry");
    stage.clock.advance(30);
    assert!(take("a").await, "it is kept for longer");
    stage.clock.advance(59);
    assert!(!take("b").await);
    stage.clock.advance(1);
    assert!(take("b").await && !take("a").await);
    stage.store.leave_acme_turn("a").await.unwrap();
    assert!(!take("a").await, "nobody leaves another's");
    stage.store.leave_acme_turn("b").await.unwrap();
    assert!(take("a").await);
}

pub(crate) async fn of_many_who_want_the_turn_at_once_one_has_it(stage: Stage) {
    let (other, until) = (stage.another().await, stage.clock.now().plus_seconds(60));
    let mut asked = tokio::task::JoinSet::new();
    for at in 0..8 {
        let store = if at % 2 == 0 { stage.store.clone() } else { other.clone() };
        asked.spawn(async move { store.take_acme_turn(&format!("replica {at}"), until).await.unwrap() });
    }
    assert_eq!(asked.join_all().await.into_iter().filter(|taken| *taken).count(), 1);
}
