use std::time::Duration;

use lictor_model::Reason;
use lictor_store::By;

use crate::Options;
use crate::stage::{PASSWORD, Stage, basic, from, headers, here, name, reason, verified};

#[tokio::test]
async fn every_wrong_guess_costs_one_verification_whoever_it_is_for() {
    let stage = Stage::set().await;
    stage.add_user("imported", Some("{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=".to_owned())).await;
    stage.add_user("passwordless", None).await;
    stage.add_user("disabled", Some(crate::password::hash(PASSWORD).unwrap())).await;
    stage.disable("disabled", true).await;
    let guesses = [
        "alice:wrong",
        "nobody:wrong",
        "imported:wrong",
        "passwordless:wrong",
        "robot:wrong",
        "ALICE:wrong",
        "\u{ff41}lice:wrong",
        "alice :wrong",
        ":",
        "alice:",
        &format!("disabled:{PASSWORD}"),
    ];
    for (guess, count) in guesses.iter().zip(1..) {
        assert_eq!(reason(stage.basic(guess).await), Reason::InvalidCredentials, "{guess}");
        assert_eq!(stage.auth.verifications(), count, "{guess}");
    }
}

#[tokio::test]
async fn a_good_password_costs_one_verification_for_a_while_and_for_all_who_come_at_once() {
    let stage = Stage::set().await;
    let guess = basic(&format!("alice:{PASSWORD}"));
    let headers = headers(&[], &[&guess]);
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (auth, headers) = (stage.auth.clone(), headers.clone());
        all.spawn(async move { auth.identify(&headers, &here()).await });
    }
    for attempt in all.join_all().await {
        verified(attempt);
    }
    assert_eq!(stage.auth.verifications(), 1);
    stage.clock.advance(299);
    verified(stage.authorize(&guess).await);
    assert_eq!(stage.auth.verifications(), 1);
    stage.clock.advance(1);
    verified(stage.authorize(&guess).await);
    assert_eq!(stage.auth.verifications(), 2);
}

#[tokio::test]
async fn what_is_remembered_is_remembered_for_one_address_and_one_split_of_the_text() {
    let stage = Stage::set().await;
    stage.add_user("ab", Some(crate::password::hash("c and much more").unwrap())).await;
    verified(stage.basic("ab:c and much more").await);
    for other in ["a:bc and much more", "ab::c and much more", "ab:c and much mor"] {
        assert_eq!(reason(stage.basic(other).await), Reason::InvalidCredentials, "{other}");
    }
    let before = stage.auth.verifications();
    verified(stage.auth.identify_token("ab:c and much more", &from("192.0.2.2")).await);
    assert_eq!(stage.auth.verifications(), before + 1);
}

#[tokio::test]
async fn a_changed_password_is_not_remembered() {
    let stage = Stage::set().await;
    let old = format!("alice:{PASSWORD}");
    let identity = verified(stage.basic(&old).await);
    let hash = crate::password::hash("another long phrase").unwrap();
    stage.store.set_password(&By::console(), &name("alice"), hash, false).await.unwrap();
    stage.auth.inner.feed.refresh().await;
    assert_eq!(reason(stage.basic(&old).await), Reason::InvalidCredentials);
    assert_eq!(stage.auth.recheck(&identity), Err(Reason::InvalidCredentials));
    verified(stage.basic("alice:another long phrase").await);
}

#[tokio::test]
async fn an_imported_hash_is_replaced_at_its_first_success() {
    let stage = Stage::set().await;
    let imported = "$apr1$jPXRFPjw$1C64/JeL8yGgKvX3ZzT/2/";
    stage.add_user("bob", Some(imported.to_owned())).await;
    verified(stage.basic("bob:correct horse").await);
    let replaced = async {
        loop {
            stage.auth.inner.feed.refresh().await;
            let view = stage.auth.view();
            let hash = &view.people.password("bob").unwrap().row.hash;
            if hash != imported {
                return hash.clone();
            }
            tokio::task::yield_now().await;
        }
    };
    let hash = tokio::time::timeout(Duration::from_secs(10), replaced).await.unwrap();
    assert!(hash.starts_with("$argon2id$"));
    verified(stage.basic("bob:correct horse").await);
}

