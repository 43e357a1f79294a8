//! Is each rule of RFC 9068 and RFC 8725 kept, one at a time?

use jsonwebtoken::Header;
use serde_json::json;

use super::*;
use crate::jwt::issuer::Algorithms;
use crate::oidc::forge::{CLIENT, Forger, ISSUER, NOW, with};

fn terms() -> Terms {
    Terms {
        name: "a".to_owned(),
        issuer: ISSUER.to_owned(),
        audiences: vec![CLIENT.to_owned(), "lictor-too".to_owned()],
        parties: Vec::new(),
        typing: Typing::AccessToken,
        leeway: 60,
        longest: 3600,
        key_life: 3600,
        proof: Proof::Signature { keys: None, bearer_file: None, algorithms: Algorithms::USUAL },
        trusted: None,
    }
}

fn good() -> Value {
    json!({"iss": ISSUER, "sub": "job-1", "aud": CLIENT, "iat": NOW - 10, "exp": NOW + 300, "client_id": "ci"})
}

fn at_jwt(forger: &Forger) -> Header {
    Header { typ: Some("at+jwt".to_owned()), ..forger.header() }
}

fn judge(terms: &Terms, claims: &Value) -> Result<Object, TokenError> {
    judge_with(terms, claims, |header| header)
}

fn judge_with(terms: &Terms, claims: &Value, change: impl Fn(Header) -> Header) -> Result<Object, TokenError> {
    let forger = Forger::new();
    let token = forger.sign_with(&change(at_jwt(&forger)), claims);
    verify(&Unverified::read(&token)?, &forger.keys(), terms, Timestamp::from_micros(NOW * 1_000_000))
}

#[test]
fn a_good_access_token_is_accepted_and_each_claim_that_must_be_there_is_missed() {
    assert_eq!(judge(&terms(), &good()).unwrap().get("sub"), Some(&json!("job-1")));
    for name in ["iss", "sub", "aud", "exp"] {
        assert_eq!(judge(&terms(), &with(&good(), &json!({name: null}))), Err(TokenError::Claim(name)), "{name}");
    }
    assert!(judge(&terms(), &with(&good(), &json!({"iat": null, "client_id": null}))).is_ok());
    let iss = judge(&terms(), &with(&good(), &json!({"iss": format!("{ISSUER}/")})));
    assert_eq!(iss, Err(TokenError::Claim("iss")));
    for subject in [json!(""), json!("x".repeat(1025))] {
        assert_eq!(judge(&terms(), &with(&good(), &json!({"sub": subject}))), Err(TokenError::Claim("sub")));
    }
    for subject in [json!(7), json!(["job-1"]), json!({"a": "job-1"})] {
        assert!(judge(&terms(), &with(&good(), &json!({"sub": subject}))).is_err(), "{subject}");
    }
}

#[test]
fn times_are_whole_seconds_within_leeway_and_the_longest_life() {
    let times = |changes: Value| judge(&terms(), &with(&good(), &changes)).map(drop);
    assert_eq!(times(json!({"exp": NOW - 59})), Ok(()));
    assert_eq!(times(json!({"exp": NOW - 60})), Err(TokenError::Expired));
    assert_eq!(times(json!({"nbf": NOW + 60, "iat": NOW + 60})), Ok(()));
    assert_eq!(times(json!({"nbf": NOW + 61})), Err(TokenError::IssuedAt));
    assert_eq!(times(json!({"iat": NOW + 61})), Err(TokenError::IssuedAt));
    assert_eq!(times(json!({"exp": NOW + 3590})), Ok(()));
    assert_eq!(times(json!({"exp": NOW + 3591})), Err(TokenError::Lasting));
    assert_eq!(times(json!({"iat": null, "exp": NOW + 3601})), Err(TokenError::Lasting));
    assert_eq!(times(json!({"exp": 253_402_300_799_i64})), Err(TokenError::Lasting));
    assert_eq!(times(json!({"exp": -1})), Err(TokenError::Expired));
    let later = NOW + 300;
    for exp in [json!(1_700_000_300.5), json!(later.to_string()), json!(u64::MAX), json!(1e30)] {
        assert_eq!(times(json!({"exp": exp})), Err(TokenError::Claim("exp")), "{exp}");
    }
    assert_eq!(times(json!({"exp": [later]})), Err(TokenError::Malformed));
}

