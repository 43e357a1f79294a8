//! What does each principal hold where, and why? Grants, roles and teams, worked out once per change, read on every request.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use lictor_model::{
    AccountRole, Assignments, GrantId, PermissionSet, PrincipalId, Role, RoleName, Scope, Source, Team, TeamId,
    TeamName, WorkspaceName,
};

use crate::roles;

/// What everybody holds: immutable, swapped whole when something changes.
#[derive(Debug, Clone, Default)]
pub struct AccessView {
    holders: HashMap<PrincipalId, Arc<Holder>>,
    admins: HashSet<PrincipalId>,
    owning_teams: HashSet<TeamName>,
}

/// A role that somebody holds somewhere, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// By which grant.
    pub grant: GrantId,
    /// Which role.
    pub role: RoleName,
    /// What the role allows, with what the role that it is based on allows.
    pub permissions: PermissionSet,
    /// Where.
    pub scope: Scope,
    /// Why.
    pub origin: Origin,
}

/// Where a holding comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The principal's own grant, and who says so.
    Own(Source),
    /// A grant of a team, and who says that the principal is in it.
    Team(TeamName, Vec<Source>),
}

/// One principal.
#[derive(Debug, Clone, Default)]
struct Holder {
    reach: Reach,
    own: Vec<Holding>,
    teams: Vec<(Arc<TeamHeld>, Vec<Source>)>,
}

/// One team, shared by its members.
#[derive(Debug)]
struct TeamHeld {
    team: Team,
    reach: Reach,
    grants: Vec<Holding>,
}

/// The union of several roles, by workspace.
#[derive(Debug, Clone, Default)]
struct Reach {
    everywhere: Option<PermissionSet>,
    within: HashMap<WorkspaceName, PermissionSet>,
}

impl AccessView {
    /// Works out the view. A grant whose role is neither built in nor among the custom ones gives nothing, not even
    /// membership; a custom role cannot take a built-in role's name.
    #[must_use]
    pub fn build(assignments: &Assignments) -> Self {
        let custom: HashMap<&RoleName, &Role> = assignments.roles.iter().map(|role| (&role.name, role)).collect();
        let role = |name: &RoleName| roles::find_built_in(name).or_else(|| custom.get(name).copied());
        let mut view = Self { admins: assignments.admins.iter().cloned().collect(), ..Self::default() };
        let mut holders: HashMap<PrincipalId, Holder> = HashMap::new();
        for grant in &assignments.grants {
            if let Some(role) = role(&grant.role) {
                let origin = Origin::Own(grant.source.clone());
                let holding = Holding::new(&grant.id, role, &grant.scope, origin);
                let holder = holders.entry(grant.principal.clone()).or_default();
                holder.reach.add(&holding.scope, holding.permissions);
                holder.own.push(holding);
            }
        }
        let mut teams = teams(assignments);
        for grant in &assignments.team_grants {
            if let (Some(role), Some(held)) = (role(&grant.role), teams.get_mut(&grant.team)) {
                let origin = Origin::Team(held.team.name.clone(), Vec::new());
                let holding = Holding::new(&grant.id, role, &grant.scope, origin);
                if holding.makes_owner() {
                    view.owning_teams.insert(held.team.name.clone());
                }
                held.reach.add(&holding.scope, holding.permissions);
                held.grants.push(holding);
            }
        }
        join(&mut holders, assignments, &teams.into_iter().map(|(id, held)| (id, Arc::new(held))).collect());
        view.holders = holders.into_iter().map(|(id, holder)| (id, Arc::new(holder))).collect();
        view
    }

    /// The view after the grants, teams or account roles of some principals changed: `of` says whose, `now` what they have,
    /// with all roles and teams, which are as they were.
    #[must_use]
    pub fn moved(&self, of: &[PrincipalId], now: &Assignments) -> Self {
        let mut view = self.clone();
        for one in of {
            view.holders.remove(one);
            view.admins.remove(one);
        }
        let moved = Self::build(now);
        view.holders.extend(moved.holders);
        view.admins.extend(moved.admins);
        view
    }

    /// What the principal may in the workspace: the union of its grants and its teams' there. `None`: there is none, so
    /// it is not a member.
    #[must_use]
    pub fn permissions(&self, principal: &PrincipalId, workspace: &WorkspaceName) -> Option<PermissionSet> {
        self.holders.get(principal)?.reach.within(workspace)
    }

    /// What gives the principal what it may in the workspace.
    #[must_use]
    pub fn explain(&self, principal: &PrincipalId, workspace: &WorkspaceName) -> Vec<Holding> {
        let mut holdings = self.holdings(principal);
        holdings.retain(|holding| holding.scope.covers(workspace));
        holdings
    }

