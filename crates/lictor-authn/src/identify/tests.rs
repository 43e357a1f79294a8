use std::time::Duration;

use http::HeaderValue;
use http::header::{AUTHORIZATION, COOKIE};
use lictor_model::{CredentialKind, RequestId};
use lictor_store::By;

use super::*;
use crate::Options;
use crate::stage::{PASSWORD, Stage, basic, cookie, from, headers, here, name, reason, verified};

#[tokio::test]
async fn nothing_presented_is_neither_verified_nor_rejected() {
    let stage = Stage::set().await;
    for cookies in [&[][..], &["prefect_ui_version=v2"], &["lictor=abc"], &["api_key=lictor_abc"]] {
        assert_eq!(stage.auth.identify(&headers(cookies, &[]), &here()).await, Attempt::NotPresented, "{cookies:?}");
    }
}

#[tokio::test]
async fn a_key_is_known_in_every_form_that_a_client_sends() {
    let stage = Stage::set().await;
    let (key, row) = stage.add_key("robot", None).await;
    let key = key.expose();
    let forms = [
        format!("Bearer {key}"),
        format!("bearer {key}"),
        basic(key),
        basic(&format!("robot:{key}")),
        basic(&format!("{key}:")),
        basic(key).replace("Basic", "bAsIC"),
    ];
    for form in forms {
        let identity = verified(stage.authorize(&form).await);
        assert_eq!(identity.principal.name.as_str(), "robot");
        assert_eq!((identity.credential.kind, &identity.credential.id), (CredentialKind::Key, &row.id));
    }
    for token in [key.to_owned(), format!("robot:{key}"), format!("alice:{PASSWORD}")] {
        verified(stage.auth.identify_token(&token, &here()).await);
    }
}

#[tokio::test]
async fn a_key_that_is_not_good_is_rejected_with_its_own_reason() {
    let stage = Stage::set().await;
    let (good, _) = stage.add_key("robot", None).await;
    let (ending, _) = stage.add_key("robot", Some(stage.clock.now().plus_seconds(60))).await;
    let (revoked, row) = stage.add_key("robot", None).await;
    stage.store.revoke_key(&By::console(), row.id.as_str()).await.unwrap();
    let bearer = |key: &ApiKey| format!("Bearer {}", key.expose());
    let unknown = ApiKey::generate().unwrap();

    assert_eq!(reason(stage.authorize(&bearer(&revoked)).await), Reason::RevokedKey);
    assert_eq!(reason(stage.authorize(&bearer(&unknown)).await), Reason::UnknownKey);
    assert_eq!(reason(stage.basic(&format!("alice:{}", good.expose())).await), Reason::KeyOfAnother);
    assert_eq!(reason(stage.basic(&format!("Robot:{}", good.expose())).await), Reason::KeyOfAnother);
    assert_eq!(reason(stage.authorize(&format!("{}a", bearer(&good))).await), Reason::MistypedKey);
    let identity = verified(stage.authorize(&bearer(&ending)).await);
    stage.clock.advance(60);
    assert_eq!(reason(stage.authorize(&bearer(&ending)).await), Reason::ExpiredKey);
    assert_eq!(stage.auth.recheck(&identity), Err(Reason::ExpiredKey));
    stage.disable("robot", true).await;
    assert_eq!(reason(stage.authorize(&bearer(&good)).await), Reason::PrincipalDisabled);
    stage.store.remove_principal(&By::console(), &name("robot")).await.unwrap();
    stage.auth.inner.feed.refresh().await;
    assert_eq!(reason(stage.authorize(&bearer(&good)).await), Reason::UnknownKey);
}

#[tokio::test]
async fn a_rejected_key_says_whose_and_which_it_was() {
    let stage = Stage::set().await;
    let (key, row) = stage.add_key("robot", None).await;
    stage.store.revoke_key(&By::console(), row.id.as_str()).await.unwrap();
    let Attempt::Rejected(rejection) = stage.basic(key.expose()).await else { panic!("not rejected") };
    assert_eq!((rejection.claimed.as_str(), rejection.credential.map(|known| known.id)), ("robot", Some(row.id)));
}

#[tokio::test]
async fn a_key_made_a_moment_ago_works_and_a_dead_one_costs_the_store_one_look() {
    let stage = Stage::set().await;
    let dead = format!("Bearer {}", ApiKey::generate().unwrap().expose());
    for _ in 0..3 {
        assert_eq!(reason(stage.authorize(&dead).await), Reason::UnknownKey);
    }
    assert_eq!(stage.auth.inner.never_was.iter().count(), 1);
    let (key, _) = stage.add_key("robot", None).await;
    let before = *stage.auth.subscribe().borrow();
    verified(stage.authorize(&format!("Bearer {}", key.expose())).await);
    assert_eq!(*stage.auth.subscribe().borrow(), before + 1);
}

