//! Links that set a password, and bans.

use lictor_model::*;
use lictor_store::*;

use crate::stage::{Stage, named};

fn digest(secret: &str) -> Digest {
    Digest::of(secret.as_bytes())
}

fn by_link(secret: &str) -> ResetLink {
    ResetLink { digest: digest(secret), address: "192.0.2.7".parse().unwrap(), request: RequestId::from("r1") }
}

async fn add_link(stage: &Stage, of: &str, secret: &str, seconds: i64) -> Result<(), StoreError> {
    let ends = stage.clock.now().plus_seconds(seconds);
    stage.store.add_reset_link(&By::console(), &named(of), &digest(secret), ends).await
}

async fn hash_of(stage: &Stage) -> PasswordRow {
    stage.store.load_directory().await.unwrap().passwords.remove(0)
}

fn ban(account: &str, address: &str, began_at: Timestamp, seconds: i64) -> Ban {
    let account = Some(account).filter(|text| !text.is_empty()).map(named);
    let address = Some(address).filter(|text| !text.is_empty()).map(|text| text.parse().unwrap());
    let subject = BanSubject { account, address };
    Ban { subject, cause: BanCause::Failures, began_at, ends_at: began_at.plus_seconds(seconds) }
}

async fn subjects(stage: &Stage) -> Vec<String> {
    stage.store.list_bans().await.unwrap().iter().map(|ban| ban.subject.to_string()).collect()
}

pub(crate) async fn a_link_sets_a_password_once_and_ends_the_sessions(stage: Stage) {
    let alice = stage.add_user("alice", None).await.unwrap();
    let session = SessionRow {
        id: CredentialId::fresh(),
        principal: alice.id.clone(),
        digest: digest("cookie"),
        created_at: stage.clock.now(),
        last_seen_at: stage.clock.now(),
        expires_at: stage.clock.now().plus_seconds(600),
        client_ip: "192.0.2.1".to_owned(),
        user_agent: String::new(),
        proved_at: stage.clock.now(),
        factor: None,
        viewing: None,
    };
    stage.store.start_session(&By::console(), session).await.unwrap();
    add_link(&stage, "alice", "secret", 60).await.unwrap();
    assert_eq!(stage.store.find_reset_link(&digest("secret")).await.unwrap(), Some(named("alice")));
    assert_eq!(stage.store.find_reset_link(&digest("other")).await.unwrap(), None);
    assert_eq!(stage.store.load_sessions().await.unwrap().sessions.len(), 1, "until it is used nothing changes");
    let before = stage.store.versions().await.unwrap();
    assert_eq!(stage.store.use_reset_link(&by_link("secret"), "$new").await.unwrap(), Some(named("alice")));
    let after = stage.store.versions().await.unwrap();
    assert!(after.directory > before.directory && after.sessions > before.sessions);
    let password = hash_of(&stage).await;
    assert_eq!((password.hash.as_str(), password.must_change), ("$new", false));
    assert_eq!(stage.store.load_sessions().await.unwrap().sessions, []);
    assert_eq!(stage.store.use_reset_link(&by_link("secret"), "$again").await.unwrap(), None);
    assert_eq!(hash_of(&stage).await.hash, "$new");
    let [event, ..] = &stage.store.list_audit(AuditFilter::default()).await.unwrap()[..] else { panic!("no event") };
    assert_eq!((event.operation.as_str(), event.object.as_str()), ("user.reset-password", "alice"));
    assert_eq!((event.actor.id.as_str(), event.actor.name.as_str()), (alice.id.as_str(), "alice"));
    assert_eq!(event.credential.as_ref().unwrap().kind, CredentialKind::ResetLink);
    assert_eq!((event.client_ip.as_str(), event.request.as_ref().unwrap().as_str()), ("192.0.2.7", "r1"));
}

