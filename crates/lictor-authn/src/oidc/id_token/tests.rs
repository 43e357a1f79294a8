//! Is every bad ID token refused, for its own reason?

use jsonwebtoken::{EncodingKey, Header};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::oidc::forge::{CLIENT, Forger, ISSUER, NOW, expected, with};
use crate::oidc::keys::NoKey;

fn good() -> Value {
    json!({"iss": ISSUER, "sub": "person-1", "aud": CLIENT, "exp": NOW + 300, "iat": NOW - 5, "nonce": "n-1"})
}

fn check(forger: &Forger, token: &str, occasion: Occasion<'_>) -> Result<Object, TokenError> {
    verify(&Unverified::read(token)?, &forger.keys(), expected(), occasion)
}

fn sign_in<'o>() -> Occasion<'o> {
    Occasion { nonce: Some("n-1"), access_token: None, subject: None }
}

fn changed(changes: Value) -> Result<Object, TokenError> {
    let forger = Forger::new();
    check(&forger, &forger.sign(&with(&good(), &changes)), sign_in())
}

#[test]
fn a_good_token_is_believed() {
    for changes in [
        json!({}),
        json!({"aud": [CLIENT]}),
        json!({"aud": [CLIENT, "other"], "azp": CLIENT}),
        json!({"azp": CLIENT}),
        json!({"exp": NOW - 59}),
        json!({"iat": NOW + 60, "nbf": NOW + 60}),
        json!({"iat": 1_699_999_999.5}),
    ] {
        assert!(changed(changes.clone()).is_ok(), "{changes}: {:?}", changed(changes.clone()));
    }
}

#[test]
fn a_wrong_or_missing_claim_is_refused_by_its_name() {
    let claim = TokenError::Claim;
    for (changes, why) in [
        (json!({"iss": null}), claim("iss")),
        (json!({"iss": "https://evil.example"}), claim("iss")),
        (json!({"iss": format!("{ISSUER}/")}), claim("iss")),
        (json!({"iss": [ISSUER, "https://evil.example"]}), claim("iss")),
        (json!({"aud": null}), claim("aud")),
        (json!({"aud": "other"}), claim("aud")),
        (json!({"aud": []}), claim("aud")),
        (json!({"aud": [CLIENT, 7], "azp": CLIENT}), claim("aud")),
        (json!({"aud": [CLIENT, "other"]}), claim("azp")),
        (json!({"azp": "other"}), claim("azp")),
        (json!({"azp": 7}), claim("azp")),
        (json!({"sub": null}), claim("sub")),
        (json!({"sub": ""}), claim("sub")),
        (json!({"sub": 7}), claim("sub")),
        (json!({"sub": "x".repeat(256)}), claim("sub")),
        (json!({"exp": null}), claim("exp")),
        (json!({"exp": "1800000000"}), claim("exp")),
        (json!({"exp": NOW - 60}), TokenError::Expired),
        (json!({"nbf": NOW + 61}), TokenError::IssuedAt),
        (json!({"iat": null}), claim("iat")),
        (json!({"iat": NOW + 61}), TokenError::IssuedAt),
        (json!({"iat": NOW - 661}), TokenError::IssuedAt),
        (json!({"nonce": null}), claim("nonce")),
        (json!({"nonce": "n-2"}), claim("nonce")),
        (json!({"nonce": "n-1 "}), claim("nonce")),
        (json!({"events": {}}), claim("events")),
    ] {
        let refused = changed(changes.clone()).expect_err(&changes.to_string());
        // A list that is no list of texts may fail in the library first: refused either way.
        assert!(
            refused == why || (refused == TokenError::Malformed && changes.get("aud").is_some()),
            "{changes}: {refused:?}"
        );
    }
}

#[test]
fn the_access_token_is_the_one_that_came_with_it() {
    let forger = Forger::new();
    let half = &digest(&SHA256, b"access").as_ref()[..16].to_vec();
    let token = forger.sign(&with(&good(), &json!({"at_hash": URL_SAFE_NO_PAD.encode(half)})));
    let with_access = |access_token| check(&forger, &token, Occasion { access_token, ..sign_in() });
    assert!(with_access(Some("access")).is_ok() && with_access(None).is_ok());
    assert_eq!(with_access(Some("another")).unwrap_err(), TokenError::Claim("at_hash"));
}

