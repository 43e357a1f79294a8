use lictor_store::AuditFilter;

use super::*;
use crate::stage::{PASSWORD, Stage, basic, cookie, headers, here, reason, verified};

async fn operations(stage: &Stage) -> Vec<(String, String)> {
    stage.auth.flush().await;
    let events = stage.store.list_audit(AuditFilter::default()).await.unwrap();
    events.into_iter().map(|event| (event.operation, event.actor.name)).collect()
}

#[tokio::test]
async fn signing_in_gives_a_fresh_session_each_time_and_signing_out_ends_it() {
    let stage = Stage::set().await;
    let one = stage.sign_in("alice", PASSWORD).await.unwrap();
    let other = stage.sign_in("alice", PASSWORD).await.unwrap();
    assert_eq!(one.cookie_name, "__Host-lictor");
    assert_ne!(one.cookie_value, other.cookie_value);
    assert_eq!(verified(stage.cookie(&one).await), one.identity);
    stage.auth.sign_out(&one.identity, &here(), &RequestId::fresh()).await.unwrap();
    assert_eq!(reason(stage.cookie(&one).await), Reason::SessionEnded);
    verified(stage.cookie(&other).await);
    let recorded = operations(&stage).await;
    let count = |operation: &str| recorded.iter().filter(|(one, who)| one == operation && who == "alice").count();
    assert_eq!((count("session.start"), count("session.end")), (2, 1));
}

#[tokio::test]
async fn a_cookie_of_plain_http_is_no_cookie_over_tls() {
    let stage = Stage::set().await;
    let plain = Origin { secure: false, ..here() };
    let signed_in = stage.auth.sign_in("alice", PASSWORD, &plain, &RequestId::fresh()).await.unwrap();
    assert_eq!(signed_in.cookie_name, "lictor");
    let headers = headers(&[&cookie(&signed_in)], &[]);
    assert_eq!(verified(stage.auth.identify(&headers, &plain).await), signed_in.identity);
    assert_eq!(stage.auth.identify(&headers, &here()).await, crate::Attempt::NotPresented);
}

#[tokio::test]
async fn a_refused_sign_in_says_the_same_for_every_name_and_is_recorded() {
    let stage = Stage::set().await;
    for who in ["alice", "nobody", "robot", "Not Canonical"] {
        assert_eq!(stage.sign_in(who, "wrong").await.unwrap_err(), Reason::InvalidCredentials, "{who}");
    }
    let mut claimed: Vec<_> = stage.recorded().await.into_iter().map(|event| event.actor.name).collect();
    claimed.sort();
    assert_eq!(claimed, ["", "alice", "nobody", "robot"]);
}

#[tokio::test]
async fn no_text_in_the_form_is_a_panic_or_a_sign_in() {
    let stage = Stage::set().await;
    let huge = "x".repeat(100_000);
    for (who, password) in [("", ""), ("alice", ""), (&huge, PASSWORD), ("alice", &huge), ("alice", "\0"), ("a:b", "c")]
    {
        let refused = stage.sign_in(who, password).await.unwrap_err();
        assert!(matches!(refused, Reason::InvalidCredentials | Reason::MalformedCredential), "{refused}");
    }
}

#[tokio::test]
async fn changing_the_password_ends_every_other_session_and_renews_this_one() {
    let stage = Stage::set().await;
    let (this, other) =
        (stage.sign_in("alice", PASSWORD).await.unwrap(), stage.sign_in("alice", PASSWORD).await.unwrap());
    let request = RequestId::fresh();
    let change = |old: &'static str, new: &'static str| {
        let (auth, identity, request) = (stage.auth.clone(), this.identity.clone(), request.clone());
        async move { auth.change_password(&identity, old, new, &here(), &request).await }
    };
    let wrong = change("wrong", "a much better one").await.err();
    let Some(PasswordChangeError::Refused(rejection)) = wrong else { panic!("not refused: {wrong:?}") };
    assert_eq!(rejection.reason, Reason::InvalidCredentials);
    assert_eq!(change(PASSWORD, PASSWORD).await.err(), Some(PasswordChangeError::Unchanged));
    assert_eq!(change(PASSWORD, "short").await.err(), Some(PasswordChangeError::Weak(PolicyError::TooShort)));
    assert_eq!(
        change(PASSWORD, "alice is here now").await.err(),
        Some(PasswordChangeError::Weak(PolicyError::ContainsName))
    );
    let fresh = change(PASSWORD, "a much better one").await.unwrap().unwrap();
    assert!(!fresh.must_change);
    verified(stage.cookie(&fresh).await);
    for ended in [this, other] {
        assert_eq!(reason(stage.cookie(&ended).await), Reason::SessionEnded);
    }
    assert_eq!(reason(stage.authorize(&basic(&format!("alice:{PASSWORD}"))).await), Reason::InvalidCredentials);
    verified(stage.basic("alice:a much better one").await);
}

#[tokio::test]
async fn a_first_password_must_be_changed_until_it_is() {
    let stage = Stage::set().await;
    let hash = crate::password::hash("given by the owner").unwrap();
    let alice = crate::stage::name("alice");
    stage.store.set_password(&By::console(), &alice, hash, true).await.unwrap();
    let signed_in = stage.sign_in("alice", "given by the owner").await.unwrap();
    assert!(signed_in.must_change);
    let (auth, identity, request) = (&stage.auth, &signed_in.identity, RequestId::fresh());
    let change = auth.change_password(identity, "given by the owner", "chosen by the user", &here(), &request).await;
    assert!(!change.unwrap().unwrap().must_change);
    assert!(!stage.auth.view().must_change_password(&signed_in.identity.principal.id));
}