#[test]
fn an_audience_must_be_us_and_nobody_else_unless_it_is_known_who_asked() {
    let aud = |terms: &Terms, audience: Value| judge(terms, &with(&good(), &json!({"aud": audience}))).map(drop);
    for us in [json!(CLIENT), json!([CLIENT]), json!(["lictor-too", CLIENT])] {
        assert_eq!(aud(&terms(), us), Ok(()));
    }
    for other in [json!("other"), json!(["other"]), json!([]), json!(7), json!([CLIENT, 7]), json!("LICTOR")] {
        assert_eq!(aud(&terms(), other.clone()), Err(TokenError::Claim("aud")), "{other}");
    }
    assert_eq!(aud(&terms(), json!([CLIENT, "other"])), Err(TokenError::Claim("aud")));
    let knowing = |party: &str| Terms { parties: vec![party.to_owned()], ..terms() };
    assert_eq!(aud(&knowing("ci"), json!([CLIENT, "other"])), Ok(()));
    assert_eq!(aud(&knowing("ci"), json!(CLIENT)), Ok(()));
    assert_eq!(aud(&knowing("else"), json!([CLIENT, "other"])), Err(TokenError::Claim("azp")));
    assert_eq!(aud(&knowing("else"), json!(CLIENT)), Err(TokenError::Claim("azp")));
    let nobody = with(&good(), &json!({"client_id": null}));
    assert_eq!(judge(&knowing("ci"), &nobody), Err(TokenError::Claim("azp")));
    let named = with(&good(), &json!({"azp": "else", "client_id": "ci"}));
    assert_eq!(judge(&knowing("ci"), &named), Err(TokenError::Claim("azp")), "azp counts first");
}

#[test]
fn what_is_no_access_token_is_refused() {
    let typed = |typing, typ: Option<&str>, claims: &Value| {
        let terms = Terms { typing, ..terms() };
        judge_with(&terms, claims, |header| Header { typ: typ.map(str::to_owned), ..header }).map(drop)
    };
    for typ in [Some("at+jwt"), Some("AT+JWT"), Some("application/at+jwt")] {
        assert_eq!(typed(Typing::AccessToken, typ, &good()), Ok(()));
        assert_eq!(typed(Typing::Untold, typ, &good()), Ok(()));
    }
    for typ in [None, Some("JWT"), Some("application/jwt")] {
        assert!(matches!(typed(Typing::AccessToken, typ, &good()), Err(TokenError::Type(_))), "{typ:?}");
        assert_eq!(typed(Typing::Untold, typ, &good()), Ok(()));
    }
    for typ in ["logout+jwt", "dpop+jwt", "secevent+jwt", "JWS", "at+jwt "] {
        assert!(matches!(typed(Typing::Untold, Some(typ), &good()), Err(TokenError::Type(_))), "{typ}");
    }
    for (name, value) in [("nonce", json!("n")), ("at_hash", json!("h")), ("events", json!({}))] {
        let claims = with(&good(), &json!({name: value}));
        assert_eq!(typed(Typing::Untold, Some("JWT"), &claims), Err(TokenError::Claim(name)));
    }
    for kind in ["ID", "Refresh", "Logout"] {
        let claims = with(&good(), &json!({"typ": kind}));
        assert!(matches!(typed(Typing::Untold, None, &claims), Err(TokenError::Type(_))), "{kind}");
    }
    assert_eq!(typed(Typing::Untold, None, &with(&good(), &json!({"typ": "Bearer"}))), Ok(()));
    let bound = with(&good(), &json!({"cnf": {"jkt": "x"}}));
    assert_eq!(judge(&terms(), &bound), Err(TokenError::Bound));
}

#[test]
fn a_header_that_brings_its_key_along_or_must_be_read_otherwise_is_refused() {
    let forger = Forger::new();
    for name in REFUSED {
        let mut header = serde_json::to_value(at_jwt(&forger)).unwrap();
        header[name] = if name == "b64" { json!(false) } else { json!("x") };
        let token = raw(&header, &good());
        let judged = Unverified::read(&token)
            .and_then(|token| verify(&token, &forger.keys(), &terms(), Timestamp::from_micros(NOW * 1_000_000)));
        assert!(matches!(judged, Err(TokenError::Header(_) | TokenError::Malformed)), "{name}: {judged:?}");
    }
}

#[test]
fn an_algorithm_that_was_not_named_does_not_count() {
    let only = |names: &[&str]| {
        let algorithms = Algorithms::parse(names.iter().copied()).unwrap();
        Terms { proof: Proof::Signature { keys: None, bearer_file: None, algorithms }, ..terms() }
    };
    assert!(judge(&only(&["RS256", "ES256"]), &good()).is_ok());
    assert_eq!(judge(&only(&["RS256"]), &good()), Err(TokenError::Algorithm));
    for name in ["none", "HS256", "ES512", "RS1", ""] {
        assert_eq!(Algorithms::parse([name]), None, "{name}");
    }
}

/// A token whose signature is of the right length and nothing else.
fn raw(header: &Value, claims: &Value) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{}", part(header), part(claims), URL_SAFE_NO_PAD.encode([1_u8; 64]))
}
