//! Is this JWT an access token for us, by this issuer, and for a time that may be? RFC 9068 section 4 and RFC 8725, rule by rule.

use lictor_model::Timestamp;
use serde_json::Value;

use super::issuer::{Proof, Terms, Typing};
use crate::oidc::json::{self, Object};
use crate::oidc::keys::KeySet;
use crate::oidc::token::{Expected, TokenError, Unverified, audiences};

/// The type of an access token.
const ACCESS_TOKEN: &str = "at+jwt";
/// Headers by which a token brings its key along, names where to get it, or asks to be read otherwise.
const REFUSED: [&str; 9] = ["jku", "jwk", "x5u", "x5c", "crit", "b64", "zip", "enc", "cty"];
/// Claims that an ID token, a logout token or an event has, and an access token has not.
const OTHERS: [&str; 6] = ["nonce", "at_hash", "c_hash", "s_hash", "events", "sub_id"];
/// The longest subject: GitHub's may be put together from several claims.
const SUBJECT: usize = 1024;

/// The claims of a token that is good in every respect.
pub(crate) fn verify(
    token: &Unverified<'_>,
    keys: &KeySet,
    terms: &Terms,
    now: Timestamp,
) -> Result<Object, TokenError> {
    if let Some(header) = REFUSED.into_iter().find(|name| token.has(name)) {
        return Err(TokenError::Header(header));
    }
    check_type(token.kind(), terms.typing)?;
    if matches!(&terms.proof, Proof::Signature { algorithms, .. } if !algorithms.admits(token.algorithm())) {
        return Err(TokenError::Algorithm);
    }
    // The audience is ours to judge: of several, each counts.
    let expected = Expected { issuer: &terms.issuer, audience: None, now, leeway: terms.leeway };
    let claims = token.verify(keys, expected)?;
    if token.kind().as_deref() != Some(ACCESS_TOKEN) {
        check_use(&claims)?;
    }
    for name in ["sub", "aud", "exp"] {
        claims.get(name).ok_or(TokenError::Claim(name))?;
    }
    check(&claims, terms, now)?;
    Ok(claims)
}

/// Whether claims that were proved are for us, of somebody, and in their time, as far as they say.
pub(crate) fn check(claims: &Object, terms: &Terms, now: Timestamp) -> Result<(), TokenError> {
    // Whoever only bears it has not shown that key.
    if claims.contains_key("cnf") {
        return Err(TokenError::Bound);
    }
    check_subject(claims)?;
    check_audience(claims, terms)?;
    check_life(claims, terms, now)
}

/// When a token that was found good ends, by its issuer's clock.
pub(crate) fn end(claims: &Object) -> Option<Timestamp> {
    Some(Timestamp::from_micros(claims.get("exp")?.as_i64()?.saturating_mul(1_000_000)))
}

fn check_type(kind: Option<String>, typing: Typing) -> Result<(), TokenError> {
    match (kind.as_deref(), typing) {
        (Some(ACCESS_TOKEN), _) | (None | Some("jwt"), Typing::Untold) => Ok(()),
        _ => Err(TokenError::Type(kind.unwrap_or_default())),
    }
}

fn check_use(claims: &Object) -> Result<(), TokenError> {
    if let Some(other) = OTHERS.into_iter().find(|name| claims.contains_key(*name)) {
        return Err(TokenError::Claim(other));
    }
    // Keycloak says so in a claim.
    let said = json::text(claims, "typ").unwrap_or_default().to_ascii_lowercase();
    if ["id", "refresh", "offline", "logout"].contains(&said.as_str()) { Err(TokenError::Type(said)) } else { Ok(()) }
}

fn check_subject(claims: &Object) -> Result<(), TokenError> {
    let is_somebody = |sub: &Value| sub.as_str().is_some_and(|sub| !sub.is_empty() && sub.len() <= SUBJECT);
    if claims.get("sub").is_none_or(is_somebody) { Ok(()) } else { Err(TokenError::Claim("sub")) }
}

