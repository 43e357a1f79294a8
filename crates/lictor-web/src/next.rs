//! Where to after signing in? Only to a path of this very origin, however a browser may read it.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, Query};
use http::request::Parts;
use serde::Deserialize;

use crate::layout::Done;

/// The query of a page that leads on.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    pub(crate) next: Option<String>,
    pub(crate) done: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) token: Option<String>,
    pub(crate) code: Option<String>,
    pub(crate) callback: Option<String>,
    pub(crate) factor: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Infallible;

    /// A query that does not read asks for nothing.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let read = Query::<Self>::from_request_parts(parts, state).await;
        Ok(read.map(|Query(asked)| asked).unwrap_or_default())
    }
}

impl Asked {
    /// What was done before.
    pub(crate) fn done(&self) -> Option<Done> {
        self.done.as_deref().and_then(Done::parse)
    }
}

/// A path and query of our own origin, without the base that the browser sees before it; safe in `Location`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Next(String);

impl Next {
    /// Reads what the query or the form says; anything doubtful leads to `/`.
    pub(crate) fn read(text: Option<&str>) -> Self {
        Self(text.filter(|text| is_ours(text)).unwrap_or("/").to_owned())
    }

    /// One of our pages that leads on to it, as `/lictor/sign-in?next=%2Fv2%2F`.
    pub(crate) fn after(&self, page: &str) -> String {
        let encoded = percent_encoding::utf8_percent_encode(&self.0, percent_encoding::NON_ALPHANUMERIC);
        format!("{page}?next={encoded}")
    }

    /// The path.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_ours(text: &str) -> bool {
    let one_slash = text.strip_prefix('/').is_some_and(|rest| !rest.starts_with('/'));
    // Browsers read `\` as `/`, drop tabs and line ends, and resolve `/..//host` before they look at it again.
    let plain = text.len() <= 2048 && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let path = text.split(['?', '#']).next().unwrap_or_default();
    let dots = path.split('/').any(|segment| {
        let decoded = segment.to_ascii_lowercase().replace("%2e", ".");
        decoded == "." || decoded == ".."
    });
    let leads_on = ["/lictor/sign-", "/lictor/sso/", "/lictor/confirm"].iter().any(|page| path.starts_with(page));
    one_slash && plain && !dots && !leads_on
}

#[cfg(test)]
mod tests {
    use super::Next;

    #[test]
    fn a_path_of_ours_is_kept() {
        for path in ["/", "/v2/runs?state=Failed&a=%2F", "/lictor/account", "/a//b", "/v2/#x", "/?next=//evil.example"]
        {
            assert_eq!(Next::read(Some(path)).as_str(), path);
        }
    }

    #[test]
    fn whatever_could_lead_elsewhere_leads_home() {
        for path in [
            "",
            "v2",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/a\\b",
            "https://evil.example",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/\n/evil.example",
            "\t//evil.example",
            " /a",
            "/a b",
            "/ä",
            "/a\0",
            "/a\u{7f}",
            "/.//evil.example",
            "/..//evil.example",
            "/%2e%2E//evil.example",
            "/lictor/sign-in",
            "/lictor/sign-in?next=/",
            "/lictor/sign-out",
            "/lictor/confirm?next=%2F",
            "/lictor/sso/okta/begin?next=%2F",
        ] {
            assert_eq!(Next::read(Some(path)).as_str(), "/", "{path:?}");
        }
        assert_eq!(Next::read(None).as_str(), "/");
    }
}
