//! Do keys rotate, rest and grow old as they should?

use crate::stage::*;
use lictor_model::*;
use lictor_store::*;

const DAY: i64 = 86_400;

fn secret(text: &str) -> NewSecret {
    NewSecret { digest: Digest::of(text.as_bytes()), hint: text.to_owned() }
}

fn key_of(owner: &str, text: &str, expires_at: Option<Timestamp>) -> NewKey {
    let NewSecret { digest, hint } = secret(text);
    NewKey { principal: named(owner), label: "etl".to_owned(), digest, hint, expires_at, narrowing: None }
}

async fn one(stage: &Stage, id: &CredentialId) -> KeyRow {
    stage.store.list_keys(None).await.unwrap().into_iter().find(|key| key.id == *id).unwrap()
}

pub(crate) async fn a_rotated_key_goes_on_beside_its_successor_until_the_overlap_ends(stage: Stage) {
    stage.add_user("alice", Some("owner")).await.unwrap();
    let by = By::console();
    let narrowing = Some(Narrowing { read_only: true, ..Narrowing::default() });
    let end = stage.clock.now().plus_seconds(90 * DAY);
    let old = stage.store.add_key(&by, NewKey { narrowing, ..key_of("alice", "old!", Some(end)) }).await.unwrap();
    stage.clock.advance(30 * DAY);
    let before = stage.store.versions().await.unwrap();
    let now = stage.clock.now();
    let rotation = stage.store.rotate_key(&by, "old!", secret("new!"), 2 * DAY).await.unwrap();
    assert!(stage.store.versions().await.unwrap().directory > before.directory);
    let new = one(&stage, &rotation.new.id).await;
    assert_eq!(new, rotation.new);
    assert_eq!((&new.principal, &new.label, &new.narrowing), (&old.principal, &old.label, &old.narrowing));
    assert_eq!((new.expires_at, new.replaces.as_ref()), (Some(now.plus_seconds(90 * DAY)), Some(&old.id)));
    assert_eq!(one(&stage, &old.id).await.expires_at, Some(now.plus_seconds(2 * DAY)));
    stage.clock.advance(2 * DAY);
    assert_eq!(one(&stage, &old.id).await.state(stage.clock.now()), KeyState::Expired);
    assert_eq!(stage.operations().await[0], "key.rotate");
}

pub(crate) async fn a_key_is_rotated_once_and_only_while_it_is_in_use(stage: Stage) {
    stage.add_user("alice", Some("owner")).await.unwrap();
    let by = By::console();
    let soon = stage.clock.now().plus_seconds(60);
    let old = stage.store.add_key(&by, key_of("alice", "old!", Some(soon))).await.unwrap();
    let rotation = stage.store.rotate_key(&by, old.id.as_str(), secret("new!"), DAY).await.unwrap();
    assert_eq!(rotation.old.expires_at, Some(soon), "an overlap makes no key live longer");
    let again = stage.store.rotate_key(&by, old.id.as_str(), secret("third"), DAY).await;
    assert!(
        matches!(again, Err(StoreError::KeyRotated { ref new, .. }) if *new == rotation.new.id.as_str()),
        "{again:?}"
    );
    stage.store.set_key_disabled(&by, "new!", true).await.unwrap();
    let resting = stage.store.rotate_key(&by, "new!", secret("third"), DAY).await;
    assert!(matches!(resting, Err(StoreError::KeyNotInUse { state: "disabled", .. })), "{resting:?}");
    stage.store.set_key_disabled(&by, "new!", false).await.unwrap();
    let taken = stage.store.rotate_key(&by, "new!", secret("old!"), DAY).await;
    assert!(matches!(taken, Err(StoreError::NameTaken { .. })), "{taken:?}");
    assert!(one(&stage, &rotation.new.id).await.expires_at.unwrap() < stage.clock.now().plus_seconds(DAY));
    stage.clock.advance(60);
    let over = stage.store.rotate_key(&by, "new!", secret("third"), DAY).await;
    assert!(matches!(over, Err(StoreError::KeyNotInUse { state: "expired", .. })), "{over:?}");
    assert_eq!(stage.store.list_keys(None).await.unwrap().len(), 2);
}

