use lictor_model::{FactorKind, RequestId, RoleName, Scope, Timestamp};
use lictor_store::{AuditFilter, By, NewFactor};

use super::*;
use crate::stage::{PASSWORD, Stage, cookie, from, headers, name, reason, verified};
use crate::{Options, SignedIn};

struct Scene {
    stage: Stage,
    factors: Factors,
}

/// An app on alice's phone.
struct App(totp_rs::Totp);

impl App {
    fn of(secret: &Secret) -> Self {
        let secret = totp_rs::Secret::try_from_base32(secret.expose()).unwrap();
        Self(totp_rs::Builder::new().with_secret(secret).build().unwrap())
    }

    fn code(&self, at: Timestamp) -> String {
        self.0.generate(u64::try_from(at.as_micros() / 1_000_000).unwrap()).to_string()
    }
}

impl Scene {
    async fn set() -> Self {
        Self::set_with(Stage::options()).await
    }

    async fn set_with(options: Options) -> Self {
        let stage = Stage::set_with(options).await;
        let factors = Factors::start(stage.auth.clone(), &Secret::new("sealed"), Terms::default()).unwrap();
        Self { stage, factors }
    }

    async fn sign_in(&self) -> SignedIn {
        self.stage.sign_in("alice", PASSWORD).await.unwrap()
    }

    /// Whose half session a cookie is.
    async fn half(&self, signed_in: &SignedIn) -> Identity {
        match self.stage.cookie(signed_in).await {
            crate::Attempt::Rejected(rejection) => self.factors.half(&rejection).unwrap(),
            other => panic!("not half: {other:?}"),
        }
    }

    /// Adds an app in a session.
    async fn enrol(&self, person: &Identity) -> (App, Enrolled) {
        let caller = caller("192.0.2.1");
        let offer = self.factors.offer_totp(person, &caller).await.unwrap();
        let app = App::of(&offer.secret);
        let code = app.code(self.stage.clock.now());
        let added = self.factors.add_totp(person, (offer.token.expose(), &code), " phone\n", &caller).await.unwrap();
        self.stage.clock.advance(30);
        (app, added)
    }

    /// Alice with an app and a half session.
    async fn with_app() -> (Self, App, Enrolled, Identity) {
        let scene = Self::set().await;
        let whole = scene.sign_in().await;
        let (app, added) = scene.enrol(&whole.identity).await;
        let half = scene.sign_in().await;
        assert!(half.is_half && !whole.is_half);
        let half = scene.half(&half).await;
        (scene, app, added, half)
    }

    async fn prove(&self, person: &Identity, code: &str) -> Result<SignedIn, Reason> {
        self.prove_from(person, code, "192.0.2.1").await
    }

    async fn prove_from(&self, person: &Identity, code: &str, ip: &str) -> Result<SignedIn, Reason> {
        self.factors.prove_by_code(person, code, &caller(ip)).await.map_err(|error| match error {
            FactorError::Refused(rejection) => rejection.reason,
            other => panic!("{other}"),
        })
    }

    async fn require(&self, required: bool) {
        let (by, viewer) = (By::console(), RoleName::parse("viewer").unwrap());
        self.stage.store.set_factor_role(&by, &viewer, required).await.unwrap();
        self.stage.auth.refresh().await;
    }

    async fn be_viewer(&self) {
        let viewer = RoleName::parse("viewer").unwrap();
        self.stage.store.add_grant(&By::console(), &name("alice"), viewer, Scope::Everywhere).await.unwrap();
    }
}

fn caller(ip: &str) -> Caller {
    let origin = from(ip);
    Caller {
        request: RequestId::from("r1"),
        client_ip: origin.client_ip,
        peer: origin.client_ip,
        secure: true,
        origin: "https://gate.example".to_owned(),
        base: "".into(),
        user_agent: origin.user_agent,
        identity: None,
        rejection: None,
    }
}

