//! Would an issuer's tokens work, and whose would they be? What `lictor doctor` and `lictor issuer whose` ask beforehand.

use lictor_model::{Clock, Reason};

use super::issuer::{Issuer, Proof, Rule};
use super::source::Source;
use super::{access_token, rules};
use crate::oidc::claims::Claims;
use crate::oidc::json;
use crate::oidc::provider::Place;
use crate::oidc::token::TokenError;

/// Asks an issuer for its keys, or for its word on a token that cannot be; answers with what was found.
///
/// # Errors
/// What is in the way.
pub async fn probe(issuer: &Issuer, clock: Clock) -> Result<String, String> {
    let terms = issuer.terms.clone();
    let source = Source::new(terms, clock).map_err(|error| error.to_string())?;
    match &issuer.terms.proof {
        Proof::Signature { .. } => {
            let keys = source.count_keys().await.map_err(|error| error.to_string())?;
            Ok(format!("{} publishes {keys} keys that are understood", issuer.terms.issuer))
        }
        Proof::Introspection { at, .. } => {
            let said = source.ask("lictor-doctor").await.map_err(|error| error.to_string())?;
            match said.get("active").and_then(serde_json::Value::as_bool) {
                Some(false) => Ok(format!("{at} answers, and knows us")),
                Some(true) => Err(format!("{at} calls a token active that nobody issued")),
                None => Err(format!("{at} does not say whether a token is active (RFC 7662)")),
            }
        }
    }
}

/// What came of holding claims against an issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fitting {
    /// Which rules fit, counted from 0.
    pub rules: Vec<usize>,
    /// Whose such a token is.
    pub whose: Result<Rule, Reason>,
    /// What else would keep such a token from being accepted now.
    pub problem: Option<&'static str>,
}

/// Holds claims, as a JSON object, against an issuer's rules and terms; `None` when they are no JSON object of one reading.
#[must_use]
pub fn fitting(issuer: &Issuer, claims: &[u8], clock: &Clock) -> Option<Fitting> {
    let said = json::object(claims)?;
    let missing = ["iss", "sub", "aud", "exp"].into_iter().find(|name| !said.contains_key(*name));
    let is_signed = matches!(issuer.terms.proof, Proof::Signature { .. });
    let is_other = json::text(&said, "iss").is_some_and(|said| said != issuer.terms.issuer);
    let wrong = match missing {
        Some(name) if is_signed => Err(TokenError::Claim(name)),
        _ if is_other && !issuer.terms.issuer.is_empty() => Err(TokenError::Claim("iss")),
        _ => access_token::check(&said, &issuer.terms, clock.now()),
    };
    let mut claims = Claims::default();
    claims.add(Place::AccessToken, said);
    let fits = |rule: &Rule| rules::fitting(std::slice::from_ref(rule), &claims).next().is_some();
    Some(Fitting {
        rules: issuer.rules.iter().enumerate().filter(|(_, rule)| fits(rule)).map(|(at, _)| at).collect(),
        whose: rules::whose(&issuer.rules, &claims).cloned(),
        problem: wrong.err().map(|error| access_token::words(&error)),
    })
}
