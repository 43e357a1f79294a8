//! Which teams are there, and which roles do they have?

use lictor_model::{GrantId, RoleName, Scope, Team, TeamGrant, TeamId, TeamName};

use crate::error::{StoreError, is_taken};
use crate::grants::{columns, object, scope};
use crate::pool::Tx;
use crate::statement::{Row, sql};
use crate::{By, Store, owners, roles};

impl Store {
    /// Adds a team, with nobody in it.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`].
    pub async fn add_team(&self, by: &By, name: TeamName, description: impl Into<String>) -> Result<Team, StoreError> {
        let mut tx = self.write().await?;
        tx.change_directory().await?;
        let team = self.add_team_in(&mut tx, by, name, description.into()).await?;
        tx.commit().await?;
        Ok(team)
    }

    pub(crate) async fn add_team_in(
        &self,
        tx: &mut Tx,
        by: &By,
        name: TeamName,
        description: String,
    ) -> Result<Team, StoreError> {
        let team = Team { id: TeamId::fresh(), name, description, created_at: self.clock.now() };
        let added = sql("INSERT INTO teams (id, name, description, created_at) VALUES ($1, $2, $3, $4)")
            .bind(team.id.as_str())
            .bind(team.name.as_str())
            .bind(team.description.as_str())
            .bind(team.created_at)
            .execute(tx)
            .await;
        match added {
            Err(error) if is_taken(&error) => {
                return Err(StoreError::NameTaken { what: "team", name: team.name.to_string() });
            }
            other => other?,
        };
        self.record(tx, by, "team.add", team.name.as_str()).await?;
        Ok(team)
    }

    /// Says anew what a team is for.
    pub(crate) async fn describe_team_in(
        &self,
        tx: &mut Tx,
        by: &By,
        name: &TeamName,
        description: &str,
    ) -> Result<(), StoreError> {
        let team = require(tx, name).await?;
        let statement = sql("UPDATE teams SET description = $1 WHERE id = $2");
        statement.bind(description).bind(team.id.as_str()).execute(tx).await?;
        self.record(tx, by, "team.describe", name.as_str()).await
    }

    /// Removes a team with its grants; its members stay, without what it gave them.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::LastOwner`].
    pub async fn remove_team(&self, by: &By, name: &TeamName) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        tx.change_directory().await?;
        let owners = owners::count(&mut tx).await?;
        self.remove_team_in(&mut tx, by, name).await?;
        owners::keep(&mut tx, owners).await?;
        tx.commit().await
    }

    /// [`Store::remove_team`], without a look at the owners.
    pub(crate) async fn remove_team_in(&self, tx: &mut Tx, by: &By, name: &TeamName) -> Result<(), StoreError> {
        let team = require(tx, name).await?;
        sql("DELETE FROM teams WHERE id = $1").bind(team.id.as_str()).execute(tx).await?;
        self.record(tx, by, "team.remove", name.as_str()).await
    }

    /// Gives all members of a team a role. Giving what it has changes nothing.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::UnknownRole`].
    pub async fn add_team_grant(
        &self,
        by: &By,
        name: &TeamName,
        role: RoleName,
        scope: Scope,
    ) -> Result<TeamGrant, StoreError> {
        let mut tx = self.write().await?;
        tx.change_directory().await?;
        let (grant, is_new) = self.add_team_grant_in(&mut tx, by, name, (role, scope)).await?;
        if is_new {
            tx.commit().await?;
        }
        Ok(grant)
    }

    /// [`Store::add_team_grant`]; answers whether it is new.
    pub(crate) async fn add_team_grant_in(
        &self,
        tx: &mut Tx,
        by: &By,
        name: &TeamName,
        (role, scope): (RoleName, Scope),
    ) -> Result<(TeamGrant, bool), StoreError> {
        let team = require(tx, name).await?;
        roles::require(tx, &role).await?;
        if let Some(grant) = find_grant(tx, &team.id, &role, &scope).await? {
            return Ok((grant, false));
        }
        let grant = TeamGrant { id: GrantId::fresh(), team: team.id, role, scope, created_at: self.clock.now() };
        insert_grant(tx, &grant).await?;
        let object = object(format!("team {name}"), &grant.role, &grant.scope);
        self.record(tx, by, "grant.add", &object).await?;
        Ok((grant, true))
    }

    /// Takes a role away from a team.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::LastOwner`].
    pub async fn remove_team_grant(
        &self,
        by: &By,
        name: &TeamName,
        role: &RoleName,
        scope: &Scope,
    ) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        tx.change_directory().await?;
        let owners = owners::count(&mut tx).await?;
        self.remove_team_grant_in(&mut tx, by, name, (role, scope)).await?;
        owners::keep(&mut tx, owners).await?;
        tx.commit().await
    }

    /// [`Store::remove_team_grant`], without a look at the owners.
    pub(crate) async fn remove_team_grant_in(
        &self,
        tx: &mut Tx,
        by: &By,
        name: &TeamName,
        (role, scope): (&RoleName, &Scope),
    ) -> Result<(), StoreError> {
        let team = require(tx, name).await?;
        let object = object(format!("team {name}"), role, scope);
        let Some(grant) = find_grant(tx, &team.id, role, scope).await? else {
            return Err(StoreError::NotFound { what: "grant", name: object });
        };
        sql("DELETE FROM team_grants WHERE id = $1").bind(grant.id.as_str()).execute(tx).await?;
        self.record(tx, by, "grant.remove", &object).await
    }

    /// The team of that name.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn find_team(&self, name: &TeamName) -> Result<Option<Team>, StoreError> {
        let mut tx = self.read().await?;
        let found = find(&mut tx, name).await?;
        tx.commit().await?;
        Ok(found)
    }
}