#[tokio::test]
async fn a_password_of_somebody_with_a_factor_gives_half_a_session_that_is_nobodys() {
    let (scene, app, _, half) = Scene::with_app().await;
    let signed_in = scene.sign_in().await;
    assert_eq!(reason(scene.stage.cookie(&signed_in).await), Reason::SecondFactorRequired);
    assert_eq!(scene.stage.auth.recheck(&signed_in.identity), Err(Reason::SecondFactorRequired));
    assert_eq!(half.principal.name.as_str(), "alice");
    let code = app.code(scene.stage.clock.now());
    let proved = scene.prove(&signed_in.identity, &code).await.unwrap();
    assert!(!proved.is_half && proved.expires_at == signed_in.expires_at);
    verified(scene.stage.cookie(&proved).await);
    assert_eq!(scene.stage.auth.recheck(&proved.identity), Ok(()));
    assert_eq!(reason(scene.stage.cookie(&signed_in).await), Reason::SessionEnded, "the cookie of before");
    assert_eq!(
        scene.prove(&half, &code).await.unwrap_err(),
        Reason::WrongSecondFactor,
        "another session, the same code"
    );
}

#[tokio::test]
async fn a_password_alone_opens_nothing_for_programs_unless_that_is_allowed() {
    let (scene, ..) = Scene::with_app().await;
    let text = format!("alice:{PASSWORD}");
    assert_eq!(reason(scene.stage.basic(&text).await), Reason::SecondFactorRequired);
    assert_eq!(reason(scene.stage.auth.identify_token(&text, &from("192.0.2.1")).await), Reason::SecondFactorRequired);
    assert_eq!(reason(scene.stage.basic("alice:wrong").await), Reason::InvalidCredentials);
    let (key, _) = scene.stage.add_key("alice", None).await;
    verified(scene.stage.authorize(&format!("Bearer {}", key.expose())).await);
    let lax = Scene::set_with(Options { password_alone: true, ..Stage::options() }).await;
    let whole = lax.sign_in().await;
    lax.enrol(&whole.identity).await;
    verified(lax.stage.basic(&text).await);
    assert!(lax.sign_in().await.is_half, "a browser is asked all the same");
}

#[tokio::test]
async fn what_was_opened_by_a_password_ends_when_a_factor_is_added() {
    let scene = Scene::set().await;
    let socket = verified(scene.stage.basic(&format!("alice:{PASSWORD}")).await);
    let whole = scene.sign_in().await;
    assert_eq!(scene.stage.auth.recheck(&socket), Ok(()));
    scene.enrol(&whole.identity).await;
    assert_eq!(scene.stage.auth.recheck(&socket), Err(Reason::SecondFactorRequired));
}

#[tokio::test]
async fn a_half_session_waits_a_quarter_of_an_hour() {
    let (scene, ..) = Scene::with_app().await;
    let signed_in = scene.sign_in().await;
    scene.stage.clock.advance(HALF_SECONDS - 1);
    assert_eq!(reason(scene.stage.cookie(&signed_in).await), Reason::SecondFactorRequired);
    scene.stage.clock.advance(1);
    assert_eq!(reason(scene.stage.cookie(&signed_in).await), Reason::SessionEnded);
}

#[tokio::test]
async fn a_role_that_demands_a_factor_holds_at_once_and_lets_in_whoever_adds_one() {
    let scene = Scene::set().await;
    scene.be_viewer().await;
    let before = scene.sign_in().await;
    scene.require(true).await;
    assert_eq!(reason(scene.stage.cookie(&before).await), Reason::SecondFactorRequired);
    assert_eq!(reason(scene.stage.basic(&format!("alice:{PASSWORD}")).await), Reason::SecondFactorRequired);
    let half = scene.half(&before).await;
    let (_, added) = scene.enrol(&half).await;
    assert_eq!(added.codes.len(), 10);
    verified(scene.stage.cookie(&added.signed_in).await);
    let factors = scene.stage.store.factors_of(&half.principal.id).await.unwrap();
    let id = factors.all[0].id.clone();
    let remove = async || scene.factors.remove(&half, &id, &caller("192.0.2.1")).await;
    assert_eq!(remove().await, Err(FactorError::LastOne));
    scene.require(false).await;
    assert_eq!(remove().await, Ok(true));
    assert!(!scene.sign_in().await.is_half);
}

