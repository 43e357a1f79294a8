//! Did the provider sign this token, for us, and is it still good? What every kind of token has in common.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, Header, Validation};
use lictor_model::Timestamp;
use serde_json::Value;

use super::json::{self, Object};
use super::keys::{KeySet, NoKey};

/// The longest token that is read: a person in two hundred groups has one of ten kilobytes.
const MOST: usize = 64 * 1024;

/// Why a token is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a signed JWT.
    #[error("it is no signed JWT of a kind that is accepted here")]
    Malformed,
    /// For another use.
    #[error("its type is {0:?}, which is for another use")]
    Type(String),
    /// Not an algorithm that is accepted.
    #[error("its algorithm is not accepted: only asymmetric signatures are")]
    Algorithm,
    /// No key for it.
    #[error("{0}")]
    Key(#[from] NoKey),
    /// The signature does not fit.
    #[error("its signature is wrong")]
    Signature,
    /// A claim is missing, or is not what it must be.
    #[error("its claim {0} is missing or wrong")]
    Claim(&'static str),
    /// Past its end, by our clock.
    #[error("it has expired; do the clocks of the provider and of this machine agree?")]
    Expired,
    /// A header that brings a key along, or asks for something that is not done here.
    #[error("its header has {0:?}, which is not accepted here")]
    Header(&'static str),
    /// Good for longer than anybody should be told.
    #[error("it is good for longer than is accepted here")]
    Lasting,
    /// Bound to a key that its bearer would have to prove.
    #[error("it is bound to a key (cnf), and such proofs are not taken here")]
    Bound,
    /// From the future, or too old, by our clock.
    #[error("it was issued at a time that cannot be; do the clocks of the provider and of this machine agree?")]
    IssuedAt,
}

impl TokenError {
    /// Whether newer keys might make it good.
    pub(crate) const fn is_of_keys(&self) -> bool {
        matches!(self, Self::Key(NoKey::UnknownKid) | Self::Signature)
    }
}

/// What a token must say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<'e> {
    /// Who issued it, to the letter.
    pub(crate) issuer: &'e str,
    /// Whom it is for; `None` for a token that is for others, and that the provider gave us itself.
    pub(crate) audience: Option<&'e str>,
    /// The time now.
    pub(crate) now: Timestamp,
    /// How far clocks may differ, in seconds.
    pub(crate) leeway: i64,
}

/// A token's header, before anything is believed.
#[derive(Debug)]
pub(crate) struct Unverified<'t> {
    token: &'t str,
    header: Header,
    written: Object,
}

impl<'t> Unverified<'t> {
    /// Reads the header.
    pub(crate) fn read(token: &'t str) -> Result<Self, TokenError> {
        if token.len() > MOST || token.split('.').count() != 3 || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError::Malformed);
        }
        let first = token.split('.').next().unwrap_or_default();
        let written = URL_SAFE_NO_PAD.decode(first).ok().and_then(|bytes| json::object(&bytes));
        let written = written.ok_or(TokenError::Malformed)?;
        // "none" and what we do not know; a shared secret is no proof of who signed.
        let named = json::text(&written, "alg").ok_or(TokenError::Malformed)?;
        super::keys::algorithm(named).ok_or(TokenError::Algorithm)?;
        // An extension that must be understood, and is not.
        if written.contains_key("crit") || written.contains_key("enc") {
            return Err(TokenError::Malformed);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Malformed)?;
        Ok(Self { token, header, written })
    }

    /// The type that it says it has, in lower case and without `application/`.
    pub(crate) fn kind(&self) -> Option<String> {
        let kind = self.header.typ.as_deref()?.to_ascii_lowercase();
        Some(kind.strip_prefix("application/").map_or(kind.clone(), str::to_owned))
    }

    /// Whether the header has a member of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.written.contains_key(name)
    }

    /// What it says, of which nothing is believed yet.
    pub(crate) fn unproved(&self) -> Option<Object> {
        let body = URL_SAFE_NO_PAD.decode(self.token.split('.').nth(1)?).ok()?;
        json::object(&body)
    }

    /// Which key it says it was signed with.
    pub(crate) fn kid(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// How it says it was signed.
    pub(crate) const fn algorithm(&self) -> Algorithm {
        self.header.alg
    }

    /// The claims, once signature, issuer, audience and times are found good.
    pub(crate) fn verify(&self, keys: &KeySet, expected: Expected<'_>) -> Result<Object, TokenError> {
        let candidates = keys.find(self.kid(), self.header.alg)?;
        let mut validation = Validation::new(self.header.alg);
        // Times are ours to judge: the library asks the machine's clock.
        (validation.validate_exp, validation.validate_nbf) = (false, false);
        validation.set_issuer(&[expected.issuer]);
        // Without what is required the library accepts a token that names neither.
        match expected.audience {
            Some(audience) => {
                validation.set_audience(&[audience]);
                validation.set_required_spec_claims(&["iss", "aud"]);
            }
            None => {
                validation.validate_aud = false;
                validation.set_required_spec_claims(&["iss"]);
            }
        }
        let mut worst = TokenError::Signature;
        for key in candidates {
            match jsonwebtoken::decode::<Value>(self.token, &key.decoding, &validation) {
                Ok(_) => return self.claims(expected),
                Err(error) => worst = wrong(error.kind()),
            }
        }
        Err(worst)
    }

    fn claims(&self, expected: Expected<'_>) -> Result<Object, TokenError> {
        let claims = self.unproved().ok_or(TokenError::Malformed)?;
        if json::text(&claims, "iss") != Some(expected.issuer) {
            return Err(TokenError::Claim("iss"));
        }
        let is_for = |audience| audiences(&claims).is_some_and(|audiences| audiences.contains(&audience));
        if !expected.audience.is_none_or(is_for) {
            return Err(TokenError::Claim("aud"));
        }
        check_times(&claims, expected)?;
        Ok(claims)
    }
}

fn wrong(kind: &jsonwebtoken::errors::ErrorKind) -> TokenError {
    use jsonwebtoken::errors::ErrorKind;
    match kind {
        ErrorKind::InvalidIssuer => TokenError::Claim("iss"),
        ErrorKind::InvalidAudience => TokenError::Claim("aud"),
        ErrorKind::MissingRequiredClaim(name) if name == "aud" => TokenError::Claim("aud"),
        ErrorKind::MissingRequiredClaim(_) => TokenError::Claim("iss"),
        ErrorKind::InvalidSignature => TokenError::Signature,
        _ => TokenError::Malformed,
    }
}

/// `aud`: a text, or a list of texts and nothing else.
pub(crate) fn audiences(claims: &Object) -> Option<Vec<&str>> {
    match claims.get("aud")? {
        Value::String(one) => Some(vec![one]),
        Value::Array(many) => many.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

fn check_times(claims: &Object, expected: Expected<'_>) -> Result<(), TokenError> {
    let now = expected.now.as_micros() / 1_000_000;
    let moment = |name: &'static str| match claims.contains_key(name) {
        true => json::seconds(claims, name).map(Some).ok_or(TokenError::Claim(name)),
        false => Ok(None),
    };
    if moment("exp")?.is_some_and(|end| now >= end.saturating_add(expected.leeway)) {
        return Err(TokenError::Expired);
    }
    let begins = moment("nbf")?.into_iter().chain(moment("iat")?).max();
    if begins.is_some_and(|begin| begin > now.saturating_add(expected.leeway)) {
        return Err(TokenError::IssuedAt);
    }
    Ok(())
}
