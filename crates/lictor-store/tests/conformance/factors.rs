//! Second factors, what proves a session, and the questions in between.

use lictor_model::*;
use lictor_store::*;

use crate::stage::{Stage, execute, named};

fn digest(secret: &str) -> Digest {
    Digest::of(secret.as_bytes())
}

fn role(name: &str) -> RoleName {
    RoleName::parse(name).unwrap()
}

fn factor(id: &str, kind: FactorKind, codes: &[&str]) -> NewFactor {
    NewFactor {
        id: id.into(),
        kind,
        label: format!("label of {id}"),
        material: format!("material of {id}"),
        handle: (kind == FactorKind::Passkey).then(|| format!("handle of {id}")),
        last_step: 10,
        recovery_codes: codes.iter().map(|code| digest(code)).collect(),
    }
}

fn cookie(session: &CredentialId, secret: &str) -> NewCookie {
    NewCookie { session: session.clone(), digest: digest(secret) }
}

async fn begin(stage: &Stage, of: &Principal, secret: &str) -> CredentialId {
    let now = stage.clock.now();
    let session = SessionRow {
        id: CredentialId::fresh(),
        principal: of.id.clone(),
        digest: digest(secret),
        created_at: now,
        last_seen_at: now,
        expires_at: now.plus_seconds(1_000),
        client_ip: String::new(),
        user_agent: String::new(),
        proved_at: now,
        factor: None,
        viewing: None,
    };
    let id = session.id.clone();
    stage.store.start_session(&By::console(), session).await.unwrap();
    id
}

/// Somebody with a session and an app.
async fn with_app(stage: &Stage, name: &str) -> (Principal, CredentialId) {
    let person = stage.add_user(name, None).await.unwrap();
    let session = begin(stage, &person, name).await;
    let new = factor(&format!("app-{name}"), FactorKind::Totp, &["spare one", "spare two"]);
    let cookie = cookie(&session, &format!("{name} proved"));
    assert_eq!(stage.store.add_factor(&By::console(), &person.id, &new, (None, &cookie)).await.unwrap(), Some(true));
    (person, session)
}

async fn sessions(stage: &Stage) -> Vec<SessionRow> {
    stage.store.load_sessions().await.unwrap().sessions
}

async fn prove(stage: &Stage, who: &(Principal, CredentialId), used: Used) -> bool {
    let cookie = cookie(&who.1, &CredentialId::fresh().to_string());
    stage.store.prove_session(&By::console(), &who.0.id, &cookie, &used).await.unwrap()
}

fn code(of: &str, step: i64) -> Used {
    Used::Totp { factor: format!("app-{of}").into(), step }
}

async fn operations(stage: &Stage) -> Vec<String> {
    let events = stage.store.list_audit(AuditFilter::default()).await.unwrap();
    events.into_iter().map(|event| event.operation).collect()
}