#[tokio::test]
async fn a_recovery_code_counts_once_however_it_is_typed() {
    let (scene, _, added, half) = Scene::with_app().await;
    let code = added.codes[3].expose().to_uppercase().replace('-', " ");
    let proved = scene.prove(&half, &code).await.unwrap();
    verified(scene.stage.cookie(&proved).await);
    let again = scene.sign_in().await;
    assert_eq!(scene.prove(&again.identity, &code).await.unwrap_err(), Reason::WrongSecondFactor);
    let fresh = scene.factors.new_recovery_codes(&proved.identity, &caller("192.0.2.1")).await.unwrap();
    let old = added.codes[4].expose();
    assert_eq!(scene.prove(&again.identity, old).await.unwrap_err(), Reason::WrongSecondFactor);
    scene.prove(&again.identity, fresh[0].expose()).await.unwrap();
}

#[tokio::test]
async fn guesses_at_codes_must_wait_however_many_sessions_they_come_from() {
    let (scene, app, ..) = Scene::with_app().await;
    for _ in 0..10 {
        // The password is right each time, which must not forgive the codes.
        let half = scene.sign_in().await;
        assert_eq!(scene.prove(&half.identity, "000000").await.unwrap_err(), Reason::WrongSecondFactor);
    }
    let half = scene.half(&scene.sign_in().await).await;
    let code = app.code(scene.stage.clock.now());
    assert_eq!(scene.prove(&half, &code).await.unwrap_err(), Reason::TooManyFailures);
    // From another address the account goes on, until a crowd has guessed.
    for at in 0..90 {
        let ip = format!("198.51.100.{at}");
        assert_eq!(scene.prove_from(&half, "000000", &ip).await.unwrap_err(), Reason::WrongSecondFactor, "{at}");
    }
    assert_eq!(scene.prove_from(&half, "000000", "203.0.113.9").await.unwrap_err(), Reason::TooManyFailures);
    scene.stage.auth.flush().await;
    let bans = scene.stage.store.list_bans().await.unwrap();
    assert!(bans.iter().any(|ban| ban.subject.to_string() == "alice from 192.0.2.1"), "{bans:?}");
    // Another replica has counted nothing, and heeds the ban.
    let other = scene.stage.another().await;
    let there = Factors::start(other.auth.clone(), &Secret::new("sealed"), Terms::default()).unwrap();
    let refused = there.prove_by_code(&half, &code, &caller("192.0.2.1")).await.unwrap_err();
    assert!(matches!(&refused, FactorError::Refused(why) if why.reason == Reason::TooManyFailures), "{refused:?}");
    // What an administrator lifts counts no more, here either.
    for of in ["alice", "192.0.2.1"] {
        let _ = scene.stage.store.lift_bans(&By::console(), of).await;
    }
    scene.stage.auth.refresh().await;
    scene.stage.clock.advance(30);
    let code = app.code(scene.stage.clock.now());
    scene.prove(&half, &code).await.unwrap();
}

#[tokio::test]
async fn failures_uses_additions_and_removals_are_on_record() {
    let (scene, app, _, half) = Scene::with_app().await;
    scene.prove(&half, "000000").await.unwrap_err();
    let proved = scene.prove(&half, &app.code(scene.stage.clock.now())).await.unwrap();
    scene.factors.new_recovery_codes(&proved.identity, &caller("192.0.2.1")).await.unwrap();
    let id = scene.stage.store.factors_of(&half.principal.id).await.unwrap().all[0].id.clone();
    assert_eq!(scene.factors.remove(&proved.identity, &id, &caller("192.0.2.1")).await, Ok(true));
    scene.stage.auth.flush().await;
    let mut events = scene.stage.store.list_audit(AuditFilter::default()).await.unwrap();
    events.reverse();
    let told: Vec<_> = events.iter().map(|event| (event.operation.as_str(), event.reason.as_str())).collect();
    for expected in [
        ("factor.add", ""),
        ("credential.refuse", "wrong-second-factor"),
        ("session.prove", ""),
        ("factor.recovery-codes", ""),
        ("factor.remove", ""),
    ] {
        assert!(told.contains(&expected), "{expected:?} is not in {told:?}");
    }
    assert!(events.iter().all(|event| event.actor.name == "alice" || event.actor.name == "console"));
}