pub(crate) async fn a_disabled_key_comes_back_and_a_revoked_one_does_not(stage: Stage) {
    stage.add_user("alice", Some("owner")).await.unwrap();
    let (by, key) = (By::console(), stage.add_key("alice", "key!", "").await);
    let state = async || one(&stage, &key.id).await.state(stage.clock.now());
    stage.store.set_key_disabled(&by, "key!", true).await.unwrap();
    assert_eq!(state().await, KeyState::Disabled);
    let before = stage.store.versions().await.unwrap();
    stage.store.set_key_disabled(&by, "key!", true).await.unwrap();
    assert_eq!(stage.store.versions().await.unwrap(), before, "nothing changed");
    stage.store.set_key_disabled(&by, "key!", false).await.unwrap();
    assert_eq!(state().await, KeyState::Active);
    assert_eq!(stage.operations().await[..2], ["key.enable", "key.disable"]);
    stage.store.revoke_key(&by, "key!").await.unwrap();
    let refused = stage.store.set_key_disabled(&by, key.id.as_str(), false).await;
    assert!(matches!(refused, Err(StoreError::KeyNotInUse { state: "revoked", .. })), "{refused:?}");
}

pub(crate) async fn a_leaked_key_is_revoked_by_its_digest_alone_and_once(stage: Stage) {
    stage.add_user("alice", Some("owner")).await.unwrap();
    let key = stage.add_key("alice", "leak", "").await;
    let by = By { actor: Actor::unknown(""), credential: None, client_ip: "192.0.2.1".to_owned(), request: None };
    let report = async |text: &str| stage.store.revoke_leaked_key(&by, &Digest::of(text.as_bytes())).await.unwrap();
    assert_eq!(report("else").await, None);
    assert_eq!(report("leak").await.unwrap().id, key.id);
    assert_eq!(one(&stage, &key.id).await.state(stage.clock.now()), KeyState::Revoked);
    let before = stage.store.versions().await.unwrap();
    assert_eq!(report("leak").await, None);
    assert_eq!(stage.store.versions().await.unwrap(), before);
    let filter = AuditFilter { operation: Some("key.report-leak".to_owned()), ..AuditFilter::default() };
    let [event] = &stage.store.list_audit(filter).await.unwrap()[..] else { panic!("not one event") };
    assert_eq!(
        (event.client_ip.as_str(), event.object.as_str()),
        ("192.0.2.1", format!("{} of alice", key.id).as_str())
    );
}

pub(crate) async fn no_key_grows_older_than_the_roles_of_its_owner_allow(stage: Stage) {
    stage.add_user("alice", Some("viewer")).await.unwrap();
    let by = By::console();
    let made = stage.store.add_key(&by, key_of("alice", "before", None)).await.unwrap();
    assert_eq!((made.expires_at, &made.ended_by), (None, &None));
    stage.store.set_max_key_age(&by, &role("viewer"), Some(90 * DAY)).await.unwrap();
    let end = made.created_at.plus_seconds(90 * DAY);
    let aged = one(&stage, &made.id).await;
    assert_eq!((aged.expires_at, aged.ended_by), (Some(end), Some(role("viewer"))), "keys made before it too");
    let loaded = stage.store.load_directory().await.unwrap();
    assert_eq!(loaded.keys[0].expires_at, Some(end));
    let long = stage.store.add_key(&by, key_of("alice", "long", Some(end.plus_seconds(1)))).await;
    assert_eq!(
        long.unwrap_err().to_string(),
        "keys of those who have the role \"viewer\" end after 90d at the latest: choose an earlier expiry"
    );
    let set = stage.store.add_key(&by, key_of("alice", "set!", None)).await.unwrap();
    assert_eq!(set.expires_at, Some(end));
    stage.clock.advance(DAY);
    let rotation = stage.store.rotate_key(&by, made.id.as_str(), secret("next"), 100 * DAY).await.unwrap();
    assert_eq!(rotation.old.expires_at, Some(end), "an overlap is no way around it");
    assert_eq!(rotation.new.expires_at, Some(end.plus_seconds(DAY)));
    stage.store.set_max_key_age(&by, &role("viewer"), None).await.unwrap();
    assert_eq!(one(&stage, &set.id).await.expires_at, Some(end), "what was set stays");
    assert!(matches!(
        stage.store.set_max_key_age(&by, &role("nobody"), Some(1)).await,
        Err(StoreError::UnknownRole(_))
    ));
}