pub(crate) async fn a_link_is_over_when_it_expires_when_another_is_made_and_when_a_password_is_set(stage: Stage) {
    stage.add_user("alice", None).await.unwrap();
    let found = async |secret: &str| stage.store.find_reset_link(&digest(secret)).await.unwrap().is_some();
    add_link(&stage, "alice", "first", 60).await.unwrap();
    stage.clock.advance(59);
    assert!(found("first").await);
    stage.clock.advance(1);
    assert!(!found("first").await);
    assert_eq!(stage.store.use_reset_link(&by_link("first"), "$new").await.unwrap(), None);
    add_link(&stage, "alice", "second", 60).await.unwrap();
    add_link(&stage, "alice", "third", 60).await.unwrap();
    assert!(!found("second").await && found("third").await);
    stage.store.set_password(&By::console(), &named("alice"), "$set", false).await.unwrap();
    assert!(!found("third").await);
}

pub(crate) async fn a_link_of_somebody_disabled_removed_or_a_machine_does_nothing(stage: Stage) {
    for name in ["alice", "bob"] {
        stage.add_user(name, None).await.unwrap();
        add_link(&stage, name, name, 60).await.unwrap();
    }
    stage.store.set_disabled(&By::console(), &named("alice"), true).await.unwrap();
    stage.store.remove_principal(&By::console(), &named("bob")).await.unwrap();
    for name in ["alice", "bob"] {
        assert_eq!(stage.store.find_reset_link(&digest(name)).await.unwrap(), None);
        assert_eq!(stage.store.use_reset_link(&by_link(name), "$new").await.unwrap(), None);
    }
    assert_eq!(hash_of(&stage).await.hash, "$hash");
    let machine =
        NewPrincipal { kind: PrincipalKind::ServiceAccount, name: named("robot"), password: None, role: None };
    stage.store.add_principal(&By::console(), machine).await.unwrap();
    assert!(matches!(add_link(&stage, "robot", "x", 60).await, Err(StoreError::NoPasswords(_))));
    assert!(matches!(add_link(&stage, "nobody", "x", 60).await, Err(StoreError::NotFound { .. })));
}

pub(crate) async fn of_two_uses_of_a_link_at_once_one_counts(stage: Stage) {
    stage.add_user("alice", None).await.unwrap();
    let other = stage.another().await;
    for round in 0..10 {
        add_link(&stage, "alice", "secret", 60).await.unwrap();
        let link = by_link("secret");
        let (one, two) = tokio::join!(stage.store.use_reset_link(&link, "$one"), other.use_reset_link(&link, "$two"));
        let winners = [one.unwrap(), two.unwrap()].iter().flatten().count();
        assert_eq!(winners, 1, "round {round}");
    }
}

pub(crate) async fn a_ban_is_listed_until_it_ends_and_a_lifted_one_is_told_of_until_then(stage: Stage) {
    let now = stage.clock.now();
    let bans = [ban("alice", "192.0.2.7", now, 60), ban("", "2001:db8::7", now, 120), ban("bob", "", now, 180)];
    stage.store.begin_bans(&bans).await.unwrap();
    assert_eq!(subjects(&stage).await, ["bob", "2001:db8::/64", "alice from 192.0.2.7"]);
    let lifted = stage.store.lift_bans(&By::console(), "2001:db8::1234").await.unwrap();
    assert_eq!(lifted, [bans[1].clone()], "another address of the same /64");
    assert_eq!(subjects(&stage).await, ["bob", "alice from 192.0.2.7"]);
    let (_, held) = stage.store.load_bans().await.unwrap();
    let told: Vec<_> = held.iter().map(|held| held.lifted_at).collect();
    assert_eq!(told, [None, Some(now), None]);
    stage.store.lift_bans(&By::console(), "alice").await.unwrap();
    for none in ["alice", "2001:db8::1", "nobody", ""] {
        let error = stage.store.lift_bans(&By::console(), none).await.unwrap_err();
        assert!(matches!(error, StoreError::NotFound { what: "ban on", .. }), "{none}: {error}");
    }
    stage.clock.advance(180);
    assert_eq!(stage.store.load_bans().await.unwrap().1, []);
}

