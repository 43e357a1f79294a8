//! Does a token count as whose it is, for as long as it may, and as nothing else when it does not?

use lictor_model::PrincipalKind;
use serde_json::{Value, json};

use super::*;
use crate::attempt::Attempt;
use crate::oidc::claims::ClaimPath;
use crate::oidc::forge::{CLIENT, Forger, ISSUER, NOW, with};
use crate::oidc::provider::Test;
use crate::stage::{Stage, here, name, reason, verified};

fn terms() -> Terms {
    Terms {
        name: "ci".to_owned(),
        issuer: ISSUER.to_owned(),
        audiences: vec![CLIENT.to_owned()],
        parties: Vec::new(),
        typing: Typing::Untold,
        leeway: 60,
        longest: 3600,
        key_life: 600,
        proof: Proof::Signature { keys: None, bearer_file: None, algorithms: Algorithms::USUAL },
        trusted: None,
    }
}

fn rule(claim: &str, value: &str, principal: &str, kind: PrincipalKind) -> Rule {
    let test = Test::AnyOf(ClaimPath::parse(claim).unwrap(), vec![value.to_owned()]);
    Rule { tests: vec![test], principal: name(principal), kind }
}

fn rules() -> Vec<Rule> {
    let machine = PrincipalKind::ServiceAccount;
    vec![
        rule("job", "deploy", "robot", machine),
        rule("team", "data", "robot", machine),
        rule("team", "people", "alice", PrincipalKind::User),
        rule("job", "ghost", "nobody", machine),
        rule("job", "mistaken", "alice", machine),
        Rule { tests: vec![], principal: name("alice"), kind: PrincipalKind::User },
    ]
}

/// A stage whose issuer's keys are at hand, so that nothing is fetched.
async fn stage(forger: &Forger) -> Stage {
    let stage = Stage::set().await;
    trust(&stage, forger, terms(), rules()).await;
    stage
}

async fn trust(stage: &Stage, forger: &Forger, terms: Terms, rules: Vec<Rule>) {
    stage.auth.replace_issuers(vec![Issuer { terms, rules }]).unwrap();
    let issuers = stage.auth.inner.tokens.issuers.load_full();
    issuers[0].source.hold(forger.keys()).await;
}

fn claims(changes: Value) -> Value {
    let good = json!({"iss": ISSUER, "sub": "job-1", "aud": CLIENT, "iat": NOW, "exp": NOW + 300, "job": "deploy"});
    with(&good, &changes)
}

async fn bear(stage: &Stage, token: &str) -> Attempt {
    stage.authorize(&format!("Bearer {token}")).await
}

#[tokio::test]
async fn a_token_is_whose_the_rules_say_in_every_place_where_a_key_may_stand() {
    let forger = Forger::new();
    let stage = stage(&forger).await;
    let token = forger.sign(&claims(json!({})));
    for attempt in
        [bear(&stage, &token).await, stage.basic(&token).await, stage.auth.identify_token(&token, &here()).await]
    {
        let identity = verified(attempt);
        assert_eq!((identity.principal.name.as_str(), identity.credential.kind), ("robot", CredentialKind::Token));
        let digest = Digest::of(token.as_bytes()).to_hex();
        assert_eq!(identity.credential.id.as_str(), format!("ci:{digest}"));
        assert_eq!(stage.auth.recheck(&identity), Ok(()));
    }
    assert_eq!(verified(stage.basic(&format!("robot:{token}")).await).principal.name.as_str(), "robot");
    assert_eq!(reason(stage.basic(&format!("alice:{token}")).await), Reason::KeyOfAnother);
    let person = forger.sign(&claims(json!({"job": "x", "team": "people"})));
    assert_eq!(verified(bear(&stage, &person).await).principal.name.as_str(), "alice");
    let both = forger.sign(&claims(json!({"team": ["data"]})));
    assert_eq!(verified(bear(&stage, &both).await).principal.name.as_str(), "robot", "two rules that agree");
}

