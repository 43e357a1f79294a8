//! Whom does an AWS load balancer vouch for? Its `x-amzn-oidc-data`: a JWT of its own kind, padded, without an audience, with
//! issuer, client and signer in its header, and signed by a key that is fetched by its id.

use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, Engine};
use jsonwebtoken::{Algorithm, DecodingKey};

use super::json::{self, Object};
use super::named_keys::is_usable_id;
use super::token::{Expected, TokenError};

/// The longest assertion that is read: a load balancer's headers end at 64 KiB, and nobody has as many claims.
const MOST: usize = 64 * 1024;
/// The text is padded, which RFC 7515 does not know; both spellings say the same bytes.
const PADDED: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// An assertion whose header is what it must be, and whose signature is yet to be looked at.
#[derive(Debug)]
pub(crate) struct Assertion<'t> {
    signed: &'t str,
    signature: &'t str,
    claims: &'t str,
    kid: String,
}

impl<'t> Assertion<'t> {
    /// Reads the header. All that it says is judged here, before anybody is asked for a key on its word: the signer is the one
    /// load balancer that stands in front of us, for any account can have one that signs for any issuer.
    pub(crate) fn read(token: &'t str, signer: &str, expected: Expected<'_>) -> Result<Self, TokenError> {
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(TokenError::Malformed)?;
        if token.len() > MOST || claims.contains('.') {
            return Err(TokenError::Malformed);
        }
        let header = object(header)?;
        if json::text(&header, "alg") != Some("ES256") {
            return Err(TokenError::Algorithm);
        }
        if header.contains_key("crit") || header.contains_key("b64") || header.contains_key("enc") {
            return Err(TokenError::Malformed);
        }
        let must = |name: &'static str, value: &str| match json::text(&header, name) {
            Some(said) if said == value => Ok(()),
            _ => Err(TokenError::Claim(name)),
        };
        must("signer", signer)?;
        must("iss", expected.issuer)?;
        must("client", expected.audience.unwrap_or_default())?;
        check_end(&header, expected)?;
        let kid = json::text(&header, "kid").filter(|kid| is_usable_id(kid)).ok_or(TokenError::Malformed)?;
        Ok(Self { signed, signature, claims, kid: kid.to_owned() })
    }

    /// Which key it says it was signed with.
    pub(crate) fn kid(&self) -> &str {
        &self.kid
    }

    /// The claims, once the signature is found good.
    pub(crate) fn verify(&self, key: &DecodingKey, expected: Expected<'_>) -> Result<Object, TokenError> {
        let signature = self.signature.trim_end_matches('=');
        let good = jsonwebtoken::crypto::verify(signature, self.signed.as_bytes(), key, Algorithm::ES256);
        if !good.is_ok_and(|good| good) {
            return Err(TokenError::Signature);
        }
        let claims = object(self.claims)?;
        let subject = json::text(&claims, "sub").filter(|subject| !subject.is_empty() && subject.len() <= 255);
        subject.ok_or(TokenError::Claim("sub"))?;
        if claims.contains_key("iss") && json::text(&claims, "iss") != Some(expected.issuer) {
            return Err(TokenError::Claim("iss"));
        }
        if claims.contains_key("exp") {
            check_end(&claims, expected)?;
        }
        Ok(claims)
    }
}

fn object(part: &str) -> Result<Object, TokenError> {
    PADDED.decode(part).ok().and_then(|bytes| json::object(&bytes)).ok_or(TokenError::Malformed)
}