#[tokio::test]
async fn a_throttled_address_is_refused_without_a_verification_right_or_wrong() {
    let stage = Stage::set().await;
    for at in 0..10 {
        assert_eq!(reason(stage.basic(&format!("alice:wrong{at}")).await), Reason::InvalidCredentials);
    }
    for guess in ["alice:wrong again", &format!("alice:{PASSWORD}")] {
        assert_eq!(reason(stage.basic(guess).await), Reason::TooManyFailures);
    }
    assert_eq!(stage.auth.verifications(), 10);
    verified(stage.auth.identify_token(&format!("alice:{PASSWORD}"), &from("198.51.100.7")).await);
    stage.clock.advance(60);
    verified(stage.basic(&format!("alice:{PASSWORD}")).await);
}

#[tokio::test]
async fn an_attacker_behind_the_same_address_does_not_lock_a_remembered_client_out() {
    let stage = Stage::set().await;
    let right = format!("alice:{PASSWORD}");
    verified(stage.basic(&right).await);
    for at in 0..20 {
        assert!(stage.basic(&format!("alice:wrong{at}")).await.identity().is_none());
    }
    assert_eq!(reason(stage.basic("alice:wrong").await), Reason::TooManyFailures);
    verified(stage.basic(&right).await);
}

#[tokio::test]
async fn too_many_who_wait_are_told_so_and_it_is_no_failure_of_theirs() {
    let options = Options { verifications_at_once: Some(1), verifications_waiting: 1, ..Stage::options() };
    let stage = Stage::set_with(options).await;
    let mut all = tokio::task::JoinSet::new();
    for at in 0..9 {
        let auth = stage.auth.clone();
        all.spawn(async move { reason(auth.identify_token(&format!("alice:wrong{at}"), &here()).await) });
    }
    let reasons = all.join_all().await;
    let busy = reasons.iter().filter(|reason| **reason == Reason::TooBusy).count();
    assert!((1..9).contains(&busy), "{reasons:?}");
    verified(stage.basic(&format!("alice:{PASSWORD}")).await);
}

#[tokio::test]
async fn who_guesses_from_elsewhere_does_not_lock_out_the_holder() {
    let stage = Stage::set().await;
    let (key, _) = stage.add_key("alice", None).await;
    let signed_in = stage.sign_in("alice", PASSWORD).await.unwrap();
    for at in 0..100 {
        let attacker = from(&format!("198.51.100.{at}"));
        let guess = headers(&[], &[&basic("alice:wrong")]);
        assert_eq!(reason(stage.auth.identify(&guess, &attacker).await), Reason::InvalidCredentials);
    }
    // The gateway starts again: what it knew of addresses is forgotten, and the bans are not.
    stage.auth.flush().await;
    assert_eq!(stage.store.list_bans().await.unwrap().len(), 1);
    let again = stage.another().await;
    let elsewhere = from("203.0.113.1");
    let guess = headers(&[], &[&basic(&format!("alice:{PASSWORD}"))]);
    let refused = again.auth.identify(&guess, &elsewhere).await;
    let crate::Attempt::Rejected(rejection) = refused else { panic!("not refused: {refused:?}") };
    assert_eq!((rejection.reason, rejection.retry_after), (Reason::TooManyFailures, Some(3600)));
    // Sessions and keys go on, and a session vouches for its address.
    verified(again.cookie(&signed_in).await);
    verified(again.authorize(&format!("Bearer {}", key.expose())).await);
    let request = lictor_model::RequestId::fresh();
    let changed =
        again.auth.change_password(&signed_in.identity, PASSWORD, "a much better one", &here(), &request).await;
    assert!(changed.unwrap().is_some());
}

#[tokio::test]
async fn a_ban_is_shared_with_other_replicas_and_lifted_on_all_of_them() {
    let stage = Stage::set().await;
    let other = stage.another().await;
    for _ in 0..10 {
        stage.sign_in("alice", "wrong").await.unwrap_err();
    }
    stage.auth.flush().await;
    other.auth.inner.feed.refresh().await;
    for replica in [&stage, &other] {
        assert_eq!(replica.sign_in("alice", PASSWORD).await.unwrap_err(), Reason::TooManyFailures);
    }
    stage.store.lift_bans(&By::console(), "alice").await.unwrap();
    for replica in [&stage, &other] {
        replica.auth.inner.feed.refresh().await;
        replica.sign_in("alice", PASSWORD).await.unwrap();
    }
}
