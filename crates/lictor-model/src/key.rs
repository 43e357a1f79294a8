//! What does an API key look like? `lictor_` + 32 random + 6 check characters, all base 62.
//!
//! The check (CRC-32 of all that stands before it) tells a mistyped key from an unknown one without a look-up, and lets
//! secret scanners match without false alarms: `lictor_[0-9A-Za-z]{38}`. 32 characters of base 62 hold 190 bits, so a
//! plain SHA-256 at rest needs no stretching.

use crate::secret::{Digest, Secret};

const PREFIX: &str = "lictor_";
const RANDOM_CHARS: usize = 32;
const CHECK_CHARS: usize = 6;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// An API key in clear: shown once where it is made, and held only while a request is identified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey(Secret);

/// Why a text that begins like a key is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a key at all: another prefix.
    #[error("an API key begins with \"lictor_\"")]
    NotAKey,
    /// Begins like a key; its length, characters or check do not fit.
    #[error("the API key is mistyped or cut off: its check characters do not fit")]
    Mistyped,
}

/// The machine's source of randomness failed.
#[derive(Debug, thiserror::Error)]
#[error("the system's random source failed: {0}")]
pub struct EntropyError(#[from] getrandom::Error);

impl ApiKey {
    /// A fresh key from the system's random source.
    ///
    /// # Errors
    /// [`EntropyError`] when the system has no randomness to give.
    pub fn generate() -> Result<Self, EntropyError> {
        let mut key = PREFIX.to_owned();
        key.push_str(&random_text(RANDOM_CHARS)?);
        let check = check_of(&key);
        key.push_str(&check);
        Ok(Self(Secret::new(key)))
    }

    /// Reads a presented text.
    ///
    /// # Errors
    /// [`KeyError::NotAKey`] when it has another prefix, [`KeyError::Mistyped`] when the check does not fit.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let body = text.strip_prefix(PREFIX).ok_or(KeyError::NotAKey)?;
        if body.len() != RANDOM_CHARS + CHECK_CHARS || !body.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(KeyError::Mistyped);
        }
        let (checked, check) = text.split_at_checked(PREFIX.len() + RANDOM_CHARS).ok_or(KeyError::Mistyped)?;
        if check_of(checked) == check { Ok(Self(Secret::new(text))) } else { Err(KeyError::Mistyped) }
    }

    /// Whether the text begins like one of our keys, rightly typed or not.
    #[must_use]
    pub fn looks_like(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// What the store keeps.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(self.0.expose().as_bytes())
    }

    /// The key in clear.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// What lists show instead of the key: its last four characters.
    #[must_use]
    pub fn hint(&self) -> String {
        let text = self.0.expose();
        text.get(text.len().saturating_sub(4)..).unwrap_or_default().to_owned()
    }
}

/// Random base-62 text of the given length, without modulo bias.
///
/// # Errors
/// [`EntropyError`] when the system has no randomness to give.
pub fn random_text(chars: usize) -> Result<String, EntropyError> {
    let mut text = String::with_capacity(chars);
    let mut pool = [0_u8; 64];
    while text.len() < chars {
        getrandom::fill(&mut pool)?;
        // 248 is the largest multiple of 62 in a byte: bytes above it would favour the first characters.
        let fair = pool.iter().filter(|byte| **byte < 248).filter_map(|byte| ALPHABET.get(usize::from(byte % 62)));
        text.extend(fair.take(chars - text.len()).map(|byte| char::from(*byte)));
    }
    Ok(text)
}

fn check_of(text: &str) -> String {
    let mut rest = crc32fast::hash(text.as_bytes());
    let mut check = [b'0'; CHECK_CHARS];
    for slot in check.iter_mut().rev() {
        let digit = usize::try_from(rest % 62).unwrap_or_default();
        *slot = ALPHABET.get(digit).copied().unwrap_or(b'0');
        rest /= 62;
    }
    check.iter().map(|byte| char::from(*byte)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_key_reads_back() {
        let key = ApiKey::generate().unwrap();
        assert_eq!(ApiKey::parse(key.expose()).unwrap(), key);
        assert_eq!(key.expose().len(), 45);
    }

    #[test]
    fn every_single_character_change_is_noticed() {
        let key = ApiKey::generate().unwrap();
        for at in PREFIX.len()..key.expose().len() {
            let mut typo = key.expose().as_bytes().to_vec();
            typo[at] = if typo[at] == b'a' { b'b' } else { b'a' };
            assert_eq!(ApiKey::parse(std::str::from_utf8(&typo).unwrap()), Err(KeyError::Mistyped));
        }
    }

    #[test]
    fn another_prefix_is_not_a_key_and_a_cut_key_is_mistyped() {
        assert_eq!(ApiKey::parse("pnu_abc"), Err(KeyError::NotAKey));
        assert_eq!(ApiKey::parse("lictor_abc"), Err(KeyError::Mistyped));
        assert_eq!(ApiKey::parse("lictor_é"), Err(KeyError::Mistyped));
    }
}
