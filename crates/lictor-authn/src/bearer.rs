//! What does `Authorization: Bearer` carry? An API key, whole, or a token that somebody else issued.

use lictor_model::Reason;

use crate::claim::Claim;

/// Reads a bearer token.
///
/// # Errors
/// [`Reason::MistypedKey`] or [`Reason::MalformedCredential`].
pub fn read(token: &str) -> Result<Claim<'_>, Reason> {
    match crate::claim::read(token)? {
        claim @ (Claim::Key(_) | Claim::Token(_)) => Ok(claim),
        // A password would be a second way to say what Basic says, and one that proxies treat with less care.
        Claim::NamedKey { .. } | Claim::NamedToken { .. } | Claim::Password { .. } => Err(Reason::MalformedCredential),
    }
}

#[cfg(test)]
mod tests {
    use lictor_model::ApiKey;

    use super::*;

    #[test]
    fn a_key_or_a_token_is_a_bearer_token_and_nothing_else_is() {
        let key = ApiKey::generate().unwrap();
        assert!(matches!(read(key.expose()), Ok(Claim::Key(_))));
        let cut = key.expose().get(..40).unwrap();
        assert_eq!(read(cut).unwrap_err(), Reason::MistypedKey);
        let named = format!("alice:{}", key.expose());
        assert!(matches!(read("eyJhbGciOiJub25lIn0.e30."), Ok(Claim::Token("eyJhbGciOiJub25lIn0.e30."))));
        for token in ["", "alice:secret", ":", named.as_str(), "{\"payload\":\"e30\"}", "a=b", "p\u{e4}"] {
            assert_eq!(read(token).unwrap_err(), Reason::MalformedCredential, "{token}");
        }
    }
}
