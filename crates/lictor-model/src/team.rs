//! Which principals share their roles? A team: users and service accounts, with grants that hold for all of them.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::grant::{Scope, Source};
use crate::id::{GrantId, PrincipalId, TeamId};
use crate::role::RoleName;

/// A team's name: 1 to 48 of `a-z 0-9 -`, beginning with a letter. Teams and principals may have the same names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct TeamName(std::sync::Arc<str>);

/// A team name that is not usable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the team name {0:?} is not usable: use 1 to 48 of a-z, 0-9 and -, beginning with a letter")]
pub struct TeamNameError(pub String);

impl TeamName {
    /// Reads a name.
    ///
    /// # Errors
    /// [`TeamNameError`] when it has other characters or another length.
    pub fn parse(text: &str) -> Result<Self, TeamNameError> {
        let usable = text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.len() <= 48
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if usable { Ok(Self(text.into())) } else { Err(TeamNameError(text.to_owned())) }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for TeamName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl std::fmt::Display for TeamName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Team {
    /// Never reused, not even when a name is.
    pub id: TeamId,
    /// Unique among teams.
    pub name: TeamName,
    /// One sentence for lists.
    pub description: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A principal is in a team; once for each source that says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// In which team.
    pub team: TeamId,
    /// Who.
    pub principal: PrincipalId,
    /// Who says so.
    pub source: Source,
    /// Since when.
    pub created_at: Timestamp,
}

/// A team's members have a role in a workspace, or in all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamGrant {
    /// How it is removed.
    pub id: GrantId,
    /// Whose members.
    pub team: TeamId,
    /// Which role.
    pub role: RoleName,
    /// Where.
    pub scope: Scope,
    /// Since when.
    pub created_at: Timestamp,
}