/// It must be for us. One that is for others too could be passed on by any of them, unless it is known who asked for it.
fn check_audience(claims: &Object, terms: &Terms) -> Result<(), TokenError> {
    let is_us = |audience: &&str| terms.audiences.iter().any(|one| one == audience);
    let (asked, said) = (party(claims), audiences(claims));
    let is_for_us_alone = match &said {
        // Where we ask the issuer ourselves, its word is for whoever asks: RFC 7662 has no need of an audience.
        None => terms.audiences.is_empty(),
        Some(said) if terms.audiences.is_empty() => said.len() <= 1,
        Some(said) if !said.iter().any(&is_us) => return Err(TokenError::Claim("aud")),
        Some(said) => said.iter().all(is_us),
    };
    let is_party = asked.is_some_and(|party| terms.parties.iter().any(|one| one == party));
    match (is_for_us_alone, terms.parties.is_empty()) {
        (true, true) => Ok(()),
        (_, false) if is_party => Ok(()),
        (_, false) => Err(TokenError::Claim("azp")),
        (false, true) => Err(TokenError::Claim("aud")),
    }
}

/// Who asked for the token, by whichever name it is told.
fn party(claims: &Object) -> Option<&str> {
    ["azp", "client_id", "appid"].into_iter().find_map(|name| json::text(claims, name))
}

fn check_life(claims: &Object, terms: &Terms, now: Timestamp) -> Result<(), TokenError> {
    let now = now.as_micros() / 1_000_000;
    let moment = |name: &'static str| match claims.get(name) {
        None => Ok(None),
        // Whole seconds that are a moment: all issuers write them so, and nothing else reads one way only.
        Some(Value::Number(number)) => number.as_i64().filter(|at| *at >= 0).map(Some).ok_or(TokenError::Claim(name)),
        Some(_) => Err(TokenError::Claim(name)),
    };
    let (end, begin, issued) = (moment("exp")?, moment("nbf")?, moment("iat")?);
    if end.is_some_and(|end| now >= end.saturating_add(terms.leeway)) {
        return Err(TokenError::Expired);
    }
    if begin.into_iter().chain(issued).any(|at| at > now.saturating_add(terms.leeway)) {
        return Err(TokenError::IssuedAt);
    }
    let lasts = |end: i64| end.saturating_sub(issued.unwrap_or(now)) > terms.longest;
    if end.is_some_and(lasts) { Err(TokenError::Lasting) } else { Ok(()) }
}

/// What is wrong with a token, for whoever sent it.
pub(crate) const fn words(error: &TokenError) -> &'static str {
    match error {
        TokenError::Malformed => "It is no signed JWT of one reading, or longer than 8 KiB.",
        TokenError::Type(_) => "Its type is for another use: an access token is wanted, not an ID token or the like.",
        TokenError::Algorithm => "Its signature algorithm is not accepted.",
        TokenError::Key(_) => {
            "It is signed with a key that its issuer does not publish, or not with that key's algorithm."
        }
        TokenError::Signature => "Its signature is wrong.",
        TokenError::Claim(name) => claim(name),
        TokenError::Header(_) => "Its header brings a key along, or asks to be read in a way that is not done here.",
        TokenError::Lasting => "It is good for longer than max_life.",
        TokenError::Bound => "It is bound to a key (cnf); such proofs are not taken here.",
        TokenError::Expired | TokenError::IssuedAt => "Do the clocks of its issuer and of this machine agree?",
    }
}

const fn claim(name: &str) -> &'static str {
    match name.as_bytes() {
        b"aud" => "Its audience (aud) is not this gateway, or not this gateway alone.",
        b"azp" => "Whoever asked for it (azp, client_id) is not among authorized_parties.",
        b"sub" => "It has no usable subject (sub).",
        b"exp" | b"iat" | b"nbf" => "One of its times (exp, iat, nbf) is missing or no whole second.",
        b"iss" => "It is of another issuer (iss).",
        _ => "It has a claim of an ID token or of a logout token: an access token is wanted.",
    }
}

#[cfg(test)]
mod tests;