fn check_end(said: &Object, expected: Expected<'_>) -> Result<(), TokenError> {
    let end = json::seconds(said, "exp").ok_or(TokenError::Claim("exp"))?;
    let is_over = expected.now.as_micros() / 1_000_000 >= end.saturating_add(expected.leeway);
    if is_over { Err(TokenError::Expired) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{URL_SAFE as WITH_PADDING, URL_SAFE_NO_PAD};
    use serde_json::{Value, json};

    use super::*;
    use crate::oidc::forge::{CLIENT, Forger, ISSUER, NOW, expected, with};

    const SIGNER: &str =
        "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/prefect/50dc6c495c0c9188";

    fn header() -> Value {
        json!({"typ": "JWT", "kid": "6f1e-one", "alg": "ES256", "iss": ISSUER, "client": CLIENT, "signer": SIGNER, "exp": NOW + 120})
    }

    fn claims() -> Value {
        json!({"sub": "person-1", "email": "ada@example.com", "iss": ISSUER, "exp": NOW + 120})
    }

    fn written(forger: &Forger, header: &Value, claims: &Value, padded: bool) -> String {
        let encode = |value: &Value| match padded {
            true => WITH_PADDING.encode(value.to_string()),
            false => URL_SAFE_NO_PAD.encode(value.to_string()),
        };
        let signed = format!("{}.{}", encode(header), encode(claims));
        let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &forger.key, Algorithm::ES256).unwrap();
        format!("{signed}.{signature}{}", if padded { "==" } else { "" })
    }

    fn judge(forger: &Forger, token: &str) -> Result<Object, TokenError> {
        let assertion = Assertion::read(token, SIGNER, expected())?;
        assert_eq!(assertion.kid(), "6f1e-one");
        assertion.verify(&forger.decoding(), expected())
    }

    fn changed(head: &Value, body: &Value) -> Result<Object, TokenError> {
        let forger = Forger::new();
        judge(&forger, &written(&forger, &with(&header(), head), &with(&claims(), body), true))
    }

    #[test]
    fn an_assertion_is_believed_with_padding_and_without() {
        let forger = Forger::new();
        for padded in [true, false] {
            assert!(judge(&forger, &written(&forger, &header(), &claims(), padded)).is_ok());
        }
        assert!(changed(&json!({}), &json!({"iss": null, "exp": null})).is_ok());
    }

    #[test]
    fn what_its_header_says_must_all_be_ours() {
        let twin = format!("{SIGNER}0");
        for (head, why) in [
            (json!({"signer": null}), TokenError::Claim("signer")),
            (json!({"signer": twin}), TokenError::Claim("signer")),
            (json!({"signer": [SIGNER]}), TokenError::Claim("signer")),
            (json!({"client": null}), TokenError::Claim("client")),
            (json!({"client": "other"}), TokenError::Claim("client")),
            (json!({"iss": "https://idp.example/"}), TokenError::Claim("iss")),
            (json!({"exp": null}), TokenError::Claim("exp")),
            (json!({"exp": NOW - 60}), TokenError::Expired),
            (json!({"alg": "HS256"}), TokenError::Algorithm),
            (json!({"alg": "none"}), TokenError::Algorithm),
            (json!({"crit": ["x"]}), TokenError::Malformed),
            (json!({"kid": null}), TokenError::Malformed),
            (json!({"kid": "../../admin"}), TokenError::Malformed),
            (json!({"kid": ""}), TokenError::Malformed),
            (json!({"kid": "a".repeat(65)}), TokenError::Malformed),
        ] {
            assert_eq!(changed(&head, &json!({})).expect_err(&head.to_string()), why, "{head}");
        }
    }

    #[test]
    fn the_claims_are_of_somebody_and_agree_with_the_header() {
        for (body, why) in [
            (json!({"sub": null}), TokenError::Claim("sub")),
            (json!({"sub": ""}), TokenError::Claim("sub")),
            (json!({"iss": "https://other"}), TokenError::Claim("iss")),
            (json!({"exp": NOW - 60}), TokenError::Expired),
            (json!({"exp": "soon"}), TokenError::Claim("exp")),
        ] {
            assert_eq!(changed(&json!({}), &body).expect_err(&body.to_string()), why, "{body}");
        }
    }

    #[test]
    fn only_the_key_that_signed_will_do_and_every_byte_counts() {
        let (forger, other) = (Forger::new(), Forger::new());
        let good = written(&forger, &header(), &claims(), true);
        assert_eq!(judge(&other, &good).unwrap_err(), TokenError::Signature);
        let (signed, signature) = good.rsplit_once('.').unwrap();
        let (head, _) = signed.split_once('.').unwrap();
        let eve = WITH_PADDING.encode(with(&claims(), &json!({"sub": "eve"})).to_string());
        for bad in [format!("{head}.{eve}.{signature}"), format!("{signed}."), format!("{signed}.AAAA")] {
            assert_eq!(judge(&forger, &bad).unwrap_err(), TokenError::Signature, "{bad}");
        }
        for bad in ["", "..", "a.b", &format!("{good}.x"), &good.replace("==", ".==")] {
            assert_eq!(judge(&forger, bad).unwrap_err(), TokenError::Malformed, "{bad}");
        }
    }
}
