//! From what is access worked out? Roles, grants and teams, as one thing.

use std::collections::HashMap;

use crate::grant::Grant;
use crate::id::PrincipalId;
use crate::key_age::MaxKeyAge;
use crate::role::{Role, RoleName};
use crate::team::{Membership, Team, TeamGrant};

/// Everything that says who may what, as of one state of the store.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Assignments {
    /// Custom roles.
    pub roles: Vec<Role>,
    /// Grants of principals.
    pub grants: Vec<Grant>,
    /// Teams.
    pub teams: Vec<Team>,
    /// Who is in which team.
    pub memberships: Vec<Membership>,
    /// Grants of teams.
    pub team_grants: Vec<TeamGrant>,
    /// How old the keys of those who have a role may grow.
    pub key_ages: Vec<MaxKeyAge>,
    /// Whoever has one of these roles must have a second factor.
    pub factor_roles: Vec<RoleName>,
}

impl Assignments {
    /// Each principal with each role that it has anywhere, of its own or through a team.
    #[must_use]
    pub fn holders(&self) -> Vec<(&PrincipalId, &RoleName)> {
        let mut of_teams: HashMap<_, Vec<&RoleName>> = HashMap::new();
        for grant in &self.team_grants {
            of_teams.entry(&grant.team).or_default().push(&grant.role);
        }
        let own = self.grants.iter().map(|grant| (&grant.principal, &grant.role));
        let through = self.memberships.iter().flat_map(|membership| {
            let roles = of_teams.get(&membership.team).into_iter().flatten();
            roles.map(|role| (&membership.principal, *role))
        });
        own.chain(through).collect()
    }
}