pub(crate) async fn the_first_factor_brings_recovery_codes_and_ends_the_other_sessions(stage: Stage) {
    let alice = stage.add_user("alice", None).await.unwrap();
    let (here, _) = (begin(&stage, &alice, "here").await, begin(&stage, &alice, "there").await);
    stage.clock.advance(5);
    let before = stage.store.versions().await.unwrap();
    let (by, first) = (By::console(), factor("app", FactorKind::Totp, &["one", "two"]));
    let added = stage.store.add_factor(&by, &alice.id, &first, (None, &cookie(&here, "fresh"))).await.unwrap();
    assert_eq!(added, Some(true), "its recovery codes are those to show");
    let after = stage.store.versions().await.unwrap();
    assert!(after.directory > before.directory && after.sessions > before.sessions);
    let [session] = &sessions(&stage).await[..] else { panic!("not one session") };
    assert_eq!((&session.id, session.digest, session.factor), (&here, digest("fresh"), Some(FactorKind::Totp)));
    assert_eq!(session.proved_at, stage.clock.now());
    let half = begin(&stage, &alice, "another").await;
    let around = factor("around", FactorKind::Totp, &[]);
    let refused = stage.store.add_factor(&by, &alice.id, &around, (None, &cookie(&half, "half"))).await;
    assert!(matches!(refused, Err(StoreError::NotFound { what: "session", .. })), "{refused:?}");
    let second = factor("key", FactorKind::Passkey, &["three"]);
    let added = stage.store.add_factor(&by, &alice.id, &second, (None, &cookie(&here, "fresher"))).await.unwrap();
    assert_eq!(added, Some(false), "the codes of before go on");
    assert_eq!(sessions(&stage).await.len(), 2);
    let held = stage.store.factors_of(&alice.id).await.unwrap();
    assert_eq!(held.all.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["app", "key"]);
    assert_eq!((held.recovery_codes, held.all[0].last_used_at), (2, None));
    assert_eq!(stage.store.load_directory().await.unwrap().factor_owners, std::slice::from_ref(&alice.id));
    assert!(!format!("{held:?}").contains("material"));
    for at in 0..8 {
        let new = factor(&format!("more-{at}"), FactorKind::Totp, &[]);
        stage.store.add_factor(&by, &alice.id, &new, (None, &cookie(&here, &format!("{at}")))).await.unwrap();
    }
    let full =
        stage.store.add_factor(&by, &alice.id, &factor("x", FactorKind::Totp, &[]), (None, &cookie(&here, "x"))).await;
    assert!(matches!(full, Err(StoreError::TooManyFactors(10))), "{full:?}");
    let gone = stage.store.end_session(&by, &here).await.unwrap();
    let bob = stage.add_user("bob", None).await.unwrap();
    let late =
        stage.store.add_factor(&by, &bob.id, &factor("y", FactorKind::Totp, &[]), (None, &cookie(&here, "y"))).await;
    assert!(gone && matches!(late, Err(StoreError::NotFound { .. })), "{late:?}");
    assert_eq!(stage.store.factors_of(&bob.id).await.unwrap(), Factors::default());
}

pub(crate) async fn a_code_counts_once_and_none_before_it_after_it(stage: Stage) {
    let alice = with_app(&stage, "alice").await;
    assert!(!prove(&stage, &alice, code("alice", 10)).await, "the one that it was added with");
    let cookie_before = sessions(&stage).await[0].digest;
    assert!(prove(&stage, &alice, code("alice", 12)).await);
    assert_ne!(sessions(&stage).await[0].digest, cookie_before);
    for step in [12, 11, 10, 0] {
        assert!(!prove(&stage, &alice, code("alice", step)).await, "{step}");
    }
    assert!(prove(&stage, &alice, code("alice", 13)).await);
    assert_eq!(stage.store.factors_of(&alice.0.id).await.unwrap().all[0].last_used_at, Some(stage.clock.now()));
    assert_eq!(operations(&stage).await[..3], ["session.prove", "session.prove", "factor.add"]);
}

pub(crate) async fn a_recovery_code_counts_once(stage: Stage) {
    let alice = with_app(&stage, "alice").await;
    assert!(!prove(&stage, &alice, Used::RecoveryCode(digest("spare three"))).await);
    assert!(prove(&stage, &alice, Used::RecoveryCode(digest("spare one"))).await);
    assert_eq!(sessions(&stage).await[0].factor, Some(FactorKind::RecoveryCode));
    assert!(!prove(&stage, &alice, Used::RecoveryCode(digest("spare one"))).await);
    assert_eq!(stage.store.factors_of(&alice.0.id).await.unwrap().recovery_codes, 1);
    let by = By::console();
    assert!(stage.store.replace_recovery_codes(&by, &alice.0.id, &[digest("new")]).await.unwrap());
    assert!(!prove(&stage, &alice, Used::RecoveryCode(digest("spare two"))).await);
    assert!(prove(&stage, &alice, Used::RecoveryCode(digest("new"))).await);
    let bob = stage.add_user("bob", None).await.unwrap();
    assert!(
        !stage.store.replace_recovery_codes(&by, &bob.id, &[digest("x")]).await.unwrap(),
        "they stand in for nothing"
    );
}

