//! Whom does the edge in front of us vouch for? A signed assertion in a header, or a plain header that only the edge's own
//! network may send. It signs a person in when they ask for it, by the same rules as an identity provider.

use http::HeaderMap;
use lictor_model::Secret;
use serde_json::Value;

use super::claims::Claims;
use super::error::SignOnError;
use super::exchange::Tokens;
use super::json::{self, Object};
use super::keys::KeySet;
use super::peer::Peer;
use super::provider::{Edge, Place, Proof};
use super::sign_on::SignOn;
use super::token::{Expected, TokenError, Unverified};
use crate::attempt::Caller;
use crate::sign_in::SignedIn;

impl SignOn {
    /// Whether a provider is an edge, which needs no journey elsewhere.
    #[must_use]
    pub fn is_edge(&self, name: &str) -> bool {
        self.any_peer(name).is_ok_and(|peer| peer.provider.edge.is_some())
    }

    /// Signs in whom the edge vouches for in this very request.
    ///
    /// # Errors
    /// [`SignOnError`]; a refusal of the person is recorded here.
    pub async fn vouched(&self, name: &str, headers: &HeaderMap, caller: &Caller) -> Result<SignedIn, SignOnError> {
        let peer = self.any_peer(name)?;
        let edge = peer.provider.edge.as_ref().ok_or(SignOnError::UnknownProvider)?;
        let said = match &edge.proof {
            Proof::Signed { trusts_email, .. } => {
                trusting(peer.assertion(only(headers, &edge.header)?).await?, *trusts_email)
            }
            Proof::LoadBalancer { keys, signer, trusts_email } => {
                trusting(peer.balanced(only(headers, &edge.header)?, signer, keys).await?, *trusts_email)
            }
            Proof::Network { networks, groups } => {
                let peer_ip = caller.peer.to_canonical();
                if !networks.iter().any(|network| network.contains(&peer_ip)) {
                    return Err(SignOnError::Rejected(format!("its header does not count from {peer_ip}")));
                }
                plain(headers, edge, groups.as_deref())?
            }
        };
        let subject = json::text(&said, "sub").unwrap_or_default().to_owned();
        let mut claims = Claims::default();
        claims.add(Place::IdToken, said);
        // An edge gives no tokens: its word is renewed by signing in again.
        let tokens = Tokens { access: Secret::new(""), id: None, refresh: None };
        self.admit(&peer, claims, (subject, None), &tokens, caller).await
    }
}

impl Peer {
    /// The claims of an edge's assertion.
    async fn assertion(&self, token: &str) -> Result<Object, SignOnError> {
        Ok(self.verify(token, |token, keys| assertion(token, keys, self.expected())).await?)
    }
}

/// The claims of an assertion that is good: of this issuer, for us, not over, about somebody.
fn assertion(token: &Unverified<'_>, keys: &KeySet, expected: Expected<'_>) -> Result<Object, TokenError> {
    if let Some(kind) = token.kind().filter(|kind| kind != "jwt") {
        return Err(TokenError::Type(kind));
    }
    let claims = token.verify(keys, expected)?;
    // A machine that passes the edge has no subject: it is nobody's browser.
    let is_somebody = json::text(&claims, "sub").is_some_and(|subject| !subject.is_empty() && subject.len() <= 255);
    if !is_somebody {
        return Err(TokenError::Claim("sub"));
    }
    for name in ["exp", "iat"] {
        json::seconds(&claims, name).ok_or(if name == "exp" {
            TokenError::Claim("exp")
        } else {
            TokenError::Claim("iat")
        })?;
    }
    Ok(claims)
}

/// Takes an address for verified where the edge is known to show no other.
fn trusting(mut claims: Object, trusts_email: bool) -> Object {
    if trusts_email && !claims.contains_key("email_verified") {
        claims.insert("email_verified".to_owned(), Value::Bool(true));
    }
    claims
}

/// A plain header's person, and their groups, separated by commas.
fn plain(headers: &HeaderMap, edge: &Edge, groups: Option<&str>) -> Result<Object, SignOnError> {
    let name = only(headers, &edge.header)?;
    let mut claims = Object::new();
    for claim in ["sub", "preferred_username"] {
        claims.insert(claim.to_owned(), Value::String(name.to_owned()));
    }
    if let Some(header) = groups.filter(|header| headers.contains_key(*header)) {
        let names = only(headers, header)?.split(',').map(str::trim).filter(|group| !group.is_empty());
        claims.insert("groups".to_owned(), names.map(|group| Value::String(group.to_owned())).collect());
    }
    Ok(claims)
}

/// The one value of a header: of two, one was the client's own.
fn only<'h>(headers: &'h HeaderMap, name: &str) -> Result<&'h str, SignOnError> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or_else(|| SignOnError::Rejected(format!("the header {name} has not come")))?;
    if values.next().is_some() {
        return Err(SignOnError::Rejected(format!("the header {name} came twice")));
    }
    let text = value.to_str().ok().map(str::trim).filter(|text| !text.is_empty());
    let usable = text.filter(|text| text.bytes().all(|byte| (0x20..0x7f).contains(&byte)));
    usable.ok_or_else(|| SignOnError::Rejected(format!("the header {name} is empty or no plain text")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::oidc::forge::{CLIENT, Forger, ISSUER, NOW, expected, with};

    fn check(changes: Value) -> Result<Object, TokenError> {
        let good = json!({"iss": ISSUER, "sub": "person-1", "aud": [CLIENT], "exp": NOW + 300, "iat": NOW - 80_000});
        let forger = Forger::new();
        assertion(&Unverified::read(&forger.sign(&with(&good, &changes)))?, &forger.keys(), expected())
    }

    #[test]
    fn an_assertion_is_believed_as_long_as_it_says_and_no_longer() {
        assert!(check(json!({})).is_ok());
        for (changes, why) in [
            (json!({"sub": null}), TokenError::Claim("sub")),
            (json!({"sub": ""}), TokenError::Claim("sub")),
            (json!({"exp": null}), TokenError::Claim("exp")),
            (json!({"iat": null}), TokenError::Claim("iat")),
            (json!({"exp": NOW - 60}), TokenError::Expired),
            (json!({"aud": null}), TokenError::Claim("aud")),
            (json!({"aud": ["other"]}), TokenError::Claim("aud")),
            (json!({"iss": "https://other"}), TokenError::Claim("iss")),
        ] {
            assert_eq!(check(changes.clone()).expect_err(&changes.to_string()), why, "{changes}");
        }
    }

    #[test]
    fn a_header_counts_once_and_as_plain_text() {
        let mut headers = HeaderMap::new();
        assert!(only(&headers, "x-user").is_err());
        headers.append("x-user", "ada".parse().unwrap());
        assert_eq!(only(&headers, "x-user").unwrap(), "ada");
        headers.append("x-user", "root".parse().unwrap());
        assert!(only(&headers, "x-user").is_err());
        headers.insert("x-user", http::HeaderValue::from_bytes(b"ad\xe4").unwrap());
        assert!(only(&headers, "x-user").is_err());
    }
}
