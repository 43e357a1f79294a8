//! Who has which role where? A grant.

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
    /// Since when.
    pub created_at: Timestamp,
}
