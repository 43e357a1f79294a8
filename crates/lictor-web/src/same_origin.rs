//! Did one of our own pages send this form? Even a sign-in: another site must not sign a browser in as somebody else.

use http::{HeaderMap, header};
use lictor_model::Reason;

/// `Sec-Fetch-Site` must say so, or, where a browser leaves it out (plain HTTP), `Origin` must. Neither is a refusal.
///
/// # Errors
/// [`Reason::CrossOrigin`].
pub(crate) fn check(headers: &HeaderMap, origin: &str) -> Result<(), Reason> {
    let same = match only(headers, "sec-fetch-site")? {
        Some(site) => site == b"same-origin",
        None => {
            only(headers, header::ORIGIN.as_str())?.is_some_and(|named| named.eq_ignore_ascii_case(origin.as_bytes()))
        }
    };
    if same { Ok(()) } else { Err(Reason::CrossOrigin) }
}

fn only<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h [u8]>, Reason> {
    let mut values = headers.get_all(name).iter();
    let first = values.next().map(http::HeaderValue::as_bytes);
    if values.next().is_some() { Err(Reason::CrossOrigin) } else { Ok(first) }
}
