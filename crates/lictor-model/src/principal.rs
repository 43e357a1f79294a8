//! Who may call? A principal: a user (a person) or a service account (a machine).

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::id::PrincipalId;

/// What a principal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PrincipalKind {
    /// A person.
    User,
    /// A machine: it has keys, never a password or a session.
    ServiceAccount,
}

impl PrincipalKind {
    /// The form in the store, in JSON and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::ServiceAccount => "service-account",
        }
    }

    /// Reads [`PrincipalKind::as_str`]'s form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::User, Self::ServiceAccount].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A user or a service account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// Never reused, not even when a name is.
    pub id: PrincipalId,
    /// What it is.
    pub kind: PrincipalKind,
    /// Unique among all principals.
    pub name: PrincipalName,
    /// A disabled principal keeps its grants and keys, and may do nothing.
    pub disabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A canonical name: 1 to 64 of `a-z 0-9 . _ @ + -`, beginning with a letter or digit.
///
/// One spelling only: upper case and look-alikes are refused rather than folded, so that no two spellings share or
/// split an account's throttle (CVE-2025-24806, CVE-2026-47203). A colon cannot occur, so that `name:secret` splits
/// one way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct PrincipalName(std::sync::Arc<str>);

/// A name that is not canonical.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the name {0:?} is not usable: use 1 to 64 of a-z, 0-9 and . _ @ + -, in lower case, beginning with a letter or digit"
)]
pub struct NameError(pub String);

impl PrincipalName {
    /// Reads a name.
    ///
    /// # Errors
    /// [`NameError`] when it is not canonical.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let begins = text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        let canonical = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._@+-".contains(&b));
        if begins && canonical && text.len() <= 64 { Ok(Self(text.into())) } else { Err(NameError(text.to_owned())) }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for PrincipalName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl std::fmt::Display for PrincipalName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
