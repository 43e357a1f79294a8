//! How are secrets kept that must be read again? Sealed with AES-256-GCM, each for one use, so that a copy of a table opens
//! nothing: a provider's tokens, and the secrets behind codes.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lictor_model::Secret;

/// Seals and opens texts. The key comes from the store, so that every replica opens what another has sealed.
pub(crate) struct Seal(LessSafeKey);

/// The system has no randomness, or the cipher refuses its key.
#[derive(Debug, thiserror::Error)]
#[error("a text cannot be sealed: the system's random source failed, or the cipher did")]
pub struct SealError;

impl Seal {
    /// For what, by the secret's digest: a secret of high entropy needs no stretching.
    pub(crate) fn new(what: &str, secret: &Secret) -> Result<Self, SealError> {
        let key = digest(&SHA256, format!("lictor {what} seal: {}", secret.expose()).as_bytes());
        UnboundKey::new(&AES_256_GCM, key.as_ref()).map(|key| Self(LessSafeKey::new(key))).map_err(|_| SealError)
    }

    /// Seals a text for one use: what was sealed for another does not open.
    pub(crate) fn close(&self, r#use: &str, text: &str) -> Result<String, SealError> {
        let mut nonce = [0_u8; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|_| SealError)?;
        let mut sealed = text.as_bytes().to_vec();
        let (at, aad) = (Nonce::assume_unique_for_key(nonce), Aad::from(r#use.as_bytes()));
        self.0.seal_in_place_append_tag(at, aad, &mut sealed).map_err(|_| SealError)?;
        Ok(URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat()))
    }

    /// The text that was sealed for this use; `None` when it was not, or was touched.
    pub(crate) fn open(&self, r#use: &str, sealed: &str) -> Option<String> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN)?;
        let (nonce, mut sealed) = (Nonce::try_assume_unique_for_key(nonce).ok()?, sealed.to_vec());
        let text = self.0.open_in_place(nonce, Aad::from(r#use.as_bytes()), &mut sealed).ok()?;
        String::from_utf8(text.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_for_its_own_use_with_its_own_key_and_untouched() {
        let seal = Seal::new("sign-on", &Secret::new("a secret of the store")).unwrap();
        let sealed = seal.close("refresh", "token").unwrap();
        assert!(!sealed.contains("token"));
        assert_ne!(sealed, seal.close("refresh", "token").unwrap());
        assert_eq!(seal.open("refresh", &sealed).as_deref(), Some("token"));
        assert_eq!(seal.open("flow", &sealed), None);
        assert_eq!(Seal::new("codes", &Secret::new("a secret of the store")).unwrap().open("refresh", &sealed), None);
        assert_eq!(Seal::new("sign-on", &Secret::new("another")).unwrap().open("refresh", &sealed), None);
        for at in 0..sealed.len() {
            let mut touched = sealed.clone().into_bytes();
            touched[at] = if touched[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(seal.open("refresh", std::str::from_utf8(&touched).unwrap()), None, "{at}");
        }
        for nothing in ["", "A", "!!", &"A".repeat(15), &"A".repeat(16)] {
            assert_eq!(seal.open("refresh", nothing), None);
        }
    }
}
