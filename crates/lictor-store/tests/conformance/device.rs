//! Programs that wait for a key of a person's.

use lictor_model::*;
use lictor_store::*;

use crate::stage::{Stage, named, role};

fn digest(code: &str) -> Digest {
    Digest::of(code.as_bytes())
}

fn asks(stage: &Stage, code: &str) -> NewDeviceRequest {
    NewDeviceRequest {
        device_code: digest(code),
        user_code: digest(&format!("{code}-typed")),
        label: "laptop".to_owned(),
        machine: "carbon".to_owned(),
        client_ip: "192.0.2.9".to_owned(),
        expires_at: stage.clock.now().plus_seconds(600),
        pause: 5,
    }
}

/// What somebody signed in does.
fn by(principal: &Principal) -> By {
    let credential = CredentialRef { kind: CredentialKind::Session, id: CredentialId::from("session") };
    let actor = Actor { id: principal.id.to_string(), kind: Some(principal.kind), name: principal.name.to_string() };
    By { actor, credential: Some(credential), client_ip: "192.0.2.7".to_owned(), request: None }
}

async fn allow(stage: &Stage, who: &Principal, code: &str, seconds: i64) -> Result<Option<DeviceRequest>, StoreError> {
    let narrowing = Some(Narrowing { read_only: true, ..Narrowing::default() });
    let ends_at = stage.clock.now().plus_seconds(seconds);
    let allowance = DeviceAllowance { label: "my laptop".to_owned(), ends_at, narrowing };
    stage.store.decide_device_request(&by(who), &digest(&format!("{code}-typed")), Some(&allowance)).await
}

async fn ask_for(store: &Store, code: &str, secret: &str) -> DeviceAnswer {
    let secret = NewSecret { digest: digest(secret), hint: "cret".to_owned() };
    store.ask_device_request(&digest(code), secret, "192.0.2.9", &RequestId::from("r1")).await.unwrap()
}

/// A question in its time.
async fn ask(stage: &Stage, code: &str) -> DeviceAnswer {
    stage.clock.advance(5);
    ask_for(&stage.store, code, code).await
}

pub(crate) async fn a_program_gets_its_key_once_and_only_when_somebody_allowed_it(stage: Stage) {
    let alice = stage.add_user("alice", None).await.unwrap();
    assert!(stage.store.add_device_request(&asks(&stage, "one")).await.unwrap());
    assert!(matches!(stage.store.add_device_request(&asks(&stage, "one")).await, Err(StoreError::NameTaken { .. })));
    assert_eq!(ask(&stage, "one").await, DeviceAnswer::Pending);
    assert_eq!(ask(&stage, "other").await, DeviceAnswer::Unknown);
    let found = stage.store.find_device_request(&digest("one-typed")).await.unwrap().unwrap();
    assert_eq!(
        (found.label.as_str(), found.machine.as_str(), found.client_ip.as_str()),
        ("laptop", "carbon", "192.0.2.9")
    );
    assert_eq!(
        stage.store.find_device_request(&digest("one")).await.unwrap(),
        None,
        "its own code is not the typed one"
    );
    let before = stage.store.versions().await.unwrap();
    assert_eq!(allow(&stage, &alice, "one", 3_600).await.unwrap(), Some(found));
    assert_eq!(stage.store.versions().await.unwrap(), before, "there is no key yet");
    let ends = stage.clock.now().plus_seconds(3_600);
    let DeviceAnswer::Allowed { key, owner } = ask(&stage, "one").await else { panic!("no key") };
    assert_eq!((owner.name.as_str(), key.label.as_str(), key.expires_at), ("alice", "my laptop", Some(ends)));
    assert!(key.narrowing.as_ref().unwrap().read_only);
    assert!(stage.store.versions().await.unwrap().directory > before.directory);
    assert_eq!(stage.store.list_keys(None).await.unwrap(), [*key]);
    assert_eq!(ask(&stage, "one").await, DeviceAnswer::Unknown);
    let events = stage.store.list_audit(AuditFilter::default()).await.unwrap();
    let [made, allowed, ..] = &events[..] else { panic!("no events") };
    assert_eq!(
        (made.operation.as_str(), made.client_ip.as_str(), made.actor.name.as_str()),
        ("key.create", "192.0.2.9", "alice")
    );
    assert_eq!(
        (allowed.operation.as_str(), allowed.object.as_str()),
        ("device.allow", "laptop on carbon at 192.0.2.9")
    );
    assert_eq!(allowed.credential, made.credential);
}

