//! Is this the code of now? RFC 6238 with what every app can do: SHA-1, six digits, thirty seconds, one step either way.

use lictor_model::{Secret, Timestamp};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use totp_rs::Builder;

/// 160 bits, as RFC 4226 recommends.
const SECRET_BYTES: usize = 20;

/// A fresh secret, in base 32, as people type it.
///
/// # Errors
/// When the system has no randomness to give.
pub(super) fn fresh_secret() -> Result<Secret, getrandom::Error> {
    let mut bytes = [0_u8; SECRET_BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(Secret::new(totp_rs::Secret::from(bytes).to_base32()))
}

/// The time step whose code this is, if it is one of those that count now.
pub(super) fn check(secret: &Secret, code: &str, now: Timestamp) -> Option<i64> {
    let secret = totp_rs::Secret::try_from_base32(secret.expose()).ok()?;
    let totp = Builder::new().with_secret(secret).build().ok()?;
    let seconds = u64::try_from(now.as_micros() / 1_000_000).ok()?;
    totp.check(code, seconds).and_then(|step| i64::try_from(step).ok())
}

/// What the QR code says, as authenticator apps read it.
pub(super) fn uri(secret: &Secret, host: &str, name: &str) -> Secret {
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let issuer = encoded(&format!("Lictor {}", host.replace(':', " ")));
    Secret::new(format!("otpauth://totp/{issuer}:{}?secret={}&issuer={issuer}", encoded(name), secret.expose()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238's own secret, `12345678901234567890`.
    const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    #[test]
    fn the_codes_are_those_of_the_rfc_one_step_either_way() {
        let (secret, at) = (Secret::new(SECRET), |seconds: i64| Timestamp::from_micros(seconds * 1_000_000));
        // Appendix B, the last six of eight digits.
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (2_000_000_000, "279037")] {
            assert_eq!(check(&secret, code, at(seconds)), Some(seconds / 30), "{seconds}");
            assert_eq!(check(&secret, code, at(seconds + 30)), Some(seconds / 30), "a step later");
            assert_eq!(check(&secret, code, at(seconds + 61)), None, "two steps later");
        }
        for other in ["287083", "28708", "2870820", "+87082", "", "287 82"] {
            assert_eq!(check(&secret, other, at(59)), None, "{other}");
        }
    }

    #[test]
    fn a_fresh_secret_is_read_again_and_said_to_apps() {
        let secret = fresh_secret().unwrap();
        assert_eq!(secret.expose().len(), 32);
        assert_ne!(secret.expose(), fresh_secret().unwrap().expose());
        let uri = uri(&secret, "gate.example:4300", "al@ce");
        let said = format!("otpauth://totp/Lictor%20gate%2Eexample%204300:al%40ce?secret={}&issuer=", secret.expose());
        assert!(uri.expose().starts_with(&said), "{}", uri.expose());
    }
}
