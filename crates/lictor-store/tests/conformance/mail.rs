//! Addresses of notices, and notices that are sent once.

use lictor_model::*;
use lictor_store::*;

use crate::stage::{Stage, named};

async fn address(stage: &Stage, of: &Principal) -> Option<String> {
    stage.store.mail_addresses().await.unwrap().remove(&of.id)
}

pub(crate) async fn an_address_set_by_hand_stays_whatever_a_provider_says(stage: Stage) {
    let (alice, by) = (stage.add_user("alice", None).await.unwrap(), By::console());
    let okta = Source::SignIn("okta".into());
    let note = async |text: &str| stage.store.note_mail_address(&by, &alice.id, text, &okta).await.unwrap();
    assert_eq!(address(&stage, &alice).await, None);
    note("a@idp.example").await;
    note("a@idp.example").await;
    note("b@idp.example").await;
    assert_eq!(address(&stage, &alice).await.as_deref(), Some("b@idp.example"));
    stage.store.set_mail_address(&by, &named("alice"), Some("hand@example.com")).await.unwrap();
    note("c@idp.example").await;
    assert_eq!(address(&stage, &alice).await.as_deref(), Some("hand@example.com"));
    stage.store.set_mail_address(&by, &named("alice"), None).await.unwrap();
    assert_eq!(address(&stage, &alice).await, None);
    let nobody = stage.store.set_mail_address(&by, &named("bob"), Some("x@y")).await;
    assert!(matches!(nobody, Err(StoreError::NotFound { .. })));
    stage.store.note_mail_address(&by, &PrincipalId::from("gone"), "x@y", &okta).await.unwrap();
    let mail = |operation: &String| operation == "user.set-email";
    assert_eq!(stage.operations().await.into_iter().filter(mail).count(), 4, "what changes nothing is not on record");
}

pub(crate) async fn a_notice_is_taken_by_one_and_sent_once(stage: Stage) {
    stage.add_user("alice", None).await.unwrap();
    let key = stage.add_key("alice", "secret", "laptop").await.id;
    let take = async |stage_of_key: &str, seconds: i64| {
        stage.store.take_notice(&key, stage_of_key, stage.clock.now().plus_seconds(seconds)).await.unwrap()
    };
    assert!(take("early", 60).await);
    assert!(!take("early", 60).await && take("late", 60).await, "another replica has the first");
    stage.clock.advance(60);
    assert!(take("early", 60).await, "whoever had it did not come back");
    stage.store.give_back_notice(&key, "early").await.unwrap();
    assert!(take("early", 60).await);
    stage.store.notice_sent(&key, "early").await.unwrap();
    stage.store.give_back_notice(&key, "early").await.unwrap();
    stage.clock.advance(3_600);
    assert!(!take("early", 60).await);
    let gone = CredentialId::from("gone");
    assert!(!stage.store.take_notice(&gone, "early", stage.clock.now()).await.unwrap());
}

pub(crate) async fn of_two_replicas_one_takes_a_notice(stage: Stage) {
    stage.add_user("alice", None).await.unwrap();
    let key = stage.add_key("alice", "secret", "laptop").await.id;
    let (other, until) = (stage.another().await, stage.clock.now().plus_seconds(60));
    for round in 0..8 {
        let of = format!("round-{round}");
        let taken = tokio::join!(stage.store.take_notice(&key, &of, until), other.take_notice(&key, &of, until));
        assert_ne!(taken.0.unwrap(), taken.1.unwrap());
    }
}