#[test]
fn at_a_refresh_it_must_be_of_the_same_person() {
    let forger = Forger::new();
    let token = forger.sign(&with(&good(), &json!({"nonce": null})));
    let of = |subject| check(&forger, &token, Occasion { nonce: None, access_token: None, subject: Some(subject) });
    assert!(of("person-1").is_ok());
    assert_eq!(of("person-2").unwrap_err(), TokenError::Claim("sub"));
}

#[test]
fn another_key_another_kid_or_no_signature_is_refused() {
    let (forger, stranger) = (Forger::new(), Forger::new());
    assert_eq!(check(&forger, &stranger.sign(&good()), sign_in()).unwrap_err(), TokenError::Signature);
    let unknown = Forger::named("unknown").sign(&good());
    assert_eq!(check(&forger, &unknown, sign_in()).unwrap_err(), TokenError::Key(NoKey::UnknownKid));
    let token = forger.sign(&good());
    let (signed, _) = token.rsplit_once('.').unwrap();
    for cut in
        [format!("{signed}."), signed.to_owned(), format!("{signed}.AAAA"), format!("{token}="), format!("{token}.x")]
    {
        assert!(check(&forger, &cut, sign_in()).is_err(), "{cut}");
    }
}

#[test]
fn no_algorithm_but_the_keys_own_is_accepted() {
    let forger = Forger::new();
    let body = forger.sign(&good()).split('.').nth(1).unwrap().to_owned();
    for header in [
        r#"{"alg":"none"}"#,
        r#"{"alg":"NONE","kid":"one"}"#,
        r#"{"alg":"nOnE"}"#,
        r#"{"kid":"one"}"#,
        r#"{"alg":"ES256K"}"#,
    ] {
        for signature in ["", "AAAA"] {
            let token = format!("{}.{body}.{signature}", URL_SAFE_NO_PAD.encode(header));
            assert!(check(&forger, &token, sign_in()).is_err(), "{header}");
        }
    }
    // Signed with what everybody knows: the public key, as a shared secret.
    for secret in [forger.jwk().to_string(), forger.jwk()["x"].as_str().unwrap().to_owned()] {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some("one".to_owned());
        let token = jsonwebtoken::encode(&header, &good(), &EncodingKey::from_secret(secret.as_bytes())).unwrap();
        assert_eq!(check(&forger, &token, sign_in()).unwrap_err(), TokenError::Algorithm);
    }
}

#[test]
fn a_token_of_another_use_or_with_a_demand_is_refused() {
    let forger = Forger::new();
    for kind in ["logout+jwt", "at+jwt", "application/at+jwt", "JOSE"] {
        let header = Header { typ: Some(kind.to_owned()), ..forger.header() };
        let refused = check(&forger, &forger.sign_with(&header, &good()), sign_in()).unwrap_err();
        assert!(matches!(refused, TokenError::Type(_)), "{kind}: {refused}");
    }
    let demanding = Header { crit: Some(vec!["b64".to_owned()]), ..forger.header() };
    assert_eq!(check(&forger, &forger.sign_with(&demanding, &good()), sign_in()).unwrap_err(), TokenError::Malformed);
}

#[test]
fn a_member_that_stands_twice_is_refused() {
    let forger = Forger::new();
    let text = good().to_string().replacen('{', r#"{"sub": "somebody-else", "#, 1);
    let head = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&forger.header()).unwrap());
    let message = format!("{head}.{}", URL_SAFE_NO_PAD.encode(text));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &forger.key, Algorithm::ES256).unwrap();
    assert!(check(&forger, &format!("{message}.{signature}"), sign_in()).is_err());
}

proptest! {
    #[test]
    fn no_token_with_one_byte_changed_is_believed(at in 0_usize..10_000, by in 1_u8..=255) {
        let forger = Forger::new();
        let mut token = forger.sign(&good()).into_bytes();
        let at = at % token.len();
        token[at] = token[at].wrapping_add(by);
        if let Ok(text) = std::str::from_utf8(&token) {
            prop_assert!(check(&forger, text, sign_in()).is_err());
        }
    }

    #[test]
    fn no_text_is_a_panic(text in ".{0,200}") {
        prop_assert!(check(&Forger::new(), &text, sign_in()).is_err());
    }
}