pub(crate) async fn a_code_is_decided_once_and_only_while_it_lasts(stage: Stage) {
    let alice = stage.add_user("alice", None).await.unwrap();
    for code in ["denied", "late"] {
        stage.store.add_device_request(&asks(&stage, code)).await.unwrap();
    }
    let deny = async || stage.store.decide_device_request(&by(&alice), &digest("denied-typed"), None).await.unwrap();
    assert!(deny().await.is_some());
    assert!(deny().await.is_none() && allow(&stage, &alice, "denied", 60).await.unwrap().is_none());
    assert_eq!(ask(&stage, "denied").await, DeviceAnswer::Denied);
    assert_eq!(ask(&stage, "denied").await, DeviceAnswer::Unknown);
    stage.clock.advance(600);
    assert_eq!(ask(&stage, "late").await, DeviceAnswer::Expired);
    assert!(allow(&stage, &alice, "late", 60).await.unwrap().is_none());
    // What is over is cleared away.
    stage.store.add_device_request(&asks(&stage, "next")).await.unwrap();
    assert_eq!(ask(&stage, "late").await, DeviceAnswer::Unknown);
    assert_eq!(stage.store.list_keys(None).await.unwrap(), []);
}

pub(crate) async fn whoever_asks_too_often_is_slowed_down(stage: Stage) {
    stage.store.add_device_request(&asks(&stage, "one")).await.unwrap();
    assert_eq!(ask(&stage, "one").await, DeviceAnswer::Pending);
    stage.clock.advance(2);
    assert_eq!(ask_for(&stage.store, "one", "x").await, DeviceAnswer::TooSoon(10));
    assert_eq!(ask(&stage, "one").await, DeviceAnswer::TooSoon(15));
    stage.clock.advance(10);
    assert_eq!(ask(&stage, "one").await, DeviceAnswer::Pending);
}

pub(crate) async fn nobody_disabled_or_removed_hands_out_a_key(stage: Stage) {
    let (alice, bob) = (stage.add_user("alice", None).await.unwrap(), stage.add_user("bob", None).await.unwrap());
    for (who, code) in [(&alice, "alices"), (&bob, "bobs")] {
        stage.store.add_device_request(&asks(&stage, code)).await.unwrap();
        assert!(allow(&stage, who, code, 60).await.unwrap().is_some());
    }
    stage.store.set_disabled(&By::console(), &named("alice"), true).await.unwrap();
    stage.store.remove_principal(&By::console(), &named("bob")).await.unwrap();
    assert_eq!(ask(&stage, "alices").await, DeviceAnswer::Denied);
    assert_eq!(ask(&stage, "bobs").await, DeviceAnswer::Unknown);
    assert_eq!(stage.store.list_keys(None).await.unwrap(), []);
}

pub(crate) async fn an_allowed_key_grows_no_older_than_a_role_allows(stage: Stage) {
    let alice = stage.add_user("alice", Some("viewer")).await.unwrap();
    stage.store.set_max_key_age(&By::console(), &role("viewer"), Some(3_600)).await.unwrap();
    stage.store.add_device_request(&asks(&stage, "one")).await.unwrap();
    assert!(matches!(allow(&stage, &alice, "one", 3_601).await, Err(StoreError::KeyOutlivesRole { .. })));
    assert!(allow(&stage, &alice, "one", 3_600).await.unwrap().is_some());
    stage.store.set_max_key_age(&By::console(), &role("viewer"), Some(60)).await.unwrap();
    let DeviceAnswer::Allowed { key, .. } = ask(&stage, "one").await else { panic!("no key") };
    assert_eq!(key.expires_at, Some(stage.clock.now().plus_seconds(60)));
}

pub(crate) async fn of_two_programs_that_ask_with_one_code_at_once_one_gets_a_key(stage: Stage) {
    let (alice, other) = (stage.add_user("alice", None).await.unwrap(), stage.another().await);
    for round in 0..8 {
        let code = format!("code-{round}");
        let new = NewDeviceRequest { pause: 0, ..asks(&stage, &code) };
        stage.store.add_device_request(&new).await.unwrap();
        assert!(allow(&stage, &alice, &code, 60).await.unwrap().is_some());
        let (one, two) = (format!("a{round}"), format!("b{round}"));
        let answers = tokio::join!(ask_for(&stage.store, &code, &one), ask_for(&other, &code, &two));
        let given = [answers.0, answers.1].into_iter().filter(|answer| matches!(answer, DeviceAnswer::Allowed { .. }));
        assert_eq!(given.count(), 1);
    }
    assert_eq!(stage.store.list_keys(None).await.unwrap().len(), 8);
}
