//! What would change, and in which order? First what others rest on is made, and last what nothing rests on is removed.

use std::collections::{BTreeMap, BTreeSet};

use lictor_authz::roles::find_built_in;
use lictor_model::{Principal, PrincipalId, PrincipalName, Role, RoleName, Source, Team, TeamId, TeamName};
use lictor_store::{Change, Managed, ManagedKind};

use super::{Held, Now, Policy};

/// What a file would change.
#[derive(Debug)]
pub struct Plan {
    steps: Vec<Step>,
    pub(super) managed: Vec<Managed>,
    pub(super) seen: i64,
    lists_the_same: bool,
}

/// One change of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What kind of change it is.
    pub verb: Verb,
    /// What is changed, in words.
    pub what: String,
    pub(super) change: Change,
}

/// Kinds of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Something that was not there.
    Add,
    /// Something that is otherwise.
    Change,
    /// Something that is not wanted any more.
    Remove,
}

impl Verb {
    /// The sign before a line of a plan.
    #[must_use]
    pub const fn sign(self) -> char {
        match self {
            Self::Add => '+',
            Self::Change => '~',
            Self::Remove => '-',
        }
    }

    /// The word in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Change => "change",
            Self::Remove => "remove",
        }
    }
}

impl Plan {
    /// Its changes, in the order in which they are made.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// How many there are of a kind.
    #[must_use]
    pub fn count(&self, verb: Verb) -> usize {
        self.steps.iter().filter(|step| step.verb == verb).count()
    }

    pub(super) fn changes(&self) -> Vec<Change> {
        self.steps.iter().map(|step| step.change.clone()).collect()
    }

    /// Whether all is as the file says, and the file lists what it listed before.
    pub(super) fn is_nothing(&self) -> bool {
        self.steps.is_empty() && self.lists_the_same
    }
}

/// Works the plan out.
pub(super) fn plan(policy: &Policy, now: &Now) -> Plan {
    let mut planner = Planner::new(policy, now);
    planner.make();
    planner.grant();
    planner.take();
    planner.remove();
    let managed = listed(policy);
    let before: BTreeSet<&Managed> = now.managed.iter().collect();
    let lists_the_same = managed.iter().collect::<BTreeSet<_>>() == before;
    Plan { steps: planner.steps, managed, seen: now.directory.version, lists_the_same }
}

/// What the file lists.
fn listed(policy: &Policy) -> Vec<Managed> {
    let people = policy.people.keys().map(|name| (ManagedKind::Principal, name.to_string()));
    let teams = policy.teams.keys().map(|name| (ManagedKind::Team, name.to_string()));
    let roles = policy.roles.keys().map(|name| (ManagedKind::Role, name.to_string()));
    let ages = policy.key_ages.keys().map(|name| (ManagedKind::KeyAge, name.to_string()));
    let demanding = policy.second_factors.iter().filter(|(_, demanded)| **demanded);
    let factors = demanding.map(|(name, _)| (ManagedKind::SecondFactor, name.to_string()));
    people.chain(teams).chain(roles).chain(ages).chain(factors).collect()
}

struct Planner<'p> {
    policy: &'p Policy,
    now: &'p Now,
    principals: BTreeMap<&'p PrincipalName, &'p Principal>,
    names: BTreeMap<&'p PrincipalId, &'p PrincipalName>,
    teams: BTreeMap<&'p TeamName, &'p Team>,
    steps: Vec<Step>,
}

impl<'p> Planner<'p> {
    fn new(policy: &'p Policy, now: &'p Now) -> Self {
        let (principals, teams) = (&now.directory.principals, &now.directory.assignments.teams);
        Self {
            policy,
            now,
            principals: principals.iter().map(|one| (&one.name, one)).collect(),
            names: principals.iter().map(|one| (&one.id, &one.name)).collect(),
            teams: teams.iter().map(|one| (&one.name, one)).collect(),
            steps: Vec::new(),
        }
    }

    fn step(&mut self, verb: Verb, what: String, change: Change) {
        self.steps.push(Step { verb, what, change });
    }

