//! What does a browser present? A cookie with the session's secret: random, opaque, known to the store as a digest.

use http::HeaderMap;
use http::header::COOKIE;
use lictor_model::key::{EntropyError, random_text};
use lictor_model::{Digest, Reason, Secret};

/// 43 characters of base 62 hold 256 bits.
const SECRET_CHARS: usize = 43;

/// The cookie's name: over TLS one that a browser accepts only from this very host with `Secure` and `Path=/`.
#[must_use]
pub const fn cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-lictor" } else { "lictor" }
}

/// Whether a session cookie stands in the headers, good or not, once or more often.
#[must_use]
pub fn is_presented(headers: &HeaderMap, secure: bool) -> bool {
    !matches!(find_cookie(headers, cookie_name(secure)), Ok(None))
}

/// The value of the cookie, `None` when it is not there.
///
/// # Errors
/// [`Reason::MalformedHeader`] when it is there twice: one of them was planted.
pub fn find_cookie<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Reason> {
    let mut found = None;
    for pair in headers.get_all(COOKIE).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b';')) {
        // Only blanks are trimmed: trimming wider (Unicode spaces) lets a planted cookie pass for a `__Host-` one.
        let pair = trim_blanks(pair);
        let Some(value) = pair.strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b"=")) else { continue };
        // A value that is no text cannot be ours, but it was presented: an empty one is as unknown as it is.
        if found.replace(std::str::from_utf8(value).unwrap_or_default()).is_some() {
            return Err(Reason::MalformedHeader);
        }
    }
    Ok(found)
}

fn trim_blanks(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// A fresh session secret.
///
/// # Errors
/// [`EntropyError`] when the system has no randomness to give.
pub(crate) fn fresh_secret() -> Result<Secret, EntropyError> {
    random_text(SECRET_CHARS).map(Secret::new)
}

/// What the store knows a cookie's value by; `None` when we never made such a value.
#[must_use]
pub(crate) fn digest(value: &str) -> Option<Digest> {
    let ours = value.len() == SECRET_CHARS && value.bytes().all(|byte| byte.is_ascii_alphanumeric());
    ours.then(|| Digest::of(value.as_bytes()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn find(cookies: &[&[u8]]) -> Result<Option<String>, Reason> {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(COOKIE, HeaderValue::from_bytes(cookie).unwrap());
        }
        find_cookie(&headers, cookie_name(true)).map(|found| found.map(str::to_owned))
    }

    #[test]
    fn the_cookie_is_found_among_others_and_across_headers() {
        assert_eq!(find(&[]), Ok(None));
        assert_eq!(find(&[b"prefect_ui_version=v2; __Host-lictor=abc"]), Ok(Some("abc".to_owned())));
        assert_eq!(find(&[b"a=b", b"\t__Host-lictor=abc ;c"]), Ok(Some("abc".to_owned())));
        assert_eq!(find(&[b"x\xff=1;__Host-lictor=\xff"]), Ok(Some(String::new())));
    }

    #[test]
    fn look_alikes_are_other_cookies() {
        let others: &[&[u8]] = &[
            b"lictor=abc",
            b"__host-lictor=abc",
            b"x__Host-lictor=abc",
            b"__Host-lictor2=abc",
            b"__Host-lictor",
            b"a=\"; b=__Host-lictor=c\"",
            "\u{2000}__Host-lictor=abc".as_bytes(),
        ];
        for other in others {
            assert_eq!(find(&[other]), Ok(None), "{other:?}");
        }
    }

    #[test]
    fn two_are_malformed_wherever_they_stand() {
        assert_eq!(find(&[b"__Host-lictor=a; __Host-lictor=b"]), Err(Reason::MalformedHeader));
        assert_eq!(find(&[b"__Host-lictor=a", b"__Host-lictor=a"]), Err(Reason::MalformedHeader));
    }

    #[test]
    fn only_values_that_we_could_have_made_are_looked_up() {
        let ours = fresh_secret().unwrap();
        assert!(digest(ours.expose()).is_some());
        let huge = "a".repeat(100_000);
        for value in ["", "abc", &huge, &"é".repeat(22), &"a".repeat(44), &"-".repeat(43)] {
            assert!(digest(value).is_none());
        }
    }
}
