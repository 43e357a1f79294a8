use lictor_model::{CredentialKind, Reason};
use lictor_store::{AuditFilter, By};

use super::*;
use crate::stage::{PASSWORD, Stage, from, here, name, reason, verified};

const NEW: &str = "another quiet harbour";

/// A link for alice that lasts for an hour.
async fn link(stage: &Stage) -> Secret {
    let token = fresh_token().unwrap();
    let ends = stage.clock.now().plus_seconds(3600);
    let digest = digest(token.expose()).unwrap();
    stage.store.add_reset_link(&By::console(), &name("alice"), &digest, ends).await.unwrap();
    token
}

async fn reset(stage: &Stage, token: &str, new: &str) -> Result<PrincipalName, ResetError> {
    stage.auth.reset_password(token, new, &here(), &RequestId::fresh()).await
}

#[tokio::test]
async fn a_link_sets_a_password_once_and_ends_every_session() {
    let stage = Stage::set().await;
    let signed_in = stage.sign_in("alice", PASSWORD).await.unwrap();
    let token = link(&stage).await;
    verified(stage.cookie(&signed_in).await);
    assert_eq!(reset(&stage, token.expose(), NEW).await, Ok(name("alice")));
    assert_eq!(reason(stage.cookie(&signed_in).await), Reason::SessionEnded);
    assert_eq!(stage.sign_in("alice", PASSWORD).await.unwrap_err(), Reason::InvalidCredentials);
    stage.sign_in("alice", NEW).await.unwrap();
    assert_eq!(reset(&stage, token.expose(), "a third quiet harbour").await, Err(ResetError::Ended));
    assert_eq!(stage.auth.find_reset_link(token.expose()).await, Err(ResetError::Ended));
    let filter = AuditFilter { operation: Some("user.reset-password".to_owned()), ..AuditFilter::default() };
    let [event] = &stage.store.list_audit(filter).await.unwrap()[..] else { panic!("not one event") };
    assert_eq!(event.credential.as_ref().unwrap().kind, CredentialKind::ResetLink);
}

#[tokio::test]
async fn a_weak_password_leaves_the_link_as_it_was_and_costs_no_hash() {
    let stage = Stage::set().await;
    let token = link(&stage).await;
    assert_eq!(reset(&stage, token.expose(), "short").await, Err(ResetError::Weak(PolicyError::TooShort)));
    let named = reset(&stage, token.expose(), "alice in the harbour").await;
    assert_eq!(named, Err(ResetError::Weak(PolicyError::ContainsName)));
    assert_eq!(stage.auth.find_reset_link(token.expose()).await, Ok(name("alice")));
}

#[tokio::test]
async fn what_was_never_a_link_is_as_over_as_one_that_was() {
    let stage = Stage::set().await;
    let token = link(&stage).await;
    stage.clock.advance(3600);
    let other = fresh_token().unwrap();
    let longer = format!("{}a", token.expose());
    for text in [token.expose(), other.expose(), &longer, "", "é"] {
        assert_eq!(reset(&stage, text, NEW).await, Err(ResetError::Ended), "{text}");
    }
}

#[tokio::test]
async fn a_link_ends_the_wait_of_its_user_here_and_not_elsewhere() {
    let stage = Stage::set().await;
    for _ in 0..10 {
        stage.sign_in("alice", "wrong").await.unwrap_err();
        stage.auth.sign_in("alice", "wrong", &from("192.0.2.66"), &RequestId::fresh()).await.unwrap_err();
    }
    stage.auth.flush().await;
    assert_eq!(stage.store.list_bans().await.unwrap().len(), 2);
    assert_eq!(stage.sign_in("alice", PASSWORD).await.unwrap_err(), Reason::TooManyFailures);
    let token = link(&stage).await;
    reset(&stage, token.expose(), NEW).await.unwrap();
    stage.sign_in("alice", NEW).await.unwrap();
    let elsewhere = stage.auth.sign_in("alice", NEW, &from("192.0.2.66"), &RequestId::fresh()).await;
    assert_eq!(elsewhere.unwrap_err().reason, Reason::TooManyFailures);
}
