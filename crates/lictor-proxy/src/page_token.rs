//! Is this page token one that we gave to this caller? Prefect's own are unsigned: whoever writes one chooses the whole filter,
//! and pages of any size (`server/events/storage`).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use lictor_model::{PrincipalId, Reason, Secret, WorkspaceName};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest as _, Sha256};

/// The only parameter of `GET /events/filter/next`.
const PARAMETER: &str = "page-token=";

/// Seals tokens, and opens what it sealed. Replicas share the secret.
#[derive(Clone)]
pub struct PageTokens(Hmac<Sha256>);

/// For whom a token is sealed.
pub(crate) struct Holder<'h> {
    pub(crate) workspace: &'h WorkspaceName,
    pub(crate) principal: &'h PrincipalId,
}

impl PageTokens {
    /// A secret to seal under: 256 bits, as text.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn fresh_secret() -> Result<Secret, getrandom::Error> {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Seals under a secret.
    #[must_use]
    pub fn new(secret: &Secret) -> Self {
        // Digested to the length of a key, whatever the length of the text (RFC 2104 §3).
        let mut key = hmac::digest::Key::<Hmac<Sha256>>::default();
        let digest = Sha256::digest(secret.expose().as_bytes());
        key.iter_mut().zip(digest).for_each(|(slot, byte)| *slot = byte);
        Self(Hmac::new(&key))
    }

    /// The query of the next page's link, sealed.
    pub(crate) fn seal(&self, query: &str, holder: &Holder<'_>) -> Option<String> {
        let token = token_of(query)?;
        let seal = URL_SAFE_NO_PAD.encode(self.over(&token, holder).finalize().into_bytes());
        Some(written(&format!("{token}.{seal}")))
    }

    /// The query to ask Prefect with.
    ///
    /// # Errors
    /// [`Reason::UnknownPageToken`] when it is not one token that was sealed for this holder.
    pub(crate) fn open(&self, query: Option<&str>, holder: &Holder<'_>) -> Result<String, Reason> {
        let opened = query.and_then(token_of).and_then(|sealed| {
            let (token, seal) = sealed.rsplit_once('.')?;
            let seal = URL_SAFE_NO_PAD.decode(seal).ok()?;
            self.over(token, holder).verify_slice(&seal).ok()?;
            Some(written(token))
        });
        opened.ok_or(Reason::UnknownPageToken)
    }

    fn over(&self, token: &str, holder: &Holder<'_>) -> Hmac<Sha256> {
        let mut sealed = self.0.clone();
        // Neither a workspace's name nor an id can hold a line end, so that the parts cannot be moved.
        for part in [holder.workspace.as_str(), "\n", holder.principal.as_str(), "\n", token] {
            sealed.update(part.as_bytes());
        }
        sealed
    }
}

/// The one token of a query; `None` when there is none, or anything else.
fn token_of(query: &str) -> Option<String> {
    let value = query.strip_prefix(PARAMETER).filter(|value| !value.contains(['&', '+', ';']))?;
    percent_decode_str(value).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

fn written(token: &str) -> String {
    format!("{PARAMETER}{}", utf8_percent_encode(token, NON_ALPHANUMERIC))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_for_its_holder_alone_and_only_as_it_was_sealed() {
        let tokens = PageTokens::new(&Secret::new("0123456789abcdef"));
        let (main, other) = (WorkspaceName::from("main"), WorkspaceName::from("other"));
        let (alice, bob) = (PrincipalId::from("alice"), PrincipalId::from("bob"));
        let holder = Holder { workspace: &main, principal: &alice };
        let sealed = tokens.seal("page-token=eyJhIjoxfQ%3D%3D", &holder).unwrap();
        assert_eq!(tokens.open(Some(&sealed), &holder).unwrap(), "page-token=eyJhIjoxfQ%3D%3D");
        for foreign in [Holder { workspace: &main, principal: &bob }, Holder { workspace: &other, principal: &alice }] {
            assert_eq!(tokens.open(Some(&sealed), &foreign), Err(Reason::UnknownPageToken));
        }
        let forged = [
            Some("page-token=eyJhIjoxfQ%3D%3D".to_owned()),
            Some("page-token=eyJhIjoxfQ%3D%3D.".to_owned()),
            Some(sealed.replacen("eyJh", "eyJi", 1)),
            Some(format!("{sealed}&page-token=eyJhIjoxfQ")),
            Some(format!("page-token=a&{sealed}")),
            Some(format!("{sealed}&limit=9")),
            None,
        ];
        for query in forged {
            assert_eq!(tokens.open(query.as_deref(), &holder), Err(Reason::UnknownPageToken), "{query:?}");
        }
    }
}