    /// All that the principal holds anywhere: its own first, then by team.
    #[must_use]
    pub fn holdings(&self, principal: &PrincipalId) -> Vec<Holding> {
        let Some(holder) = self.holders.get(principal) else { return Vec::new() };
        let through = holder.teams.iter().flat_map(|(held, sources)| {
            let origin = Origin::Team(held.team.name.clone(), sources.clone());
            held.grants.iter().map(move |holding| Holding { origin: origin.clone(), ..holding.clone() })
        });
        holder.own.iter().cloned().chain(through).collect()
    }

    /// What the principal is in the account.
    #[must_use]
    pub fn account_role(&self, principal: &PrincipalId) -> AccountRole {
        if self.holdings(principal).iter().any(Holding::makes_owner) {
            AccountRole::Owner
        } else if self.admins.contains(principal) {
            AccountRole::Admin
        } else {
            AccountRole::Member
        }
    }

    /// The workspaces of which the principal is an owner, and of no other.
    #[must_use]
    pub fn owned_workspaces(&self, principal: &PrincipalId) -> Vec<WorkspaceName> {
        let owned = self.holdings(principal).into_iter().filter_map(|holding| match holding.scope {
            Scope::Workspace(name) if holding.role.as_str() == OWNER => Some(name),
            _ => None,
        });
        owned.collect()
    }

    /// Whether whoever is in the team is an owner of the account.
    #[must_use]
    pub fn makes_owners(&self, team: &TeamName) -> bool {
        self.owning_teams.contains(team)
    }

    /// The teams that the principal is in, and who says so.
    pub fn teams(&self, principal: &PrincipalId) -> impl Iterator<Item = (&Team, &[Source])> {
        let teams = self.holders.get(principal).map(|holder| holder.teams.as_slice()).unwrap_or_default();
        teams.iter().map(|(held, sources)| (&held.team, sources.as_slice()))
    }
}

/// Puts the members into their teams: once each, however many sources say so.
fn join(holders: &mut HashMap<PrincipalId, Holder>, assignments: &Assignments, teams: &HashMap<TeamId, Arc<TeamHeld>>) {
    for membership in &assignments.memberships {
        let Some(held) = teams.get(&membership.team) else { continue };
        let holder = holders.entry(membership.principal.clone()).or_default();
        match holder.teams.iter_mut().find(|(joined, _)| joined.team.id == membership.team) {
            Some((_, sources)) => sources.push(membership.source.clone()),
            None => {
                holder.reach.join(&held.reach);
                holder.teams.push((Arc::clone(held), vec![membership.source.clone()]));
            }
        }
    }
    for holder in holders.values_mut() {
        holder.teams.sort_by(|(one, _), (other, _)| one.team.name.cmp(&other.team.name));
    }
}

fn teams(assignments: &Assignments) -> HashMap<TeamId, TeamHeld> {
    let held = |team: &Team| TeamHeld { team: team.clone(), reach: Reach::default(), grants: Vec::new() };
    assignments.teams.iter().map(|team| (team.id.clone(), held(team))).collect()
}

/// The built-in role that, held everywhere, makes an owner of the account.
pub const OWNER: &str = "owner";

impl Holding {
    /// Whether whoever holds it is an owner of the account.
    fn makes_owner(&self) -> bool {
        self.role.as_str() == OWNER && self.scope == Scope::Everywhere
    }

    fn new(grant: &GrantId, role: &Role, scope: &Scope, origin: Origin) -> Self {
        let (grant, scope, permissions) = (grant.clone(), scope.clone(), roles::permissions_of(role));
        Self { grant, role: role.name.clone(), permissions, scope, origin }
    }
}

impl std::fmt::Display for Origin {
    /// `own`, `sso:okta`, `team data`, or `team data (sso:okta)`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Own(Source::ByHand) => f.write_str("own"),
            Self::Own(source) => write!(f, "{source}"),
            Self::Team(name, sources) if sources.contains(&Source::ByHand) => write!(f, "team {name}"),
            Self::Team(name, sources) => {
                let sources: Vec<String> = sources.iter().map(ToString::to_string).collect();
                write!(f, "team {name} ({})", sources.join(", "))
            }
        }
    }
}

impl Reach {
    fn add(&mut self, scope: &Scope, permissions: PermissionSet) {
        match scope {
            Scope::Everywhere => {
                self.everywhere = Some(self.everywhere.map_or(permissions, |held| held.union(permissions)));
            }
            Scope::Workspace(name) => {
                let held = self.within.entry(name.clone()).or_default();
                *held = held.union(permissions);
            }
        }
    }

    fn join(&mut self, other: &Self) {
        if let Some(permissions) = other.everywhere {
            self.add(&Scope::Everywhere, permissions);
        }
        for (name, permissions) in &other.within {
            self.add(&Scope::Workspace(name.clone()), *permissions);
        }
    }

    fn within(&self, workspace: &WorkspaceName) -> Option<PermissionSet> {
        match (self.everywhere, self.within.get(workspace)) {
            (Some(everywhere), Some(within)) => Some(everywhere.union(*within)),
            (everywhere, within) => everywhere.or(within.copied()),
        }
    }
}
