//! Who has which role, and where?

use lictor_authz::Deed;
use lictor_model::{
    Grant, GrantId, PrincipalName, RoleName, Scope, Source, TeamGrant, TeamName, Timestamp, WorkspaceName,
};
use lictor_store::{Bounds, GrantFilter, Granted, StoreError};

use crate::administration::Administration;
use crate::error::ManageError;

/// Whose grant it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// A user's or a service account's.
    Principal(PrincipalName),
    /// A team's: it holds for all of its members.
    Team(TeamName),
}

/// A grant, of a principal or of a team.
#[derive(Debug, Clone)]
pub struct GrantLine {
    /// How it is removed.
    pub id: GrantId,
    /// Whose.
    pub holder: Holder,
    /// Which role.
    pub role: RoleName,
    /// Where.
    pub scope: Scope,
    /// Who says so.
    pub source: Source,
    /// Since when.
    pub since: Timestamp,
}

impl Administration {
    /// All grants that may be seen, the oldest first: of an owner of workspaces, what holds in them alone.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn list_grants(&self) -> Result<Vec<GrantLine>, ManageError> {
        let filter = GrantFilter { bounds: Bounds::first(u32::MAX), ..GrantFilter::default() };
        Ok(self.page_of_grants(filter).await?.rows)
    }

    /// Gives a role; giving what is there already changes nothing.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn add_grant(&self, holder: &Holder, role: RoleName, scope: Scope) -> Result<GrantLine, ManageError> {
        let deed = Deed::Grant(role.clone(), scope.clone());
        let object = object(holder, &role, &scope);
        let store = self.permit("grant.add", &object, deed).await?;
        self.check_scope(&scope)?;
        self.check_burden_of_grant(("grant.add", &object), holder, (&role, &scope)).await?;
        Ok(match holder {
            Holder::Principal(name) => {
                GrantLine::of_principal(store.add_grant(&self.by, name, role, scope).await?, name.clone())
            }
            Holder::Team(name) => {
                GrantLine::of_team(store.add_team_grant(&self.by, name, role, scope).await?, name.clone())
            }
        })
    }

    /// Takes a role away that was given by hand.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn remove_grant(&self, holder: &Holder, role: &RoleName, scope: &Scope) -> Result<(), ManageError> {
        let deed = Deed::Grant(role.clone(), scope.clone());
        let store = self.permit("grant.remove", &object(holder, role, scope), deed).await?;
        match holder {
            Holder::Principal(name) => store.remove_grant(&self.by, name, role, scope).await?,
            Holder::Team(name) => store.remove_team_grant(&self.by, name, role, scope).await?,
        }
        Ok(())
    }

    /// Takes away the role that the grant of that id gives.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn remove_grant_by_id(&self, id: &GrantId) -> Result<(), ManageError> {
        if self.look(&Deed::See).is_err() {
            self.admit("grant.remove", id.as_str()).await?;
        }
        let line = self.grant(id).await?;
        self.remove_grant(&line.holder, &line.role, &line.scope).await
    }

    /// The grant of that id.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn grant(&self, id: &GrantId) -> Result<GrantLine, ManageError> {
        let filter = GrantFilter { id: Some(id.clone()), bounds: Bounds::first(1), ..GrantFilter::default() };
        let found = self.page_of_grants(filter).await?.rows.pop();
        Ok(found.ok_or_else(|| StoreError::NotFound { what: "grant", name: id.to_string() })?)
    }

    /// The workspaces whose grants may be seen; `None` is all grants.
    pub(crate) fn seen_workspaces(&self) -> Option<Vec<WorkspaceName>> {
        if self.look(&Deed::Oversee).is_ok() {
            return None;
        }
        let owned = self.caller().map(|caller| self.access().owned_workspaces(caller));
        Some(owned.unwrap_or_default())
    }
}

fn object(holder: &Holder, role: &RoleName, scope: &Scope) -> String {
    match scope {
        Scope::Everywhere => format!("{holder} is {role} everywhere"),
        Scope::Workspace(name) => format!("{holder} is {role} in {name}"),
    }
}

impl TryFrom<Granted> for GrantLine {
    type Error = StoreError;

    fn try_from(granted: Granted) -> Result<Self, StoreError> {
        let Granted { id, holder, is_team, role, scope, source, created_at: since } = granted;
        let named = if is_team {
            TeamName::parse(&holder).ok().map(Holder::Team)
        } else {
            PrincipalName::parse(&holder).ok().map(Holder::Principal)
        };
        let corrupt = || StoreError::Corrupt { table: "grants", id: id.to_string(), column: "holder" };
        Ok(Self { holder: named.ok_or_else(corrupt)?, id, role, scope, source, since })
    }
}

impl GrantLine {
    fn of_principal(grant: Grant, name: PrincipalName) -> Self {
        let Grant { id, role, scope, source, created_at: since, .. } = grant;
        Self { id, holder: Holder::Principal(name), role, scope, source, since }
    }

    fn of_team(grant: TeamGrant, name: TeamName) -> Self {
        let TeamGrant { id, role, scope, created_at: since, .. } = grant;
        Self { id, holder: Holder::Team(name), role, scope, source: Source::ByHand, since }
    }
}

impl Holder {
    /// The name of the user or service account, if it is one.
    #[must_use]
    pub fn principal(&self) -> Option<&str> {
        match self {
            Self::Principal(name) => Some(name.as_str()),
            Self::Team(_) => None,
        }
    }

    /// The name of the team, if it is one.
    #[must_use]
    pub fn team(&self) -> Option<&str> {
        match self {
            Self::Principal(_) => None,
            Self::Team(name) => Some(name.as_str()),
        }
    }
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Principal(name) => write!(f, "{name}"),
            Self::Team(name) => write!(f, "team {name}"),
        }
    }
}
