//! Which teams are there, who is in them, and what may they?

use lictor_authz::Deed;
use lictor_model::{Assignments, Principal, PrincipalName, Source, Team, TeamGrant, TeamName, Timestamp};
use lictor_store::StoreError;

use crate::administration::Administration;
use crate::error::ManageError;
use crate::text;

/// Teams with who is in them, as of one moment.
#[derive(Debug)]
pub struct Roster {
    assignments: Assignments,
    principals: Vec<Principal>,
}

/// Somebody in a team, once however many sources say so.
#[derive(Debug)]
pub struct Member<'a> {
    /// Who.
    pub principal: &'a Principal,
    /// Since when.
    pub since: Timestamp,
    /// Who says so.
    pub sources: Vec<Source>,
}

impl Roster {
    /// All teams, by name.
    #[must_use]
    pub fn teams(&self) -> &[Team] {
        &self.assignments.teams
    }

    /// The team of that name.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn team(&self, name: &TeamName) -> Result<&Team, ManageError> {
        let found = self.assignments.teams.iter().find(|team| team.name == *name);
        Ok(found.ok_or_else(|| missing(name))?)
    }

    /// Who is in it, by name.
    #[must_use]
    pub fn members(&self, team: &Team) -> Vec<Member<'_>> {
        let mut members: Vec<Member<'_>> = Vec::new();
        for one in self.assignments.memberships.iter().filter(|one| one.team == team.id) {
            if let Some(member) = members.iter_mut().find(|member| member.principal.id == one.principal) {
                member.sources.push(one.source.clone());
            } else if let Some(principal) = self.principals.iter().find(|principal| principal.id == one.principal) {
                // The oldest comes first.
                members.push(Member { principal, since: one.created_at, sources: vec![one.source.clone()] });
            }
        }
        members.sort_by(|one, other| one.principal.name.cmp(&other.principal.name));
        members
    }

    /// What its members may through it.
    pub fn grants(&self, team: &Team) -> impl Iterator<Item = &TeamGrant> {
        self.assignments.team_grants.iter().filter(|grant| grant.team == team.id)
    }
}

impl Administration {
    /// All teams, with their members.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn roster(&self) -> Result<Roster, ManageError> {
        self.look(&Deed::See)?;
        let assignments = self.store.load_assignments().await?;
        Ok(Roster { assignments, principals: self.store.list_principals(None).await? })
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