pub(crate) async fn a_passkey_is_of_one_person_and_its_uses_are_kept(stage: Stage) {
    let (alice, bob) = (with_app(&stage, "alice").await, with_app(&stage, "bob").await);
    let key = factor("key", FactorKind::Passkey, &[]);
    let at = cookie(&alice.1, "a");
    stage.store.add_factor(&By::console(), &alice.0.id, &key, (None, &at)).await.unwrap();
    let copy = NewFactor { id: "other".into(), ..key };
    let taken = stage.store.add_factor(&By::console(), &bob.0.id, &copy, (None, &cookie(&bob.1, "b"))).await;
    assert!(matches!(taken, Err(StoreError::NameTaken { what: "passkey", .. })), "{taken:?}");
    let used = |factor: &str, material: &str| Used::Passkey { factor: factor.into(), material: material.to_owned() };
    assert!(prove(&stage, &alice, used("key", "counted once")).await);
    assert!(!prove(&stage, &bob, used("key", "stolen")).await);
    assert_eq!(stage.store.factors_of(&alice.0.id).await.unwrap().all[1].material, "counted once");
    let new = SessionRow { digest: digest("alone"), id: "s".into(), ..sessions(&stage).await[0].clone() };
    let mine = SessionRow { principal: alice.0.id.clone(), factor: Some(FactorKind::Passkey), ..new };
    let start = async |row: SessionRow| {
        stage.store.start_session_by_passkey(&By::console(), row, &"key".into(), "twice".to_owned()).await.unwrap()
    };
    assert!(!start(SessionRow { principal: bob.0.id.clone(), ..mine.clone() }).await);
    assert!(start(mine).await);
    assert_eq!(
        sessions(&stage).await.iter().find(|row| row.id.as_str() == "s").unwrap().factor,
        Some(FactorKind::Passkey)
    );
}

pub(crate) async fn the_last_factor_of_somebody_who_must_have_one_stays(stage: Stage) {
    let (by, alice) = (By::console(), with_app(&stage, "alice").await);
    let team = TeamName::parse("data").unwrap();
    stage.store.add_team(&by, team.clone(), "").await.unwrap();
    stage.store.add_members(&by, &team, &[named("alice")]).await.unwrap();
    stage.store.add_team_grant(&by, &team, role("viewer"), Scope::Everywhere).await.unwrap();
    stage.store.set_factor_role(&by, &role("viewer"), true).await.unwrap();
    let remove = async |id: &str| stage.store.remove_factor(&by, &alice.0.id, &id.into()).await;
    assert!(matches!(remove("app-alice").await, Err(StoreError::LastFactor)));
    let key = factor("key", FactorKind::Passkey, &[]);
    stage.store.add_factor(&by, &alice.0.id, &key, (None, &cookie(&alice.1, "a"))).await.unwrap();
    assert!(remove("app-alice").await.unwrap());
    assert!(matches!(remove("key").await, Err(StoreError::LastFactor)));
    stage.store.set_factor_role(&by, &role("viewer"), false).await.unwrap();
    assert!(remove("key").await.unwrap() && !remove("key").await.unwrap());
    assert_eq!(stage.store.factors_of(&alice.0.id).await.unwrap(), Factors::default());
    assert_eq!(stage.store.load_directory().await.unwrap().factor_owners, []);
    assert_eq!(operations(&stage).await[..2], ["factor.remove", "role.set-second-factor"]);
}

pub(crate) async fn the_factor_of_another_is_neither_used_nor_removed(stage: Stage) {
    let (alice, bob) = (with_app(&stage, "alice").await, with_app(&stage, "bob").await);
    assert!(!prove(&stage, &bob, code("alice", 50)).await);
    assert!(!stage.store.remove_factor(&By::console(), &bob.0.id, &"app-alice".into()).await.unwrap());
    assert_eq!(stage.store.factors_of(&alice.0.id).await.unwrap().all.len(), 1);
    stage.store.remove_principal(&By::console(), &named("alice")).await.unwrap();
    assert_eq!(stage.store.factors_of(&alice.0.id).await.unwrap(), Factors::default());
}

