//! What does a file manage? Many changes at once, all or none, and what the file listed.

use lictor_model::{PrincipalKind, PrincipalName, Role, RoleName, Scope, TeamName};

use crate::error::StoreError;
use crate::pool::Tx;
use crate::statement::sql;
use crate::{By, Store, account_roles, directory, owners, principals, roles};

/// One change among several.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the operation of its name")]
pub enum Change {
    AddRole(Role),
    ChangeRole(Role),
    AddPrincipal(PrincipalKind, PrincipalName),
    AddTeam(TeamName, String),
    DescribeTeam(TeamName, String),
    SetDisabled(PrincipalName, bool),
    SetAdmin(PrincipalName, bool),
    AddMember(TeamName, PrincipalName),
    AddGrant(PrincipalName, RoleName, Scope),
    AddTeamGrant(TeamName, RoleName, Scope),
    RemoveGrant(PrincipalName, RoleName, Scope),
    RemoveTeamGrant(TeamName, RoleName, Scope),
    RemoveMember(TeamName, PrincipalName),
    RemoveTeam(TeamName),
    RemovePrincipal(PrincipalName),
    SetMaxKeyAge(RoleName, Option<i64>),
    SetFactorRole(RoleName, bool),
    RemoveRole(RoleName),
}

/// What kind of thing a file lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ManagedKind {
    /// A user or a service account.
    Principal,
    /// A team.
    Team,
    /// A role.
    Role,
    /// The bound of a role on the age of keys.
    KeyAge,
    /// That a role demands a second factor.
    SecondFactor,
}

impl ManagedKind {
    const ALL: [Self; 5] = [Self::Principal, Self::Team, Self::Role, Self::KeyAge, Self::SecondFactor];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Principal => "principal",
            Self::Team => "team",
            Self::Role => "role",
            Self::KeyAge => "key-age",
            Self::SecondFactor => "second-factor",
        }
    }
}

/// Something that a file lists.
pub type Managed = (ManagedKind, String);

impl Store {
    /// What the file that was applied last listed.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn list_managed(&self) -> Result<Vec<Managed>, StoreError> {
        let mut tx = self.read().await?;
        let rows = sql("SELECT name, kind FROM managed ORDER BY kind, name").fetch(&mut tx, "managed").await?;
        tx.commit().await?;
        let kind = |text: &str| ManagedKind::ALL.into_iter().find(|kind| kind.as_str() == text);
        rows.iter().map(|row| Ok((row.read("kind", kind)?, row.text("name")?))).collect()
    }

    /// Makes all of the changes in their order, or none, and notes what the file lists. They were worked out on the
    /// directory of that version.
    ///
    /// # Errors
    /// [`StoreError::Moved`] when it is another by now; [`StoreError::LastOwner`], and what each change can run into.
    pub async fn apply(&self, by: &By, seen: i64, changes: &[Change], managed: &[Managed]) -> Result<(), StoreError> {
        self.make_all(by, seen, changes, managed).await?.commit().await
    }

    /// Whether [`Store::apply`] would do it now; nothing is changed.
    ///
    /// # Errors
    /// Those of [`Store::apply`].
    pub async fn rehearse(
        &self,
        by: &By,
        seen: i64,
        changes: &[Change],
        managed: &[Managed],
    ) -> Result<(), StoreError> {
        // Dropped without being committed, a transaction leaves no trace.
        self.make_all(by, seen, changes, managed).await.map(drop)
    }

    async fn make_all(&self, by: &By, seen: i64, changes: &[Change], managed: &[Managed]) -> Result<Tx, StoreError> {
        let mut tx = self.write().await?;
        tx.change_directory().await?;
        if directory::versions(&mut tx).await?.directory != seen.saturating_add(1) {
            return Err(StoreError::Moved);
        }
        let owners = owners::count(&mut tx).await?;
        for change in changes {
            self.make(&mut tx, by, change).await?;
        }
        // At the end: one owner may take the place of another.
        owners::keep(&mut tx, owners).await?;
        sql("DELETE FROM managed").execute(&mut tx).await?;
        for (kind, name) in managed {
            let statement = sql("INSERT INTO managed (kind, name) VALUES ($1, $2)");
            statement.bind(kind.as_str()).bind(name.as_str()).execute(&mut tx).await?;
        }
        Ok(tx)
    }

    async fn make(&self, tx: &mut Tx, by: &By, change: &Change) -> Result<(), StoreError> {
        match change {
            Change::AddRole(role) => {
                roles::insert(tx, role).await?;
                self.record(tx, by, "role.add", &roles::object(role)).await
            }
            Change::ChangeRole(role) => {
                roles::put(tx, role).await?;
                self.record(tx, by, "role.change", &roles::object(role)).await
            }
            Change::RemoveRole(name) => {
                roles::delete(tx, name).await?;
                self.record(tx, by, "role.remove", name.as_str()).await
            }
            Change::AddPrincipal(kind, name) => self.add_principal_in(tx, by, *kind, name).await.map(drop),
            Change::RemovePrincipal(name) => self.remove_principal_in(tx, by, name).await,
            Change::SetDisabled(name, disabled) => self.set_disabled_in(tx, by, name, *disabled).await.map(drop),
            Change::SetAdmin(name, admin) => {
                let id = principals::require(tx, name).await?.id;
                account_roles::put(tx, &id, *admin, self.clock.now()).await?;
                self.record(tx, by, "account-role.set", &account_roles::object(name, *admin)).await
            }
            Change::SetMaxKeyAge(role, seconds) => self.set_max_key_age_in(tx, by, role, *seconds).await,
            Change::SetFactorRole(role, demanded) => self.set_factor_role_in(tx, by, role, *demanded).await,
            Change::AddTeam(name, description) => {
                self.add_team_in(tx, by, name.clone(), description.clone()).await.map(drop)
            }
            Change::DescribeTeam(name, description) => self.describe_team_in(tx, by, name, description).await,
            Change::RemoveTeam(name) => self.remove_team_in(tx, by, name).await,
            Change::AddMember(team, name) => self.add_member_in(tx, by, team, name).await.map(drop),
            Change::RemoveMember(team, name) => self.remove_member_in(tx, by, team, name).await,
            Change::AddGrant(name, role, scope) => {
                self.add_grant_in(tx, by, name, (role.clone(), scope.clone())).await.map(drop)
            }
            Change::RemoveGrant(name, role, scope) => self.remove_grant_in(tx, by, name, (role, scope)).await,
            Change::AddTeamGrant(team, role, scope) => {
                self.add_team_grant_in(tx, by, team, (role.clone(), scope.clone())).await.map(drop)
            }
            Change::RemoveTeamGrant(team, role, scope) => self.remove_team_grant_in(tx, by, team, (role, scope)).await,
        }
    }
}
