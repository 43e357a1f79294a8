//! Who may what, as a file says it? Read, held against the store, planned, applied as a whole, and written.

mod export;
mod plan;
mod read;

use std::collections::{BTreeMap, BTreeSet};

use lictor_authz::Deed;
use lictor_authz::access::OWNER;
use lictor_model::{PermissionSet, PrincipalKind, PrincipalName, RoleName, Scope, TeamName, WorkspaceName};
use lictor_store::{Directory, Managed, StoreError};

use crate::administration::Administration;
use crate::error::ManageError;

pub use plan::{Plan, Step, Verb};
pub use read::Problem;

/// What a file says. What it does not say of a thing that it lists stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policy {
    roles: BTreeMap<RoleName, RoleText>,
    key_ages: BTreeMap<RoleName, i64>,
    second_factors: BTreeMap<RoleName, bool>,
    people: BTreeMap<PrincipalName, PersonText>,
    teams: BTreeMap<TeamName, TeamText>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct RoleText {
    description: String,
    base: Option<RoleName>,
    permissions: PermissionSet,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct PersonText {
    kind: PrincipalKind,
    admin: Option<bool>,
    disabled: Option<bool>,
    roles: Option<BTreeSet<Held>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct TeamText {
    description: Option<String>,
    members: Option<BTreeSet<PrincipalName>>,
    roles: Option<BTreeSet<Held>>,
}

/// A role and where it holds: `developer`, or `developer@research`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Held {
    role: RoleName,
    workspace: Option<WorkspaceName>,
}

impl Held {
    fn of(role: &RoleName, scope: &Scope) -> Self {
        let workspace = match scope {
            Scope::Everywhere => None,
            Scope::Workspace(name) => Some(name.clone()),
        };
        Self { role: role.clone(), workspace }
    }

    fn scope(&self) -> Scope {
        self.workspace.clone().map_or(Scope::Everywhere, Scope::Workspace)
    }
}

impl std::fmt::Display for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.workspace {
            None => write!(f, "{}", self.role),
            Some(workspace) => write!(f, "{}@{workspace}", self.role),
        }
    }
}

/// What the store has now.
struct Now {
    directory: Directory,
    managed: Vec<Managed>,
}

/// Why a file was not applied.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// What is wrong with it, each with its line.
    #[error("nothing was changed:\n{}", lines(.0))]
    Problems(Vec<Problem>),
    /// It could not be done.
    #[error(transparent)]
    Manage(#[from] ManageError),
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

impl Administration {
    /// What a file would change. Nothing is changed.
    ///
    /// # Errors
    /// [`PolicyError`].
    pub async fn plan(&self, text: &str) -> Result<Plan, PolicyError> {
        self.look(&owners_alone())?;
        let now = self.now().await?;
        let policy = read::read(text, &now, self.workspaces()).map_err(PolicyError::Problems)?;
        Ok(plan::plan(&policy, &now))
    }

    /// Makes a plan so, as a whole, unless something else was changed since.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn apply(&self, plan: &Plan) -> Result<(), ManageError> {
        let store = self.permit("policy.apply", "", owners_alone()).await?;
        if plan.is_nothing() {
            return Ok(());
        }
        Ok(store.apply(&self.by, plan.seen, &plan.changes(), &plan.managed).await?)
    }

    /// Whether a plan could be made so now: the last owner, for one, shows only at its end. Nothing is changed.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn rehearse(&self, plan: &Plan) -> Result<(), ManageError> {
        let store = self.permit("policy.apply", "", owners_alone()).await?;
        Ok(store.rehearse(&self.by, plan.seen, &plan.changes(), &plan.managed).await?)
    }

    /// The policy as a file, without anything secret.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn export(&self) -> Result<String, ManageError> {
        self.look(&owners_alone())?;
        let external = self.store.list_external_principals().await?;
        Ok(export::write(&self.now().await?.directory, &external))
    }

    /// What is managed is read last: it moves with the directory's version, so that one which moved meanwhile is noticed.
    async fn now(&self) -> Result<Now, ManageError> {
        let directory = self.store.load_directory().await?;
        Ok(Now { directory, managed: self.store.list_managed().await? })
    }
}

/// A file may say anything, so that only those may bring one who may do everything.
fn owners_alone() -> Deed {
    // The name of a built-in role always reads.
    RoleName::parse(OWNER).map_or(Deed::Manage, |owner| Deed::Grant(owner, Scope::Everywhere))
}

impl From<StoreError> for PolicyError {
    fn from(error: StoreError) -> Self {
        Self::Manage(error.into())
    }
}