#[tokio::test]
async fn a_secret_is_kept_sealed_and_opens_nothing_else() {
    let (scene, app, _, half) = Scene::with_app().await;
    let alice = half.principal.id.clone();
    let kept = scene.stage.store.factors_of(&alice).await.unwrap().all.remove(0);
    assert_eq!((kept.kind, kept.label.as_str()), (FactorKind::Totp, "phone"));
    let secret = app.0.secret().to_base32();
    assert!(!kept.material.contains(&secret));
    // Under another key nothing opens, and a copied row is another factor's.
    let other = Factors::start(scene.stage.auth.clone(), &Secret::new("another"), Terms::default()).unwrap();
    let code = app.code(scene.stage.clock.now());
    assert!(other.prove_by_code(&half, &code, &caller("192.0.2.1")).await.is_err());
    scene.stage.add_user("bob", Some(crate::password::hash(PASSWORD).unwrap())).await;
    let bob = scene.stage.sign_in("bob", PASSWORD).await.unwrap().identity;
    let copied = NewFactor {
        id: "copied".into(),
        kind: FactorKind::Totp,
        label: String::new(),
        material: kept.material,
        handle: None,
        last_step: 0,
        recovery_codes: Vec::new(),
    };
    let (_, new) = Factors::new_cookie(&bob).unwrap();
    scene.stage.store.add_factor(&By::console(), &bob.principal.id, &copied, (None, &new)).await.unwrap();
    assert_eq!(scene.prove(&bob, &code).await.unwrap_err(), Reason::WrongSecondFactor);
}

#[tokio::test]
async fn an_offer_is_for_one_session_one_person_one_use_and_ten_minutes() {
    let scene = Scene::set().await;
    let (one, other) = (scene.sign_in().await.identity, scene.sign_in().await.identity);
    let caller = caller("192.0.2.1");
    let offer = scene.factors.offer_totp(&one, &caller).await.unwrap();
    let (app, token) = (App::of(&offer.secret), offer.token.expose());
    let add = async |person: &Identity, token: &str, code: &str| {
        scene.factors.add_totp(person, (token, code), "", &caller).await.map(|_| ())
    };
    let code = app.code(scene.stage.clock.now());
    assert_eq!(add(&other, token, &code).await, Err(FactorError::Over));
    assert_eq!(add(&one, "never", &code).await, Err(FactorError::Over));
    assert_eq!(add(&one, token, "000000").await, Err(Reason::WrongSecondFactor.into()));
    assert_eq!(scene.factors.offered_totp(&one, token, &caller).await.unwrap().secret.expose(), offer.secret.expose());
    add(&one, token, &code).await.unwrap();
    assert_eq!(add(&one, token, &code).await, Err(FactorError::Over));
    let late = scene.factors.offer_totp(&one, &caller).await.unwrap();
    scene.stage.clock.advance(600);
    let code = App::of(&late.secret).code(scene.stage.clock.now());
    assert_eq!(add(&one, late.token.expose(), &code).await, Err(FactorError::Over));
}

