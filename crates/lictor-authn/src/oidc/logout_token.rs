//! Who has signed out at the provider? The logout token (OpenID Connect Back-Channel Logout 1.0 §2.6), rule by rule.

use serde_json::Value;

use super::json::{self, Object};
use super::keys::KeySet;
use super::token::{Expected, TokenError, Unverified};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// A logout token says what happens now.
const OLDEST: i64 = 300;

/// Whose sessions end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Logout {
    /// Those of this person, at this provider.
    pub(crate) subject: Option<String>,
    /// This one of the provider's sessions.
    pub(crate) session: Option<String>,
    /// The token's own id, so that it counts once.
    pub(crate) id: String,
    /// Until when it would be believed again.
    pub(crate) until: i64,
}

/// What a logout token says that is good in every respect.
pub(crate) fn verify(token: &Unverified<'_>, keys: &KeySet, expected: Expected<'_>) -> Result<Logout, TokenError> {
    if let Some(kind) = token.kind().filter(|kind| kind != "logout+jwt" && kind != "jwt") {
        return Err(TokenError::Type(kind));
    }
    let claims = token.verify(keys, expected)?;
    // An ID token has one, and must not end sessions.
    if claims.contains_key("nonce") {
        return Err(TokenError::Claim("nonce"));
    }
    if !claims
        .get("events")
        .and_then(Value::as_object)
        .is_some_and(|events| events.get(EVENT).is_some_and(Value::is_object))
    {
        return Err(TokenError::Claim("events"));
    }
    let issued = json::seconds(&claims, "iat").ok_or(TokenError::Claim("iat"))?;
    if expected.now.as_micros() / 1_000_000 - issued > OLDEST + expected.leeway {
        return Err(TokenError::IssuedAt);
    }
    let (subject, session) = (named(&claims, "sub")?, named(&claims, "sid")?);
    if subject.is_none() && session.is_none() {
        return Err(TokenError::Claim("sub"));
    }
    let id = named(&claims, "jti")?.ok_or(TokenError::Claim("jti"))?;
    // Beyond this it is too old, so that its id need not be remembered.
    let until = issued.saturating_add(OLDEST).saturating_add(expected.leeway).saturating_add(1);
    Ok(Logout { subject, session, id, until })
}

fn named(claims: &Object, name: &'static str) -> Result<Option<String>, TokenError> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() && text.len() <= 255 => Ok(Some(text.clone())),
        Some(_) => Err(TokenError::Claim(name)),
    }
}

#[cfg(test)]
mod tests;
