//! What does `Authorization: Basic` carry? Base64 of a text that [`crate::claim`] reads.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use lictor_model::Reason;
use zeroize::Zeroizing;

use crate::claim::MAX_TEXT;

/// Standard base64; padding may be left out, as some clients do. Trailing bits must be zero, so that no two
/// spellings decode to one text.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The text behind the base64.
///
/// # Errors
/// [`Reason::MalformedCredential`] when it is too long, not base64 or not UTF-8.
pub fn decode(token: &str) -> Result<Zeroizing<String>, Reason> {
    if token.len() > MAX_TEXT * 4 / 3 + 4 {
        return Err(Reason::MalformedCredential);
    }
    let bytes = BASE64.decode(token).map_err(|_| Reason::MalformedCredential)?;
    let text = String::from_utf8(bytes).map_err(|not| {
        let _wiped = Zeroizing::new(not.into_bytes());
        Reason::MalformedCredential
    })?;
    Ok(Zeroizing::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_optional() {
        assert_eq!(decode("YTpi").unwrap().as_str(), "a:b");
        assert_eq!(decode("YTpiYg==").unwrap().as_str(), "a:bb");
        assert_eq!(decode("YTpiYg").unwrap().as_str(), "a:bb");
    }

    #[test]
    fn what_is_not_base64_of_text_is_malformed() {
        let long = "A".repeat(100_000);
        for token in ["!!!!", "YTpi=", "YTp\u{e4}", "YTpiYh", "_-__", "/w==", "YTpi YTpi", "=", long.as_str()] {
            assert_eq!(decode(token), Err(Reason::MalformedCredential), "{token:.20}");
        }
    }
}
