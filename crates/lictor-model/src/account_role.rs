//! What is somebody in the account? Beside the roles that they hold in workspaces: owner, admin or member.

use serde::{Deserialize, Serialize};

/// An account role. The least comes first, so that they compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccountRole {
    /// Manages nothing by this role.
    Member,
    /// Manages everything but owners.
    Admin,
    /// Manages everything: whoever holds the role owner everywhere, of their own or through a team.
    Owner,
}

impl AccountRole {
    /// The form in JSON, in files and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }
}

impl std::fmt::Display for AccountRole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