#[tokio::test]
async fn a_proof_lasts_a_while_and_is_renewed_by_the_password_of_those_who_have_nothing_else() {
    let scene = Scene::set().await;
    let (signed_in, caller) = (scene.sign_in().await, caller("192.0.2.1"));
    assert!(scene.factors.is_confirmed(&signed_in.identity));
    scene.stage.clock.advance(15 * 60);
    assert!(!scene.factors.is_confirmed(&signed_in.identity));
    let wrong = scene.factors.prove_by_password(&signed_in.identity, "wrong", &caller).await.unwrap_err();
    assert!(matches!(wrong, FactorError::Refused(why) if why.reason == Reason::InvalidCredentials));
    let renewed = scene.factors.prove_by_password(&signed_in.identity, PASSWORD, &caller).await.unwrap();
    assert!(scene.factors.is_confirmed(&signed_in.identity));
    assert_eq!(reason(scene.stage.cookie(&signed_in).await), Reason::SessionEnded);
    verified(scene.stage.cookie(&renewed).await);
    let (_, added) = scene.enrol(&renewed.identity).await;
    let not_enough = scene.factors.prove_by_password(&added.signed_in.identity, PASSWORD, &caller).await.unwrap_err();
    assert!(matches!(not_enough, FactorError::Refused(why) if why.reason == Reason::SecondFactorRequired));
    // A changed password begins a session that lacks nothing.
    let (person, origin, new) = (&added.signed_in.identity, from("192.0.2.1"), "another quiet harbour");
    let fresh = scene.stage.auth.change_password(person, PASSWORD, new, &origin, &RequestId::fresh()).await;
    assert!(!fresh.unwrap().unwrap().is_half);
}

#[tokio::test]
async fn passkeys_are_for_names_over_tls_and_for_this_machine() {
    let scene = Scene::set().await;
    let wide = Terms { passkey_domain: Some("gate.example".to_owned()), ..Terms::default() };
    let wide = Factors::start(scene.stage.auth.clone(), &Secret::new("sealed"), wide).unwrap();
    let at = |factors: &Factors, origin: &str| {
        factors.has_passkeys_here(&Caller { origin: origin.to_owned(), ..caller("192.0.2.1") })
    };
    for (origin, expected) in [
        ("https://gate.example", true),
        ("https://gate.example:8443", true),
        ("http://localhost:4300", true),
        ("http://lab.localhost:4300", true),
        ("http://gate.example", false),
        ("https://192.0.2.1", false),
        ("http://127.0.0.1:4300", false),
        ("https://[::1]", false),
        ("nonsense", false),
    ] {
        assert_eq!(at(&scene.factors, origin), expected, "{origin}");
        assert_eq!(at(&wide, origin), expected, "{origin}");
    }
    let asked = async |factors: &Factors, origin: &str| {
        let asked = factors.ask_anybody(&Caller { origin: origin.to_owned(), ..caller("192.0.2.1") }).await.unwrap();
        serde_json::from_str::<serde_json::Value>(&asked.options).unwrap()["publicKey"]["rpId"].clone()
    };
    for (origin, narrow, domain) in [
        ("https://gate.example", "gate.example", "gate.example"),
        ("https://lab.gate.example", "lab.gate.example", "gate.example"),
        ("https://investigate.example", "investigate.example", "investigate.example"),
    ] {
        assert_eq!(
            (asked(&scene.factors, origin).await, asked(&wide, origin).await),
            (narrow.into(), domain.into()),
            "{origin}"
        );
    }
}

#[tokio::test]
async fn nonsense_is_no_passkey_of_anybody() {
    let (scene, .., half) = Scene::with_app().await;
    let caller = caller("192.0.2.1");
    for answer in ["", "{}", "null", "[]", &"x".repeat(10_000)] {
        let asked = scene.factors.ask_anybody(&caller).await.unwrap();
        let token = asked.token.expose();
        let refused = scene.factors.sign_in_by_passkey((token, answer), &caller).await.unwrap_err();
        assert!(matches!(refused, FactorError::Refused(why) if why.reason == Reason::WrongSecondFactor), "{answer}");
        let again = scene.factors.sign_in_by_passkey((token, answer), &caller).await.unwrap_err();
        assert_eq!(again, FactorError::Over, "a question is answered once");
    }
    assert!(scene.factors.ask_for_passkey(&half, &caller).await.unwrap().is_none());
    let nobody = scene.factors.half(&Rejection::from(Reason::SecondFactorRequired));
    assert!(nobody.is_none() && scene.factors.half(&Rejection::from(Reason::SessionEnded)).is_none());
    let headers = headers(&[&cookie(&scene.sign_in().await)], &[]);
    assert_eq!(reason(scene.stage.auth.identify(&headers, &from("192.0.2.1")).await), Reason::SecondFactorRequired);
}