#[tokio::test]
async fn a_change_of_the_view_is_announced_and_ends_what_rests_on_it() {
    let stage = Stage::set_with(Options { poll_every: Duration::from_millis(1), ..Stage::options() }).await;
    let (key, row) = stage.add_key("robot", None).await;
    let identity = verified(stage.basic(key.expose()).await);
    let mut changes = stage.auth.subscribe();
    changes.mark_unchanged();
    stage.store.revoke_key(&By::console(), row.id.as_str()).await.unwrap();
    tokio::time::timeout(Duration::from_secs(10), changes.changed()).await.unwrap().unwrap();
    assert_eq!(stage.auth.recheck(&identity), Err(Reason::RevokedKey));
}

#[tokio::test]
async fn a_session_beats_a_stale_basic_and_an_ended_one_is_not_replaced_by_it() {
    let stage = Stage::set().await;
    let signed_in = stage.sign_in("alice", PASSWORD).await.unwrap();
    let cookie = cookie(&signed_in);
    for stale in ["Basic !!!!", &basic("alice:wrong"), &basic(&format!("alice:{PASSWORD}")), &basic(":")] {
        let attempt = stage.auth.identify(&headers(&[&cookie], &[stale]), &here()).await;
        assert_eq!(verified(attempt), signed_in.identity, "{stale}");
    }
    stage.auth.sign_out(&signed_in.identity, &here(), &RequestId::fresh()).await.unwrap();
    for basic in [None, Some(basic(&format!("alice:{PASSWORD}")))] {
        let authorizations: Vec<&str> = basic.as_deref().into_iter().collect();
        let attempt = stage.auth.identify(&headers(&[&cookie], &authorizations), &here()).await;
        assert_eq!(reason(attempt), Reason::SessionEnded);
    }
    assert_eq!(stage.auth.recheck(&signed_in.identity), Err(Reason::SessionEnded));
}

#[tokio::test]
async fn two_credentials_of_different_principals_are_refused_whichever_is_good() {
    let stage = Stage::set().await;
    let (key, _) = stage.add_key("robot", None).await;
    let good = cookie(&stage.sign_in("alice", PASSWORD).await.unwrap());
    let bearer = format!("Bearer {}", key.expose());
    for (cookie, authorization, expected) in [
        (good.as_str(), bearer.as_str(), Reason::TwoCredentials),
        ("__Host-lictor=x", &bearer, Reason::SessionEnded),
        (&good, "Digest x", Reason::TwoCredentials),
    ] {
        let attempt = stage.auth.identify(&headers(&[cookie], &[authorization]), &here()).await;
        assert_eq!(reason(attempt), expected, "{authorization}");
    }
    let (own, _) = stage.add_key("alice", None).await;
    let attempt = stage.auth.identify(&headers(&[&good], &[&format!("Bearer {}", own.expose())]), &here()).await;
    assert_eq!(verified(attempt).credential.kind, CredentialKind::Key);
    let twice = stage.auth.identify(&headers(&[], &[&bearer, &bearer]), &here()).await;
    assert_eq!(reason(twice), Reason::MalformedHeader);
    let twice = stage.auth.identify(&headers(&[&format!("{good}; {good}")], &[]), &here()).await;
    assert_eq!(reason(twice), Reason::MalformedHeader);
}

#[tokio::test]
async fn a_session_ends_when_idle_and_in_any_case_after_its_time() {
    let stage = Stage::set().await;
    let idle = stage.sign_in("alice", PASSWORD).await.unwrap();
    let busy = stage.sign_in("alice", PASSWORD).await.unwrap();
    for hour in 1..=7 * 24 {
        verified(stage.cookie(&busy).await);
        stage.clock.advance(3600);
        if hour < 8 {
            assert_eq!(stage.auth.recheck(&idle.identity), Ok(()), "hour {hour}");
        }
    }
    assert_eq!(reason(stage.cookie(&idle).await), Reason::SessionEnded);
    assert_eq!(reason(stage.cookie(&busy).await), Reason::SessionEnded);
}

#[tokio::test]
async fn a_session_used_on_another_replica_is_not_idle_here() {
    let here = Stage::set().await;
    let there = Authenticator::start(
        here.store.clone(),
        here.clock.clone(),
        tokio::runtime::Handle::current(),
        Stage::options(),
    )
    .await
    .unwrap();
    let signed_in = here.sign_in("alice", PASSWORD).await.unwrap();
    let headers = headers(&[&cookie(&signed_in)], &[]);
    for _ in 0..3 {
        here.clock.advance(5 * 3600);
        verified(there.identify(&headers, &from("192.0.2.1")).await);
        there.flush().await;
    }
    verified(here.cookie(&signed_in).await);
}