fn challenge(secret: &str, session: Option<&CredentialId>, ends: Timestamp) -> (NewChallenge, ChallengeRef) {
    let (digest, session) = (digest(secret), session.cloned());
    let named = ChallengeRef { digest, purpose: "prove", session: session.clone() };
    (NewChallenge { digest, purpose: "prove", session, state: "state".to_owned(), expires_at: ends }, named)
}

pub(crate) async fn a_challenge_is_answered_once_in_its_session_and_in_time(stage: Stage) {
    let (alice, bob) = (with_app(&stage, "alice").await, with_app(&stage, "bob").await);
    let ends = stage.clock.now().plus_seconds(60);
    let (new, named) = challenge("secret", Some(&alice.1), ends);
    assert!(stage.store.add_challenge(&new).await.unwrap());
    let others = [
        ChallengeRef { purpose: "sign-in", ..named.clone() },
        ChallengeRef { session: Some(bob.1.clone()), ..named.clone() },
        ChallengeRef { session: None, ..named.clone() },
        ChallengeRef { digest: digest("another"), ..named.clone() },
    ];
    for other in &others {
        assert_eq!(stage.store.take_challenge(other).await.unwrap(), None);
        assert_eq!(stage.store.find_challenge(other).await.unwrap(), None);
    }
    assert_eq!(stage.store.find_challenge(&named).await.unwrap().as_deref(), Some("state"));
    assert_eq!(stage.store.take_challenge(&named).await.unwrap().as_deref(), Some("state"));
    assert_eq!(stage.store.take_challenge(&named).await.unwrap(), None);
    // An offer counts as answered with the factor that it led to, and not twice.
    stage.store.add_challenge(&new).await.unwrap();
    for (id, expected) in [("second", Some(false)), ("third", None)] {
        let new = factor(id, FactorKind::Totp, &[]);
        let at = cookie(&alice.1, id);
        let added = stage.store.add_factor(&By::console(), &alice.0.id, &new, (Some(&named), &at)).await.unwrap();
        assert_eq!(added, expected, "{id}");
    }
    stage.store.add_challenge(&new).await.unwrap();
    stage.clock.advance(60);
    assert_eq!(stage.store.take_challenge(&named).await.unwrap(), None, "too late");
    let (new, named) = challenge("later", Some(&alice.1), stage.clock.now().plus_seconds(60));
    stage.store.add_challenge(&new).await.unwrap();
    stage.store.end_session(&By::console(), &alice.1).await.unwrap();
    assert_eq!(stage.store.take_challenge(&named).await.unwrap(), None, "it went with its session");
}

pub(crate) async fn strangers_are_asked_so_many_at_a_time_and_no_more(stage: Stage) {
    let alice = with_app(&stage, "alice").await;
    let ends = stage.clock.now().plus_seconds(60);
    let many = format!(
        "INSERT INTO challenges (id, purpose, state, expires_at) \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4999) \
         SELECT CAST(i AS TEXT), 'sign-in', '', {} FROM n",
        ends.as_micros()
    );
    execute(&stage.url, &many).await.unwrap();
    for (secret, is_asked) in [("the last", true), ("one too many", false)] {
        assert_eq!(stage.store.add_challenge(&challenge(secret, None, ends).0).await.unwrap(), is_asked, "{secret}");
    }
    assert!(
        stage.store.add_challenge(&challenge("mine", Some(&alice.1), ends).0).await.unwrap(),
        "who is signed in is asked"
    );
    stage.clock.advance(60);
    let late = stage.clock.now().plus_seconds(60);
    assert!(stage.store.add_challenge(&challenge("again", None, late).0).await.unwrap());
}