pub(crate) async fn a_longer_ban_stays_and_an_administrators_is_not_replaced(stage: Stage) {
    let now = stage.clock.now();
    let ends = async || stage.store.list_bans().await.unwrap()[0].ends_at.seconds_since(now);
    for (seconds, expected) in [(60, 60), (30, 60), (120, 120)] {
        stage.store.begin_bans(&[ban("alice", "192.0.2.7", now, seconds)]).await.unwrap();
        assert_eq!(ends().await, expected);
    }
    let mut word = ban("alice", "192.0.2.7", now, 90);
    word.cause = BanCause::Administrator;
    stage.store.add_ban(&By::console(), &word).await.unwrap();
    stage.store.begin_bans(&[ban("alice", "192.0.2.7", now, 600)]).await.unwrap();
    assert_eq!(ends().await, 90);
    assert_eq!(stage.store.list_bans().await.unwrap(), [word]);
}

pub(crate) async fn a_ban_that_began_before_it_was_lifted_does_not_come_back(stage: Stage) {
    let early = ban("alice", "192.0.2.7", stage.clock.now(), 600);
    stage.store.begin_bans(std::slice::from_ref(&early)).await.unwrap();
    stage.clock.advance(5);
    stage.store.lift_bans(&By::console(), "alice").await.unwrap();
    let late = Ban { ends_at: early.ends_at.plus_seconds(60), ..early };
    stage.store.begin_bans(&[late]).await.unwrap();
    assert_eq!(subjects(&stage).await, Vec::<String>::new());
    stage.clock.advance(5);
    stage.store.begin_bans(&[ban("alice", "192.0.2.7", stage.clock.now(), 60)]).await.unwrap();
    assert_eq!(subjects(&stage).await, ["alice from 192.0.2.7"], "one that began since does");
}

pub(crate) async fn bans_are_on_record_with_their_author(stage: Stage) {
    let now = stage.clock.now();
    stage.store.begin_bans(&[ban("alice", "192.0.2.7", now, 60)]).await.unwrap();
    stage.store.begin_bans(&[ban("alice", "192.0.2.7", now, 60)]).await.unwrap();
    stage.store.add_ban(&By::console(), &ban("bob", "", now, 60)).await.unwrap();
    stage.store.lift_bans(&By::console(), "bob").await.unwrap();
    let events = stage.store.list_audit(AuditFilter::default()).await.unwrap();
    let told: Vec<_> = events
        .iter()
        .map(|event| (event.operation.as_str(), event.actor.name.as_str(), event.object.as_str()))
        .collect();
    let until = now.plus_seconds(60);
    assert_eq!(
        told,
        [
            ("ban.lift", "console", "bob"),
            ("ban.add", "console", format!("bob until {until}").as_str()),
            ("ban.begin", "alice", format!("alice from 192.0.2.7 until {until}").as_str()),
        ]
    );
    assert_eq!((events[2].actor.id.as_str(), events[2].client_ip.as_str()), ("", "192.0.2.7"));
}

pub(crate) async fn a_ban_moves_the_version_that_another_handle_polls(stage: Stage) {
    let other = stage.another().await;
    let mut before = other.versions().await.unwrap();
    for step in 0..3 {
        let now = stage.clock.now();
        match step {
            0 => stage.store.begin_bans(&[ban("alice", "192.0.2.7", now, 60)]).await.unwrap(),
            1 => drop(stage.store.lift_bans(&By::console(), "alice").await.unwrap()),
            _ => stage.store.add_ban(&By::console(), &ban("alice", "", now, 60)).await.unwrap(),
        }
        let after = other.versions().await.unwrap();
        assert!(after.bans > before.bans && after.directory == before.directory, "step {step}");
        before = after;
    }
    assert_eq!(other.load_bans().await.unwrap().0, before.bans);
}