pub(crate) async fn the_age_of_a_role_goes_with_the_role(stage: Stage) {
    let by = By::console();
    stage.store.add_role(&by, empty_role("auditor")).await.unwrap();
    stage.store.set_max_key_age(&by, &role("auditor"), Some(DAY)).await.unwrap();
    let ages = async || stage.store.load_assignments().await.unwrap().key_ages;
    assert_eq!(ages().await, [MaxKeyAge { role: role("auditor"), seconds: DAY }]);
    stage.store.remove_role(&by, &role("auditor")).await.unwrap();
    assert_eq!(ages().await, []);
}

pub(crate) async fn an_age_that_does_not_read_is_not_taken_for_none(stage: Stage) {
    stage.store.set_max_key_age(&By::console(), &role("viewer"), Some(DAY)).await.unwrap();
    execute(&stage.url, "UPDATE max_key_ages SET seconds = 0").await.unwrap();
    let error = stage.store.load_directory().await.unwrap_err();
    assert!(error.to_string().contains("max_key_ages"), "{error}");
}

pub(crate) async fn two_rotations_at_once_leave_one_successor(stage: Stage) {
    stage.add_user("alice", Some("owner")).await.unwrap();
    let (key, other, by) = (stage.add_key("alice", "old!", "").await, stage.another().await, By::console());
    let (one, two) = tokio::join!(
        stage.store.rotate_key(&by, key.id.as_str(), secret("one!"), DAY),
        other.rotate_key(&by, key.id.as_str(), secret("two!"), DAY)
    );
    let refused = [one, two].into_iter().filter_map(Result::err).collect::<Vec<_>>();
    assert!(matches!(refused[..], [StoreError::KeyRotated { .. }]), "{refused:?}");
    assert_eq!(stage.store.list_keys(None).await.unwrap().len(), 2);
}

pub(crate) async fn a_key_given_for_a_token_ends_has_no_successor_and_goes(stage: Stage) {
    stage.add_user("alice", Some("owner")).await.unwrap();
    let (by, now) = (By::console(), stage.clock.now());
    let end = now.plus_seconds(600);
    let kept = stage.store.add_key(&by, key_of("alice", "own!", Some(end))).await.unwrap();
    let key = stage.store.exchange_key(&by, key_of("alice", "given", Some(end)), "github").await.unwrap();
    let read = one(&stage, &key.id).await;
    assert_eq!((&read, read.issuer.as_deref(), kept.issuer), (&key, Some("github"), None));
    assert_eq!(stage.operations().await[0], "key.exchange");
    assert!(!read.ends_within(DAY, now) && one(&stage, &kept.id).await.ends_within(DAY, now));
    let rotated = stage.store.rotate_key(&by, "given", secret("next!"), DAY).await;
    assert!(matches!(rotated, Err(StoreError::KeyOfToken(_))), "{rotated:?}");
    let nobody = stage.store.exchange_key(&by, key_of("nobody", "none!", Some(end)), "github").await;
    assert!(matches!(nobody, Err(StoreError::NotFound { .. })), "{nobody:?}");
    assert_eq!(stage.store.delete_exchanged_keys(end).await.unwrap(), 0);
    let before = stage.store.versions().await.unwrap();
    assert_eq!(stage.store.delete_exchanged_keys(end.plus_seconds(1)).await.unwrap(), 1);
    assert!(stage.store.versions().await.unwrap().directory > before.directory);
    let [left] = &stage.store.list_keys(None).await.unwrap()[..] else { panic!("not one key") };
    assert_eq!(left.id, kept.id);
    stage.store.set_max_key_age(&by, &role("owner"), Some(60)).await.unwrap();
    let capped = stage.store.exchange_key(&by, key_of("alice", "short", Some(end)), "github").await.unwrap();
    assert_eq!(capped.expires_at, Some(now.plus_seconds(60)), "within what the roles of its owner allow");
}