pub(crate) async fn a_link_takes_the_factors_away_once_and_sets_no_password(stage: Stage) {
    let (by, alice) = (By::console(), with_app(&stage, "alice").await);
    let ends = stage.clock.now().plus_seconds(60);
    let link = |secret: &str| ResetLink {
        digest: digest(secret),
        address: "192.0.2.7".parse().unwrap(),
        request: RequestId::from("r1"),
    };
    stage.store.add_factor_reset_link(&by, &named("alice"), &digest("lost"), ends).await.unwrap();
    assert_eq!(stage.store.find_reset_link(&digest("lost")).await.unwrap(), None);
    assert_eq!(stage.store.use_reset_link(&link("lost"), "$new").await.unwrap(), None);
    assert_eq!(stage.store.find_factor_reset_link(&digest("lost")).await.unwrap(), Some(named("alice")));
    assert_eq!(stage.store.use_factor_reset_link(&link("lost")).await.unwrap(), Some(named("alice")));
    assert_eq!(stage.store.factors_of(&alice.0.id).await.unwrap(), Factors::default());
    assert_eq!(sessions(&stage).await, []);
    assert_eq!(stage.store.use_factor_reset_link(&link("lost")).await.unwrap(), None);
    let [event, ..] = &stage.store.list_audit(AuditFilter::default()).await.unwrap()[..] else { panic!("no event") };
    assert_eq!((event.operation.as_str(), event.object.as_str()), ("user.reset-factors", "alice"));
    assert_eq!(event.credential.as_ref().unwrap().kind, CredentialKind::ResetLink);
    // The other way round, and by an administrator at once.
    stage.store.add_reset_link(&by, &named("alice"), &digest("forgot"), ends).await.unwrap();
    assert_eq!(stage.store.use_factor_reset_link(&link("forgot")).await.unwrap(), None);
    assert_eq!(stage.store.clear_factors(&by, &named("alice")).await.unwrap(), 0);
    with_app(&stage, "bob").await;
    assert_eq!(stage.store.clear_factors(&by, &named("bob")).await.unwrap(), 1);
    assert!(matches!(stage.store.clear_factors(&by, &named("nobody")).await, Err(StoreError::NotFound { .. })));
}

pub(crate) async fn what_a_role_demands_goes_with_the_role(stage: Stage) {
    let by = By::console();
    let custom = Role {
        name: role("auditor"),
        description: String::new(),
        base: None,
        permissions: PermissionSet::of(&[Permission::SeeFlows]),
        built_in: false,
    };
    stage.store.add_role(&by, custom).await.unwrap();
    for _ in 0..2 {
        stage.store.set_factor_role(&by, &role("auditor"), true).await.unwrap();
    }
    let demanding = async || stage.store.load_assignments().await.unwrap().factor_roles;
    assert_eq!(demanding().await, [role("auditor")]);
    stage.store.remove_role(&by, &role("auditor")).await.unwrap();
    assert_eq!(demanding().await, []);
    let unknown = stage.store.set_factor_role(&by, &role("nobody"), true).await;
    assert!(matches!(unknown, Err(StoreError::UnknownRole(_))));
}

pub(crate) async fn of_two_uses_of_one_code_at_once_one_counts(stage: Stage) {
    let (alice, other) = (with_app(&stage, "alice").await, stage.another().await);
    for step in 20..30 {
        let used = code("alice", step);
        let (by, one, two) =
            (By::console(), cookie(&alice.1, &format!("a{step}")), cookie(&alice.1, &format!("b{step}")));
        let (one, two) = tokio::join!(
            stage.store.prove_session(&by, &alice.0.id, &one, &used),
            other.prove_session(&by, &alice.0.id, &two, &used)
        );
        assert_ne!(one.unwrap(), two.unwrap(), "step {step}");
    }
}

pub(crate) async fn of_two_answers_to_one_challenge_one_counts(stage: Stage) {
    let other = stage.another().await;
    for round in 0..10 {
        let (new, named) = challenge(&format!("r{round}"), None, stage.clock.now().plus_seconds(60));
        stage.store.add_challenge(&new).await.unwrap();
        let (one, two) = tokio::join!(stage.store.take_challenge(&named), other.take_challenge(&named));
        assert_eq!([one.unwrap(), two.unwrap()].iter().flatten().count(), 1, "round {round}");
    }
}

pub(crate) async fn a_proof_that_does_not_read_is_not_taken_for_one(stage: Stage) {
    with_app(&stage, "alice").await;
    execute(&stage.url, "UPDATE sessions SET factor = 'charm'").await.unwrap();
    let error = stage.store.load_sessions().await.unwrap_err();
    assert!(error.to_string().contains("factor"), "{error}");
}