    /// Roles, people and teams.
    fn make(&mut self) {
        let policy = self.policy;
        for (name, text) in &policy.roles {
            let (name, description, base) = (name.clone(), text.description.clone(), text.base.clone());
            let role = Role { name, description, base, permissions: text.permissions, built_in: false };
            let there = self.now.directory.assignments.roles.iter().find(|there| there.name == role.name);
            let what = format!("role {}", described(&role));
            match there {
                None => self.step(Verb::Add, what, Change::AddRole(role)),
                Some(there) if *there != role => self.step(Verb::Change, what, Change::ChangeRole(role)),
                Some(_) => {}
            }
        }
        for (name, text) in &policy.people {
            if !self.principals.contains_key(name) {
                let what = format!("{} {name}", text.kind.as_str());
                self.step(Verb::Add, what, Change::AddPrincipal(text.kind, name.clone()));
            }
        }
        for (name, text) in &policy.teams {
            let wanted = text.description.clone();
            match (self.teams.get(name), wanted) {
                (None, wanted) => {
                    let change = Change::AddTeam(name.clone(), wanted.unwrap_or_default());
                    self.step(Verb::Add, format!("team {name}"), change);
                }
                (Some(there), Some(wanted)) if there.description != wanted => {
                    let what = format!("team {name} is described as {wanted:?}");
                    self.step(Verb::Change, what, Change::DescribeTeam(name.clone(), wanted));
                }
                (Some(_), _) => {}
            }
        }
    }

    /// What people are, where they are in, and what they have.
    fn grant(&mut self) {
        let policy = self.policy;
        for (name, text) in &policy.people {
            let there = self.principals.get(name).copied();
            if text.disabled == Some(false) && there.is_some_and(|there| there.disabled) {
                self.step(Verb::Change, format!("{name} is enabled"), Change::SetDisabled(name.clone(), false));
            }
            let is_admin = there.is_some_and(|there| self.now.directory.assignments.admins.contains(&there.id));
            if let Some(admin) = text.admin.filter(|admin| *admin != is_admin) {
                let what = format!("{name} is {} of the account", if admin { "admin" } else { "member" });
                self.step(Verb::Change, what, Change::SetAdmin(name.clone(), admin));
            }
        }
        for (name, text) in &policy.teams {
            let there = self.members_of(name);
            for member in text.members.iter().flatten().filter(|member| !there.contains(member)) {
                let change = Change::AddMember(name.clone(), member.clone());
                self.step(Verb::Add, format!("{member} in team {name}"), change);
            }
        }
        for (name, text) in &policy.people {
            let there = self.held_by(name);
            for held in text.roles.iter().flatten().filter(|held| !there.contains(held)) {
                let change = Change::AddGrant(name.clone(), held.role.clone(), held.scope());
                self.step(Verb::Add, format!("{name} is {held}"), change);
            }
        }
        for (name, text) in &policy.teams {
            let there = self.held_by_team(name);
            for held in text.roles.iter().flatten().filter(|held| !there.contains(held)) {
                let change = Change::AddTeamGrant(name.clone(), held.role.clone(), held.scope());
                self.step(Verb::Add, format!("team {name} is {held}"), change);
            }
        }
        self.demand();
    }

    /// What roles demand of those who have them.
    fn demand(&mut self) {
        let (policy, all) = (self.policy, &self.now.directory.assignments);
        for (role, seconds) in &policy.key_ages {
            let age = all.key_ages.iter().find(|age| age.role == *role);
            if age.is_none_or(|age| age.seconds != *seconds) {
                let what = format!("keys of role {role} end after {}", lictor_model::key_age::in_words(*seconds));
                self.step(Verb::Change, what, Change::SetMaxKeyAge(role.clone(), Some(*seconds)));
            }
        }
        for (role, demanded) in &policy.second_factors {
            if all.factor_roles.contains(role) != *demanded {
                let what = format!("role {role} demands {} second factor", if *demanded { "a" } else { "no" });
                self.step(Verb::Change, what, Change::SetFactorRole(role.clone(), *demanded));
            }
        }
    }

    /// What those whom the file lists have, and should not. Nobody is disabled before others have what they are given: one
    /// owner takes the place of another, and there is one all the while.
    fn take(&mut self) {
        let policy = self.policy;
        for (name, text) in &policy.people {
            let is_enabled = self.principals.get(name).is_none_or(|there| !there.disabled);
            if text.disabled == Some(true) && is_enabled {
                self.step(Verb::Change, format!("{name} is disabled"), Change::SetDisabled(name.clone(), true));
            }
        }
        for (name, text) in &policy.people {
            let Some(wanted) = &text.roles else { continue };
            for held in self.held_by(name).difference(wanted) {
                let change = Change::RemoveGrant(name.clone(), held.role.clone(), held.scope());
                self.step(Verb::Remove, format!("{name} is {held}"), change);
            }
        }
        for (name, text) in &policy.teams {
            if let Some(wanted) = &text.roles {
                for held in self.held_by_team(name).difference(wanted) {
                    let change = Change::RemoveTeamGrant(name.clone(), held.role.clone(), held.scope());
                    self.step(Verb::Remove, format!("team {name} is {held}"), change);
                }
            }
            if let Some(wanted) = &text.members {
                for member in self.members_of(name).difference(wanted) {
                    let change = Change::RemoveMember(name.clone(), member.clone());
                    self.step(Verb::Remove, format!("{member} in team {name}"), change);
                }
            }
        }
    }

