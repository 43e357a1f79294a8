//! What does a decision need? Everything but sessions, read in one state of the database; and how far it has moved.

use lictor_model::{Assignments, KeyAges, Principal, PrincipalId};

use crate::error::StoreError;
use crate::pool::Tx;
use crate::rows::{Directory, Versions};
use crate::statement::sql;
use crate::{
    Store, account_roles, factor_roles, factors, grants, key_ages, keys, memberships, passwords, principals, roles,
    teams,
};

impl Store {
    /// How far the directory, the sessions and the bans have moved: cheap enough to ask four times a second.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn versions(&self) -> Result<Versions, StoreError> {
        let mut tx = self.read().await?;
        let versions = versions(&mut tx).await?;
        tx.commit().await?;
        Ok(versions)
    }

    /// Everything but sessions, as of one version.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away, [`StoreError::Corrupt`] when a row does not read.
    pub async fn load_directory(&self) -> Result<Directory, StoreError> {
        let mut tx = self.read().await?;
        let directory = whole(&mut tx).await?;
        tx.commit().await?;
        Ok(directory)
    }

    /// Some principals, as far as they are there, and their grants and memberships beside all roles and teams.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away, [`StoreError::Corrupt`] when a row does not read.
    pub async fn load_assignments_of(&self, of: &[PrincipalId]) -> Result<(Vec<Principal>, Assignments), StoreError> {
        let mut tx = self.read().await?;
        let found = (principals::of_all(&mut tx, of).await?, assignments_of(&mut tx, of).await?);
        tx.commit().await?;
        Ok(found)
    }

    /// Roles, grants and teams, as of one state of the database.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away, [`StoreError::Corrupt`] when a row does not read.
    pub async fn load_assignments(&self) -> Result<Assignments, StoreError> {
        let mut tx = self.read().await?;
        let assignments = assignments(&mut tx).await?;
        tx.commit().await?;
        Ok(assignments)
    }
}

pub(crate) async fn whole(tx: &mut Tx) -> Result<Directory, StoreError> {
    let assignments = assignments(tx).await?;
    Ok(Directory {
        version: versions(tx).await?.directory,
        principals: principals::all(tx).await?,
        passwords: passwords::all(tx).await?,
        factor_owners: factors::owners(tx).await?,
        keys: keys::all(tx, &KeyAges::work_out(&assignments)).await?,
        assignments,
        part: None,
    })
}

/// The bounds on the age of a principal's keys.
pub(crate) async fn key_ages_of(tx: &mut Tx, of: &PrincipalId) -> Result<KeyAges, StoreError> {
    Ok(KeyAges::work_out(&assignments_of(tx, std::slice::from_ref(of)).await?))
}

/// The same of some principals alone, with all roles and teams.
pub(crate) async fn assignments_of(tx: &mut Tx, of: &[PrincipalId]) -> Result<Assignments, StoreError> {
    Ok(Assignments {
        roles: roles::all(tx).await?,
        grants: grants::of_all(tx, of).await?,
        teams: teams::all(tx).await?,
        memberships: memberships::of_all(tx, of).await?,
        team_grants: teams::all_grants(tx).await?,
        key_ages: key_ages::all(tx).await?,
        admins: account_roles::admins_among(tx, of).await?,
        factor_roles: factor_roles::all(tx).await?,
    })
}

pub(crate) async fn assignments(tx: &mut Tx) -> Result<Assignments, StoreError> {
    Ok(Assignments {
        roles: roles::all(tx).await?,
        grants: grants::all(tx).await?,
        teams: teams::all(tx).await?,
        memberships: memberships::all(tx).await?,
        team_grants: teams::all_grants(tx).await?,
        key_ages: key_ages::all(tx).await?,
        admins: account_roles::admins(tx).await?,
        factor_roles: factor_roles::all(tx).await?,
    })
}

/// The versions as this transaction sees them.
pub(crate) async fn versions(tx: &mut Tx) -> Result<Versions, StoreError> {
    let mut versions = Versions::default();
    for row in sql("SELECT name, version FROM changes").fetch(tx, "changes").await? {
        match row.text("name")?.as_str() {
            "directory" => versions.directory = row.integer("version")?,
            "sessions" => versions.sessions = row.integer("version")?,
            "bans" => versions.bans = row.integer("version")?,
            _ => return Err(row.corrupt("name")),
        }
    }
    Ok(versions)
}
