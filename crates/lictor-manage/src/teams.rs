//! Which teams are there, who is in them, and what may they?

use lictor_authz::Deed;
use lictor_model::{PrincipalName, Team, TeamName};
use lictor_store::{Bounds, Roster, StoreError};

use crate::administration::Administration;
use crate::error::ManageError;
use crate::text;

impl Administration {
    /// All teams, by name, with their members.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn rosters(&self) -> Result<Vec<Roster>, ManageError> {
        Ok(self.page_of_rosters(&Bounds::first(u32::MAX)).await?.rows)
    }

    /// One team with its members.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn roster(&self, name: &TeamName) -> Result<Roster, ManageError> {
        self.look(&Deed::See)?;
        Ok(self.store.roster(name).await?)
    }

    /// One team.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn team(&self, name: &TeamName) -> Result<Team, ManageError> {
        self.look(&Deed::See)?;
        Ok(self.store.find_team(name).await?.ok_or_else(|| missing(name))?)
    }

    /// Makes a team, with nobody in it.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn add_team(&self, name: TeamName, description: &str) -> Result<Team, ManageError> {
        let store = self.permit("team.add", name.as_str(), Deed::Manage).await?;
        text::check("description", description, text::DESCRIPTION)?;
        Ok(store.add_team(&self.by, name, description).await?)
    }

    /// Removes a team; its members stay, without what it gave them.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn remove_team(&self, name: &TeamName) -> Result<Team, ManageError> {
        let store = self.permit("team.remove", name.as_str(), Deed::Team(name.clone())).await?;
        let team = self.store.find_team(name).await?.ok_or_else(|| missing(name))?;
        store.remove_team(&self.by, name).await?;
        Ok(team)
    }

    /// Puts principals into a team: all of them, or none. Answers who was not in it by hand before.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn add_members(
        &self,
        team: &TeamName,
        names: &[PrincipalName],
    ) -> Result<Vec<PrincipalName>, ManageError> {
        let object = object(team, names);
        let store = self.permit("team.add-member", &object, Deed::Team(team.clone())).await?;
        self.check_burden_of_members(("team.add-member", &object), team, names).await?;
        Ok(store.add_members(&self.by, team, names).await?)
    }

    /// Takes principals out of a team in which they are by hand: all of them, or none.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn remove_members(&self, team: &TeamName, names: &[PrincipalName]) -> Result<(), ManageError> {
        let store = self.permit("team.remove-member", &object(team, names), Deed::Team(team.clone())).await?;
        Ok(store.remove_members(&self.by, team, names).await?)
    }
}

fn object(team: &TeamName, names: &[PrincipalName]) -> String {
    let names: Vec<&str> = names.iter().map(PrincipalName::as_str).collect();
    format!("{} in {team}", names.join(", "))
}

fn missing(name: &TeamName) -> StoreError {
    StoreError::NotFound { what: "team", name: name.to_string() }
}