#[tokio::test]
async fn a_token_that_leads_nowhere_or_to_two_is_rejected() {
    let forger = Forger::new();
    let stage = stage(&forger).await;
    for (changes, why) in [
        (json!({"job": "else"}), Reason::UnmatchedToken),
        (json!({"job": null}), Reason::UnmatchedToken),
        (json!({"job": "ghost"}), Reason::UnmatchedToken),
        (json!({"job": "mistaken"}), Reason::UnmatchedToken),
        (json!({"team": ["people"]}), Reason::AmbiguousToken),
        (json!({"iss": "https://other.example"}), Reason::UnknownIssuer),
        (json!({"iss": ["https://idp.example/realm"]}), Reason::InvalidToken),
        (json!({"aud": "other"}), Reason::InvalidToken),
        (json!({"exp": NOW - 60}), Reason::ExpiredToken),
        (json!({"filler": "x".repeat(8192)}), Reason::MalformedCredential),
    ] {
        let token = forger.sign(&claims(changes.clone()));
        assert_eq!(reason(bear(&stage, &token).await), why, "{changes:.80}");
    }
    let other = Forger::new().sign(&claims(json!({})));
    assert_eq!(reason(bear(&stage, &other).await), Reason::InvalidToken, "by the keys that are kept");
}

#[tokio::test]
async fn what_looks_like_a_token_is_nothing_else_and_without_issuers_nothing_at_all() {
    let forger = Forger::new();
    let stage = stage(&forger).await;
    for spoilt in ["a.b.c", "..", "eyJ", "eyJhbGciOiJub25lIn0.e30.", "a.b.c.d.e", "eyJhbGciOiJIUzI1NiJ9.e30.AA"] {
        assert_eq!(reason(bear(&stage, spoilt).await), Reason::InvalidToken, "{spoilt}");
    }
    assert_eq!(reason(bear(&stage, "opaque").await), Reason::MalformedCredential);
    let bare = Stage::set().await;
    assert_eq!(reason(bear(&bare, &forger.sign(&claims(json!({})))).await), Reason::UnknownIssuer);
}

#[tokio::test]
async fn the_end_the_account_and_the_rules_end_a_token_that_was_good() {
    let forger = Forger::new();
    let stage = stage(&forger).await;
    let token = forger.sign(&claims(json!({})));
    let identity = verified(bear(&stage, &token).await);
    stage.disable("robot", true).await;
    assert_eq!(reason(bear(&stage, &token).await), Reason::PrincipalDisabled);
    assert_eq!(stage.auth.recheck(&identity), Err(Reason::PrincipalDisabled));
    stage.disable("robot", false).await;
    assert_eq!(stage.auth.recheck(&identity), Ok(()));
    stage.auth.replace_issuers(vec![Issuer { terms: terms(), rules: rules().split_off(1) }]).unwrap();
    assert_eq!(stage.auth.recheck(&identity), Err(Reason::UnmatchedToken));
    assert_eq!(reason(bear(&stage, &token).await), Reason::UnmatchedToken);
    trust(&stage, &forger, terms(), rules()).await;
    assert_eq!(stage.auth.recheck(&identity), Ok(()), "what was proved of it is kept while the terms are");
    stage.clock.advance(359);
    assert_eq!(stage.auth.recheck(&identity), Ok(()));
    stage.clock.advance(1);
    assert_eq!(stage.auth.recheck(&identity), Err(Reason::ExpiredToken));
    assert_eq!(reason(bear(&stage, &token).await), Reason::ExpiredToken);
}

#[tokio::test]
async fn other_terms_are_asked_of_tokens_that_were_good_on_the_old_ones() {
    let forger = Forger::new();
    let stage = stage(&forger).await;
    let token = forger.sign(&claims(json!({})));
    let identity = verified(bear(&stage, &token).await);
    trust(&stage, &forger, Terms { audiences: vec!["other".to_owned()], ..terms() }, rules()).await;
    assert_eq!(stage.auth.recheck(&identity), Err(Reason::IssuerUnavailable), "to be shown again");
    assert_eq!(reason(bear(&stage, &token).await), Reason::InvalidToken);
    stage.auth.replace_issuers(vec![]).unwrap();
    assert_eq!(reason(bear(&stage, &token).await), Reason::UnknownIssuer);
}

