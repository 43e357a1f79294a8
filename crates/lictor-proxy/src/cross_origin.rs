//! Did our own pages send this? A browser sends its cookie along with other sites' requests too.

use http::Method;
use http::header::{self, HeaderMap};
use lictor_model::Reason;

/// A cookie-borne request that may change something must come from the same origin: `Sec-Fetch-Site` says so, or, where
/// browsers leave it out (plain HTTP hosts), `Origin` does. A sibling sub-domain (`same-site`) is another origin.
///
/// # Errors
/// [`Reason::CrossOrigin`].
pub(crate) fn check(method: &Method, headers: &HeaderMap, origin: &str) -> Result<(), Reason> {
    if matches!(*method, Method::GET | Method::HEAD) {
        return Ok(());
    }
    let same = match headers.get("sec-fetch-site") {
        Some(site) => site == "same-origin",
        None => {
            headers.get(header::ORIGIN).is_some_and(|named| named.as_bytes().eq_ignore_ascii_case(origin.as_bytes()))
        }
    };
    if same { Ok(()) } else { Err(Reason::CrossOrigin) }
}

/// A browser shows a client certificate to whoever asks, for any page, so what is asked by it is held to the same; a program
/// says nothing of origins.
///
/// # Errors
/// [`Reason::CrossOrigin`].
pub(crate) fn check_browser(method: &Method, headers: &HeaderMap, origin: &str) -> Result<(), Reason> {
    let is_browser = headers.contains_key("sec-fetch-site") || headers.contains_key(header::ORIGIN);
    if is_browser { check(method, headers, origin) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_origin_may_write() {
        let verdict = |lines: &[(&'static str, &'static str)]| {
            let headers = lines
                .iter()
                .map(|(name, value)| (http::HeaderName::from_static(name), http::HeaderValue::from_static(value)));
            check(&Method::POST, &headers.collect(), "https://gate").is_ok()
        };
        assert!(verdict(&[("sec-fetch-site", "same-origin")]));
        assert!(verdict(&[("origin", "https://gate")]));
        for lines in [
            &[("sec-fetch-site", "same-site")][..],
            &[("sec-fetch-site", "cross-site"), ("origin", "https://gate")],
            &[("sec-fetch-site", "none")],
            &[("origin", "null")],
            &[("origin", "http://gate")],
            &[("origin", "https://gate.evil")],
            &[],
        ] {
            assert!(!verdict(lines), "{lines:?}");
        }
    }
}