#[tokio::test]
async fn a_disabled_user_loses_sessions_and_passwords_at_once() {
    let stage = Stage::set().await;
    let signed_in = stage.sign_in("alice", PASSWORD).await.unwrap();
    let by_password = verified(stage.basic(&format!("alice:{PASSWORD}")).await);
    stage.disable("alice", true).await;
    assert!(matches!(reason(stage.cookie(&signed_in).await), Reason::SessionEnded | Reason::PrincipalDisabled));
    assert_eq!(reason(stage.basic(&format!("alice:{PASSWORD}")).await), Reason::InvalidCredentials);
    assert_eq!(stage.auth.recheck(&by_password), Err(Reason::PrincipalDisabled));
}

#[tokio::test]
async fn while_the_store_is_away_the_known_go_on_and_the_unknown_are_not_called_wrong() {
    let stage = Stage::set_with(Options { store_grace: Duration::from_secs(600), ..Stage::options() }).await;
    let (key, _) = stage.add_key("robot", None).await;
    verified(stage.basic(key.expose()).await);
    stage.store.close().await;
    let unknown = ApiKey::generate().unwrap();
    assert_eq!(reason(stage.basic(unknown.expose()).await), Reason::StoreUnavailable);
    assert_eq!(reason(stage.basic("alice:wrong").await), Reason::StoreUnavailable);
    assert_eq!(reason(stage.basic("nobody:wrong").await), Reason::StoreUnavailable);
    let session = format!("__Host-lictor={}", "a".repeat(43));
    let attempt = stage.auth.identify(&headers(&[&session], &[]), &here()).await;
    assert_eq!(reason(attempt), Reason::StoreUnavailable);
    let alice = verified(stage.basic(&format!("alice:{PASSWORD}")).await);
    assert!(stage.auth.is_fresh());
    stage.clock.advance(600);
    assert!(!stage.auth.is_fresh());
    assert_eq!(stage.auth.recheck(&alice), Ok(()));
    verified(stage.basic(&format!("alice:{PASSWORD}")).await);
    verified(stage.basic(key.expose()).await);
    stage.clock.advance(1);
    assert_eq!(reason(stage.basic(key.expose()).await), Reason::StoreUnavailable);
    assert_eq!(reason(stage.basic(&format!("alice:{PASSWORD}")).await), Reason::StoreUnavailable);
    assert_eq!(stage.auth.recheck(&alice), Err(Reason::StoreUnavailable));
}

#[tokio::test]
async fn no_bytes_in_a_header_are_ever_verified_or_a_panic() {
    let stage = Stage::set().await;
    let huge = "A".repeat(100_000);
    let mut values: Vec<Vec<u8>> =
        (1..=u8::MAX).flat_map(|byte| [vec![byte], [b"Basic ", &[byte][..]].concat()]).collect();
    for scheme in ["Basic", "Bearer", "basic ", "", "Digest"] {
        for token in ["", " ", ":", "=", "====", "lictor_", &huge, "\u{fffd}", "Og==", "AAAA", "/////w=="] {
            values.push(format!("{scheme} {token}").into_bytes());
        }
    }
    for value in values {
        let Ok(value) = HeaderValue::from_bytes(&value) else { continue };
        for header in [AUTHORIZATION, COOKIE] {
            let mut headers = HeaderMap::new();
            headers.insert(&header, value.clone());
            let attempt = stage.auth.identify(&headers, &here()).await;
            assert!(attempt.identity().is_none(), "{value:?}");
            assert_eq!(attempt == Attempt::NotPresented, header == COOKIE, "{value:?}");
        }
    }
    for token in ["", ":", "\0", "a:\0", "\u{feff}", &huge, "lictor_\u{e9}"] {
        assert!(stage.auth.identify_token(token, &here()).await.identity().is_none());
    }
}

#[tokio::test]
async fn the_last_use_of_a_key_reaches_the_store() {
    let stage = Stage::set().await;
    let (key, row) = stage.add_key("robot", None).await;
    let identity = verified(stage.basic(key.expose()).await);
    stage.auth.note_use(&identity, &from("198.51.100.9"));
    stage.auth.flush().await;
    let keys = stage.store.list_keys(None).await.unwrap();
    let used = keys.into_iter().find(|one| one.id == row.id).unwrap().last_used.unwrap();
    assert_eq!((used.client_ip.as_str(), used.client_version.as_str()), ("198.51.100.9", "3.8.8"));
}
