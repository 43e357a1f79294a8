//! Under which path do clients find us? The path of the public URL, taken off before anything is matched.
//!
//! An edge in front either passes this prefix on or strips it. Both are served alike: what begins with the prefix loses it, once,
//! and what does not is taken as stripped already. For this to have one meaning, the prefix is nothing that Prefect or Lictor
//! have at their own root. No header says anything about it.

use std::borrow::Cow;

use lictor_model::Reason;

use crate::path::CanonicalPath;

/// The longest prefix; part of every link that is rewritten.
const LONGEST: usize = 64;
/// What stands at the root already: our own pages, Prefect's API and documents, the pages that Prefect Cloud's clients know, and the
/// pages and files of Prefect's two UIs.
const TAKEN: [&str; 33] = [
    "lictor",
    "api",
    "account",
    "auth",
    "v2",
    "docs",
    "redoc",
    "openapi.json",
    "ui-settings",
    "assets",
    "ico",
    "fonts",
    "favicon.ico",
    "robots.txt",
    "UI_SERVE_BASE",
    "admin",
    "artifacts",
    "automations",
    "blocks",
    "concurrency-limits",
    "dashboard",
    "deployments",
    "events",
    "flow-runs",
    "flows",
    "login",
    "notifications",
    "runs",
    "settings",
    "task-runs",
    "variables",
    "work-pools",
    "work-queues",
];

/// The prefix without its last slash; empty when clients find us at the root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BasePath(String);

/// The path of a URL cannot be a prefix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BasePathError {
    /// It could be spelled in another way, or is too long.
    #[error(
        "the path must be segments of letters, digits, '-', '_' and '.', as in /prefect/, and at most 64 characters"
    )]
    Unplain,
    /// It would be read as something that is at the root.
    #[error("a path that begins with /{0}/ is one of Prefect's or Lictor's own: choose another, as /prefect/")]
    Taken(String),
    /// Prefect's UI takes what stands before the last `v2` for its own prefix.
    #[error("the path must not have a segment v2: Prefect's UI finds its own place by it")]
    HoldsV2,
}

impl BasePath {
    /// Reads a URL's path; `/` and nothing are the root.
    ///
    /// # Errors
    /// [`BasePathError`] when requests under it could be read in two ways.
    pub fn parse(path: &str) -> Result<Self, BasePathError> {
        let bare = path.strip_suffix('/').unwrap_or(path);
        let Some(named) = bare.strip_prefix('/') else {
            return if path.is_empty() || path == "/" { Ok(Self::default()) } else { Err(BasePathError::Unplain) };
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let is_segment = |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(plain);
        if bare.len() > LONGEST || !named.split('/').all(is_segment) {
            return Err(BasePathError::Unplain);
        }
        let first = named.split('/').next().unwrap_or_default();
        if TAKEN.iter().any(|taken| taken.eq_ignore_ascii_case(first)) {
            return Err(BasePathError::Taken(first.to_owned()));
        }
        if named.split('/').any(|segment| segment == "v2") {
            return Err(BasePathError::HoldsV2);
        }
        Ok(Self(bare.to_owned()))
    }

    /// The prefix as it goes before an absolute path: `/prefect`, or nothing.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is no prefix.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// An absolute path of ours as clients spell it.
    #[must_use]
    pub fn prepended(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// Takes the prefix off a request's path: canonical first, and then compared, so that one path has one reading.
    ///
    /// # Errors
    /// [`Reason::AmbiguousPath`] when the path is not canonical, or spells the prefix with escapes: an edge that compares what
    /// was sent would have read it as something else.
    pub fn strip(&self, raw: &str) -> Result<CanonicalPath, Reason> {
        let path = CanonicalPath::parse(raw)?;
        if self.is_root() {
            return Ok(path);
        }
        Ok(self.within(&path, raw)?.unwrap_or(path))
    }

    /// The path below this further prefix; nothing when it is elsewhere. `raw` is the path as it was sent.
    ///
    /// # Errors
    /// [`Reason::AmbiguousPath`] when it spells the prefix with escapes.
    pub fn within(&self, path: &CanonicalPath, raw: &str) -> Result<Option<CanonicalPath>, Reason> {
        let Some(inside) = path.below(&self.0).map(CanonicalPath::from) else { return Ok(None) };
        if below(&self.0, raw).is_some() { Ok(Some(inside)) } else { Err(Reason::AmbiguousPath) }
    }

    /// A prefix below this one.
    #[must_use]
    pub fn joined(&self, further: &Self) -> Self {
        Self(self.prepended(&further.0))
    }

    /// Whether paths below the other are below this one too.
    #[must_use]
    pub fn holds(&self, other: &Self) -> bool {
        below(&self.0, &other.0).is_some()
    }

    /// What was sent, without this prefix, if it begins with it.
    #[must_use]
    pub fn off<'p>(&self, raw: &'p str) -> &'p str {
        below(&self.0, raw).unwrap_or(raw)
    }

    /// The same for a path and query that may have been refused: to tell a page from an answer for a program, and to come back
    /// to. Nothing is matched on it.
    #[must_use]
    pub fn strip_refused<'p>(&self, raw: &'p str) -> Cow<'p, str> {
        match raw.strip_prefix(self.as_str()) {
            Some(rest) if rest.starts_with('/') => Cow::Borrowed(rest),
            Some(rest) if rest.is_empty() || rest.starts_with('?') => Cow::Owned(format!("/{rest}")),
            _ => Cow::Borrowed(raw),
        }
    }
}

/// What follows the prefix, if it ends with a segment there.
fn below<'p>(prefix: &str, raw: &'p str) -> Option<&'p str> {
    raw.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}