/// The team of that name, which must be there.
pub(crate) async fn require(tx: &mut Tx, name: &TeamName) -> Result<Team, StoreError> {
    find(tx, name).await?.ok_or_else(|| StoreError::NotFound { what: "team", name: name.to_string() })
}

/// The team of that name.
pub(crate) async fn find(tx: &mut Tx, name: &TeamName) -> Result<Option<Team>, StoreError> {
    let statement = sql("SELECT id, name, description, created_at FROM teams WHERE name = $1").bind(name.as_str());
    statement.fetch_first(tx, "teams").await?.map(|row| team(&row)).transpose()
}

/// All teams, by name.
pub(crate) async fn all(tx: &mut Tx) -> Result<Vec<Team>, StoreError> {
    let statement = sql("SELECT id, name, description, created_at FROM teams ORDER BY name");
    statement.fetch(tx, "teams").await?.iter().map(team).collect()
}

pub(crate) fn team(row: &Row) -> Result<Team, StoreError> {
    Ok(Team {
        id: row.text("id")?.into(),
        name: row.read("name", |name| TeamName::parse(name).ok())?,
        description: row.text("description")?,
        created_at: row.moment("created_at")?,
    })
}

async fn insert_grant(tx: &mut Tx, grant: &TeamGrant) -> Result<(), StoreError> {
    let (scope, workspace) = columns(&grant.scope);
    sql("INSERT INTO team_grants (id, team, role, scope, workspace, created_at) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(grant.id.as_str())
        .bind(grant.team.as_str())
        .bind(grant.role.as_str())
        .bind(scope)
        .bind(workspace)
        .bind(grant.created_at)
        .execute(tx)
        .await?;
    Ok(())
}

async fn find_grant(
    tx: &mut Tx,
    team: &TeamId,
    role: &RoleName,
    scope: &Scope,
) -> Result<Option<TeamGrant>, StoreError> {
    let (scope, workspace) = columns(scope);
    let row = sql("SELECT id, team, role, scope, workspace, created_at FROM team_grants \
                   WHERE team = $1 AND role = $2 AND scope = $3 AND workspace = $4")
    .bind(team.as_str())
    .bind(role.as_str())
    .bind(scope)
    .bind(workspace)
    .fetch_first(tx, "team_grants")
    .await?;
    row.map(|row| team_grant(&row)).transpose()
}

/// All grants of teams, oldest first.
pub(crate) async fn all_grants(tx: &mut Tx) -> Result<Vec<TeamGrant>, StoreError> {
    let statement = sql("SELECT id, team, role, scope, workspace, created_at FROM team_grants ORDER BY created_at, id");
    statement.fetch(tx, "team_grants").await?.iter().map(team_grant).collect()
}

fn team_grant(row: &Row) -> Result<TeamGrant, StoreError> {
    Ok(TeamGrant {
        id: row.text("id")?.into(),
        team: row.text("team")?.into(),
        role: row.read("role", |name| RoleName::parse(name).ok())?,
        scope: scope(row)?,
        created_at: row.moment("created_at")?,
    })
}
