//! From what is access worked out? Roles, grants and teams, as one thing.

use crate::grant::Grant;
use crate::id::PrincipalId;
use crate::key_age::MaxKeyAge;
use crate::role::Role;
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
    /// Who is an admin of the account.
    pub admins: Vec<PrincipalId>,
}