    /// What the file listed when it was applied last, and lists no more.
    fn remove(&mut self) {
        let listed: BTreeSet<Managed> = listed(self.policy).into_iter().collect();
        let gone: Vec<&Managed> = self.now.managed.iter().filter(|managed| !listed.contains(managed)).collect();
        let of = |kind: ManagedKind| gone.iter().filter(move |(of, _)| *of == kind).map(|(_, name)| name.as_str());
        for name in of(ManagedKind::Team).filter_map(|name| TeamName::parse(name).ok()) {
            if self.teams.contains_key(&name) {
                self.step(Verb::Remove, format!("team {name}"), Change::RemoveTeam(name.clone()));
            }
        }
        for name in of(ManagedKind::Principal).filter_map(|name| PrincipalName::parse(name).ok()) {
            if let Some(there) = self.principals.get(&name) {
                let what = format!("{} {name}, with its keys", there.kind.as_str());
                self.step(Verb::Remove, what, Change::RemovePrincipal(name.clone()));
            }
        }
        for name in of(ManagedKind::KeyAge).filter_map(|name| RoleName::parse(name).ok()) {
            let is_there = self.now.directory.assignments.key_ages.iter().any(|age| age.role == name);
            let role_stays = find_built_in(&name).is_some() || self.policy.roles.contains_key(&name);
            if is_there && role_stays {
                let what = format!("the greatest age of keys of role {name}");
                self.step(Verb::Remove, what, Change::SetMaxKeyAge(name, None));
            }
        }
        for name in of(ManagedKind::SecondFactor).filter_map(|name| RoleName::parse(name).ok()) {
            // Unless the file says so itself by now.
            let is_there = self.now.directory.assignments.factor_roles.contains(&name);
            let is_said = self.policy.second_factors.contains_key(&name);
            let role_stays = find_built_in(&name).is_some() || self.policy.roles.contains_key(&name);
            if is_there && !is_said && role_stays {
                let what = format!("the demand of role {name} for a second factor");
                self.step(Verb::Remove, what, Change::SetFactorRole(name, false));
            }
        }
        for name in of(ManagedKind::Role).filter_map(|name| RoleName::parse(name).ok()) {
            if self.now.directory.assignments.roles.iter().any(|role| role.name == name) {
                self.step(Verb::Remove, format!("role {name}"), Change::RemoveRole(name));
            }
        }
    }

    /// What somebody has by hand; what a sign-in rule gave is no file's affair.
    fn held_by(&self, name: &PrincipalName) -> BTreeSet<Held> {
        let Some(there) = self.principals.get(name) else { return BTreeSet::new() };
        let grants = self.now.directory.assignments.grants.iter();
        let own = grants.filter(|grant| grant.principal == there.id && grant.source == Source::ByHand);
        own.map(|grant| Held::of(&grant.role, &grant.scope)).collect()
    }

    fn held_by_team(&self, name: &TeamName) -> BTreeSet<Held> {
        let Some(id) = self.id_of(name) else { return BTreeSet::new() };
        let grants = self.now.directory.assignments.team_grants.iter().filter(|grant| grant.team == *id);
        grants.map(|grant| Held::of(&grant.role, &grant.scope)).collect()
    }

    fn members_of(&self, name: &TeamName) -> BTreeSet<PrincipalName> {
        let Some(id) = self.id_of(name) else { return BTreeSet::new() };
        let all = self.now.directory.assignments.memberships.iter();
        let by_hand = all.filter(|one| one.team == *id && one.source == Source::ByHand);
        by_hand.filter_map(|one| self.names.get(&one.principal).map(|name| (*name).clone())).collect()
    }

    fn id_of(&self, name: &TeamName) -> Option<&'p TeamId> {
        self.teams.get(name).map(|team| &team.id)
    }
}

fn described(role: &Role) -> String {
    let base = role.base.iter().map(|base| format!("all of {base}"));
    let words: Vec<String> = base.chain(role.permissions.iter().map(|one| one.to_string())).collect();
    if words.is_empty() { format!("{}: nothing", role.name) } else { format!("{}: {}", role.name, words.join(", ")) }
}
