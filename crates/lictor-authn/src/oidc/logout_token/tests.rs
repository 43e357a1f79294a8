//! Is every bad logout token refused, for its own reason?

use serde_json::{Value, json};

use super::*;
use crate::oidc::forge::{CLIENT, Forger, ISSUER, NOW, expected, with};

fn good() -> Value {
    json!({"iss": ISSUER, "sub": "person-1", "sid": "s-1", "aud": CLIENT, "iat": NOW, "exp": NOW + 120, "jti": "j-1", "events": {EVENT: {}}})
}

fn changed(changes: Value) -> Result<Logout, TokenError> {
    let forger = Forger::new();
    verify(&Unverified::read(&forger.sign(&with(&good(), &changes)))?, &forger.keys(), expected())
}

#[test]
fn a_good_token_names_whom_it_ends() {
    let logout = changed(json!({})).unwrap();
    assert_eq!(
        (logout.subject.as_deref(), logout.session.as_deref(), logout.id.as_str()),
        (Some("person-1"), Some("s-1"), "j-1")
    );
    assert_eq!(changed(json!({"sid": null})).unwrap().session, None);
    assert_eq!(changed(json!({"sub": null})).unwrap().subject, None);
    // The expiry came to the specification late, and not every provider sends one.
    assert!(changed(json!({"exp": null})).is_ok());
}

#[test]
fn a_wrong_or_missing_claim_is_refused_by_its_name() {
    let claim = TokenError::Claim;
    for (changes, why) in [
        (json!({"nonce": "n"}), claim("nonce")),
        (json!({"events": null}), claim("events")),
        (json!({"events": {}}), claim("events")),
        (json!({"events": {EVENT: true}}), claim("events")),
        (json!({"events": EVENT}), claim("events")),
        (json!({"sub": null, "sid": null}), claim("sub")),
        (json!({"sub": ""}), claim("sub")),
        (json!({"sub": ["person-1"]}), TokenError::Malformed),
        (json!({"sid": ""}), claim("sid")),
        (json!({"jti": null}), claim("jti")),
        (json!({"iat": null}), claim("iat")),
        (json!({"iat": NOW - 361}), TokenError::IssuedAt),
        (json!({"iat": NOW + 61}), TokenError::IssuedAt),
        (json!({"exp": NOW - 60}), TokenError::Expired),
        (json!({"iss": "https://evil.example"}), claim("iss")),
        (json!({"aud": "other"}), claim("aud")),
        (json!({"aud": null}), claim("aud")),
    ] {
        assert_eq!(changed(changes.clone()).expect_err(&changes.to_string()), why, "{changes}");
    }
}

#[test]
fn its_type_if_it_has_one_is_its_own() {
    let forger = Forger::new();
    let typed = |kind: &str| {
        let header = jsonwebtoken::Header { typ: Some(kind.to_owned()), ..forger.header() };
        let token = forger.sign_with(&header, &good());
        verify(&Unverified::read(&token).unwrap(), &forger.keys(), expected())
    };
    assert!(typed("logout+jwt").is_ok() && typed("application/logout+jwt").is_ok() && typed("JWT").is_ok());
    assert_eq!(typed("at+jwt").unwrap_err(), TokenError::Type("at+jwt".to_owned()));
}
