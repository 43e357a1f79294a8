//! What does a request present? At most one session and one `Authorization`, or it is refused.

use http::HeaderMap;
use http::header::AUTHORIZATION;
use lictor_model::Reason;

use crate::session;

/// How a caller authorises in a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authorization<'a> {
    /// `Basic` and its token.
    Basic(&'a str),
    /// `Bearer` and its token.
    Bearer(&'a str),
    /// Another scheme, or not `scheme SP token`.
    Unreadable,
}

/// The credentials in a request's headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presented<'a> {
    /// The session cookie's value.
    pub session: Option<&'a str>,
    /// The one `Authorization` header.
    pub authorization: Option<Authorization<'a>>,
}

impl<'a> Presented<'a> {
    /// Reads the headers; `secure` says which cookie is ours.
    ///
    /// # Errors
    /// [`Reason::MalformedHeader`] when `Authorization` or the session cookie stands twice, even with equal values:
    /// which of two a reader takes is its own affair, and we are not the only reader.
    pub fn read(headers: &'a HeaderMap, secure: bool) -> Result<Self, Reason> {
        let mut authorizations = headers.get_all(AUTHORIZATION).iter();
        let authorization = authorizations.next().map(|value| Authorization::read(value.as_bytes()));
        if authorizations.next().is_some() {
            return Err(Reason::MalformedHeader);
        }
        let session = session::find_cookie(headers, session::cookie_name(secure))?;
        Ok(Self { session, authorization })
    }
}

impl<'a> Authorization<'a> {
    /// Reads `scheme 1*SP token` (RFC 9110 §11.4): the scheme in any case, spaces only between, blanks around ignored.
    fn read(value: &'a [u8]) -> Self {
        let Ok(text) = std::str::from_utf8(value) else { return Self::Unreadable };
        let Some((scheme, token)) = text.trim_matches([' ', '\t']).split_once(' ') else { return Self::Unreadable };
        let token = token.trim_start_matches(' ');
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Self::Unreadable;
        }
        if scheme.eq_ignore_ascii_case("basic") {
            Self::Basic(token)
        } else if scheme.eq_ignore_ascii_case("bearer") {
            Self::Bearer(token)
        } else {
            Self::Unreadable
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(value: &[u8]) -> Option<(bool, String)> {
        match Authorization::read(value) {
            Authorization::Basic(token) => Some((true, token.to_owned())),
            Authorization::Bearer(token) => Some((false, token.to_owned())),
            Authorization::Unreadable => None,
        }
    }

    #[test]
    fn schemes_are_read_in_any_case_with_any_number_of_spaces() {
        for value in ["Basic YTpi", "basic YTpi", "BASIC   YTpi", "bAsIc YTpi \t"] {
            assert_eq!(read(value.as_bytes()), Some((true, "YTpi".to_owned())), "{value}");
        }
        assert_eq!(read(b"bearer key"), Some((false, "key".to_owned())));
    }

    #[test]
    fn what_is_not_scheme_space_token_is_unreadable() {
        let inputs: &[&[u8]] = &[
            b"",
            b" ",
            b"Basic",
            b"Basic ",
            b"BasicYTpi",
            b"Basic\tYTpi",
            b"Basic \tYTpi",
            "Basic\u{a0}YTpi".as_bytes(),
            "Basic \u{a0}YTpi".as_bytes(),
            b"Basic\xa0YTpi",
            b"Basic YTpi YTpi",
            b"Basic YTpi, Bearer x",
            b"Bearer a\x00b",
            b"Bearer \xff",
            b"Digest username=x",
            b"Negotiate YTpi",
            "Ba\u{17f}ic YTpi".as_bytes(),
        ];
        for input in inputs {
            assert_eq!(read(input), None, "{input:?}");
        }
    }

    #[test]
    fn a_repeated_authorization_is_malformed_even_when_equal() {
        let mut headers = HeaderMap::new();
        headers.append(AUTHORIZATION, HeaderValue::from_static("Basic YTpi"));
        assert!(Presented::read(&headers, true).is_ok());
        headers.append(AUTHORIZATION, HeaderValue::from_static("Basic YTpi"));
        assert_eq!(Presented::read(&headers, true), Err(Reason::MalformedHeader));
    }
}
