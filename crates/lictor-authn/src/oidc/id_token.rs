//! Who signed in, by the provider's word? The ID token (OpenID Connect Core §3.1.3.7), rule by rule.

use aws_lc_rs::digest::{SHA256, SHA384, SHA512, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use subtle::ConstantTimeEq;

use super::json::{self, Object};
use super::keys::KeySet;
use super::token::{Expected, TokenError, Unverified, audiences};

/// An ID token was made for this sign-in, so it is minutes old at most.
const OLDEST: i64 = 600;

/// What else an ID token must fit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Occasion<'o> {
    /// The nonce of this sign-in; `None` at a refresh, which has none.
    pub(crate) nonce: Option<&'o str>,
    /// The access token that came with it.
    pub(crate) access_token: Option<&'o str>,
    /// Whose it must be, at a refresh.
    pub(crate) subject: Option<&'o str>,
}

/// The claims of an ID token that is good in every respect.
pub(crate) fn verify(
    token: &Unverified<'_>,
    keys: &KeySet,
    expected: Expected<'_>,
    occasion: Occasion<'_>,
) -> Result<Object, TokenError> {
    if let Some(kind) = token.kind().filter(|kind| kind != "jwt") {
        return Err(TokenError::Type(kind));
    }
    let claims = token.verify(keys, expected)?;
    // A logout token is signed by the same keys for the same audience.
    if claims.contains_key("events") {
        return Err(TokenError::Claim("events"));
    }
    let subject = json::text(&claims, "sub").filter(|subject| !subject.is_empty() && subject.len() <= 255);
    let subject = subject.ok_or(TokenError::Claim("sub"))?;
    if occasion.subject.is_some_and(|wanted| wanted != subject) {
        return Err(TokenError::Claim("sub"));
    }
    if !claims.contains_key("exp") {
        return Err(TokenError::Claim("exp"));
    }
    let issued = json::seconds(&claims, "iat").ok_or(TokenError::Claim("iat"))?;
    check_party(&claims, expected.audience.unwrap_or_default())?;
    if let Some(nonce) = occasion.nonce {
        let came = json::text(&claims, "nonce").ok_or(TokenError::Claim("nonce"))?;
        if !bool::from(came.as_bytes().ct_eq(nonce.as_bytes())) {
            return Err(TokenError::Claim("nonce"));
        }
        if expected.now.as_micros() / 1_000_000 - issued > OLDEST + expected.leeway {
            return Err(TokenError::IssuedAt);
        }
    }
    check_access_token(&claims, token.algorithm(), occasion.access_token)?;
    Ok(claims)
}

/// Which of several audiences asked for it: that must be us, and so must whoever is named.
fn check_party(claims: &Object, client_id: &str) -> Result<(), TokenError> {
    let several = audiences(claims).is_none_or(|audiences| audiences.len() > 1);
    match claims.get("azp") {
        None if several => Err(TokenError::Claim("azp")),
        None => Ok(()),
        Some(party) if party.as_str() == Some(client_id) => Ok(()),
        Some(_) => Err(TokenError::Claim("azp")),
    }
}

/// `at_hash` binds the access token to the ID token: the left half of its digest.
fn check_access_token(claims: &Object, algorithm: Algorithm, access_token: Option<&str>) -> Result<(), TokenError> {
    let (Some(hash), Some(access_token)) = (claims.get("at_hash"), access_token) else { return Ok(()) };
    let digest = match algorithm {
        Algorithm::RS256 | Algorithm::PS256 | Algorithm::ES256 => digest(&SHA256, access_token.as_bytes()),
        Algorithm::RS384 | Algorithm::PS384 | Algorithm::ES384 => digest(&SHA384, access_token.as_bytes()),
        _ => digest(&SHA512, access_token.as_bytes()),
    };
    let half = digest.as_ref().get(..digest.as_ref().len() / 2).unwrap_or_default();
    if hash.as_str() == Some(URL_SAFE_NO_PAD.encode(half).as_str()) {
        Ok(())
    } else {
        Err(TokenError::Claim("at_hash"))
    }
}

#[cfg(test)]
mod tests;