#[tokio::test]
async fn a_token_is_exchanged_for_a_key_that_does_not_outlive_it_and_is_not_rotated() {
    let forger = Forger::new();
    let stage = stage(&forger).await;
    let exchange = async |token: &str| {
        let wish = Wish { token, permissions: None, workspace: None };
        stage.auth.exchange(wish, &here(), &lictor_model::RequestId::fresh()).await
    };
    let long = forger.sign(&claims(json!({"exp": NOW + 3000})));
    let exchanged = exchange(&long).await.unwrap();
    assert_eq!(exchanged.seconds, 600, "as long as configured");
    let exchanged = exchange(&forger.sign(&claims(json!({})))).await.unwrap();
    assert_eq!(exchanged.seconds, 300, "as long as the token");
    let key = exchanged.key.expose();
    let identity = verified(stage.authorize(&format!("Bearer {key}")).await);
    assert_eq!((identity.principal.name.as_str(), identity.credential.kind), ("robot", CredentialKind::Key));
    let by = lictor_store::By::caller(&identity, here().client_ip.to_string(), None);
    assert_eq!(stage.auth.rotate_own_key(&identity, &by).await.map(drop), Err(Reason::KeyOfToken));
    stage.auth.replace_issuers(vec![]).unwrap();
    assert_eq!(reason(stage.authorize(&format!("Bearer {key}")).await), Reason::UnknownIssuer);
    assert_eq!(stage.auth.recheck(&identity), Err(Reason::UnknownIssuer));
    trust(&stage, &forger, terms(), rules()).await;
    assert_eq!(stage.auth.recheck(&identity), Ok(()));
    assert_eq!(exchange(key).await.unwrap_err().reason, Reason::InvalidToken, "a key is no token");
    assert_eq!(exchange(&forger.sign(&claims(json!({"exp": NOW})))).await.unwrap_err().reason, Reason::ExpiredToken);
    stage.clock.advance(300);
    assert_eq!(reason(stage.authorize(&format!("Bearer {key}")).await), Reason::ExpiredKey);
    for _ in 0..9 {
        assert!(exchange(&long).await.is_ok());
    }
    assert_eq!(exchange(&long).await.unwrap_err().reason, Reason::TooBusy);
}

#[test]
fn claims_are_held_against_rules_and_terms_without_a_signature() {
    let issuer = Issuer { terms: terms(), rules: rules() };
    let clock = Clock::manual(lictor_model::Timestamp::from_micros(NOW * 1_000_000));
    let fit = |changes: Value| fitting(&issuer, claims(changes).to_string().as_bytes(), &clock);
    let found = fit(json!({"team": "data"})).unwrap();
    assert_eq!((found.rules, found.problem), (vec![0, 1], None));
    assert_eq!(found.whose.unwrap().principal, name("robot"));
    assert_eq!(fit(json!({"team": "people"})).unwrap().whose, Err(Reason::AmbiguousToken));
    assert!(fit(json!({"aud": "other"})).unwrap().problem.unwrap().contains("(aud)"));
    assert!(fit(json!({"sub": null})).unwrap().problem.unwrap().contains("(sub)"));
    assert_eq!(fitting(&issuer, br#"{"a": 1, "a": 2}"#, &clock), None);
}

/// A letter of a token, and what it could be instead.
fn spoilt(token: &str, at: usize, with: char) -> Option<String> {
    let at = at % token.len();
    let mut letters: Vec<char> = token.chars().collect();
    let before = std::mem::replace(&mut letters[at], with);
    (before != with).then(|| letters.into_iter().collect())
}

#[test]
fn no_text_and_no_token_with_a_letter_changed_is_anybodys() {
    use proptest::prelude::*;

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let forger = Forger::new();
    let stage = runtime.block_on(stage(&forger));
    let token = forger.sign(&claims(json!({})));
    // Nothing with a colon: a password is another matter, and takes its time.
    let inputs = ("[!-9;-~]{0,60}", 0_usize..4096, "[A-Za-z0-9_.~+/=-]");
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(2_000));
    let judged = runner.run(&inputs, |(text, at, with)| {
        let changed = spoilt(&token, at, with.chars().next().unwrap());
        for text in [Some(text), changed].into_iter().flatten() {
            let attempt = runtime.block_on(stage.auth.identify_token(&text, &here()));
            prop_assert!(matches!(attempt, Attempt::Rejected(_)), "{}: {:?}", text, attempt);
        }
        Ok(())
    });
    judged.unwrap();
    assert!(matches!(runtime.block_on(stage.auth.identify_token(&token, &here())), Attempt::Verified(_)));
}
