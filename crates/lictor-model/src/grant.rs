//! Who has which role where, and who says so? A grant and its source.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::id::{GrantId, PrincipalId, WorkspaceName};
use crate::role::RoleName;

/// Where a grant holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// In every workspace, those to come included.
    Everywhere,
    /// In one workspace.
    Workspace(WorkspaceName),
}

impl Scope {
    /// Whether a grant of this scope holds in the workspace.
    #[must_use]
    pub fn covers(&self, workspace: &WorkspaceName) -> bool {
        match self {
            Self::Everywhere => true,
            Self::Workspace(name) => name == workspace,
        }
    }
}

/// Who says that a principal has a role, or is in a team. What one source gave, no other takes away.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Source {
    /// An administrator.
    #[default]
    ByHand,
    /// The sign-in rules of the provider of this name: anew with each sign-in.
    SignIn(Arc<str>),
}

/// A text that names no source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no source: it is empty (by hand) or sso: and the name of a provider")]
pub struct SourceError(pub String);

impl Source {
    const SIGN_IN: &str = "sso:";

    /// Reads the form in the store.
    ///
    /// # Errors
    /// [`SourceError`] for any other text.
    pub fn parse(text: &str) -> Result<Self, SourceError> {
        match text.strip_prefix(Self::SIGN_IN) {
            Some(provider) => Ok(Self::SignIn(provider.into())),
            None if text.is_empty() => Ok(Self::ByHand),
            _ => Err(SourceError(text.to_owned())),
        }
    }

    /// The form in the store: empty, or `sso:PROVIDER`.
    #[must_use]
    pub fn to_text(&self) -> String {
        match self {
            Self::ByHand => String::new(),
            Self::SignIn(provider) => format!("{}{provider}", Self::SIGN_IN),
        }
    }
}

impl From<Source> for String {
    fn from(source: Source) -> Self {
        source.to_text()
    }
}

impl TryFrom<String> for Source {
    type Error = SourceError;

    fn try_from(text: String) -> Result<Self, SourceError> {
        Self::parse(&text)
    }
}

impl std::fmt::Display for Source {
    /// For a person: `by hand`, or `sso:PROVIDER`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ByHand => f.write_str("by hand"),
            Self::SignIn(provider) => write!(f, "{}{provider}", Self::SIGN_IN),
        }
    }
}

/// A principal has a role in a workspace, or in all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// How it is removed.
    pub id: GrantId,
    /// Who.
    pub principal: PrincipalId,
    /// Which role.
    pub role: RoleName,
    /// Where.
    pub scope: Scope,
    /// Who says so.
    pub source: Source,
    /// Since when.
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_reads_back_and_nothing_else_is_one() {
        for source in [Source::ByHand, Source::SignIn("okta".into())] {
            assert_eq!(Source::parse(&source.to_text()), Ok(source));
        }
        for text in ["sso", "by hand", "ssx:okta", " "] {
            assert_eq!(Source::parse(text), Err(SourceError(text.to_owned())));
        }
    }
}
