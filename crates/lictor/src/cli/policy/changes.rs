//! What is to change about the policy? A file of roles and grants, on top of those that there are.

use std::collections::BTreeSet;
use std::path::Path;

use lictor_authz::roles::find_built_in;
use lictor_model::{
    Assignments, Grant, GrantId, Membership, Permission, PermissionSet, Principal, PrincipalName, Role, RoleName,
    Scope, Source, Team, TeamGrant, TeamName, Timestamp, WorkspaceName,
};
use serde::Deserialize;

use super::PolicyError;

/// Whom and where a file may name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known<'a> {
    /// Users and service accounts.
    pub(crate) principals: &'a [Principal],
    /// Workspaces.
    pub(crate) workspaces: &'a [WorkspaceName],
}

/// A file of changes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Changes {
    #[serde(default)]
    role: Vec<ChangedRole>,
    #[serde(default)]
    grant: Vec<ChangedGrant>,
    #[serde(default)]
    member: Vec<ChangedMember>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangedRole {
    name: RoleName,
    permissions: Option<Vec<String>>,
    based_on: Option<RoleName>,
    #[serde(default)]
    remove: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangedGrant {
    principal: Option<PrincipalName>,
    team: Option<TeamName>,
    role: RoleName,
    workspace: Option<WorkspaceName>,
    #[serde(default)]
    remove: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangedMember {
    principal: PrincipalName,
    team: TeamName,
    #[serde(default)]
    remove: bool,
}

/// A change that cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{table} {number}, key {key}: {what}")]
pub(crate) struct ChangeError {
    /// `role`, `grant` or `member`.
    table: &'static str,
    /// Counted from 1.
    number: usize,
    /// Under which key.
    key: &'static str,
    /// What to write instead.
    what: String,
}

impl Changes {
    /// Reads a file.
    pub(crate) fn read(path: &Path) -> Result<Self, PolicyError> {
        super::read_toml(path)
    }

    /// What there would be.
    pub(crate) fn apply(&self, now: &Assignments, known: Known<'_>) -> Result<Assignments, ChangeError> {
        let mut then = now.clone();
        let mut seen = BTreeSet::new();
        for (at, role) in self.role.iter().enumerate() {
            let wrong = |(key, what)| ChangeError { table: "role", number: at + 1, key, what };
            if !seen.insert(&role.name) {
                return Err(wrong(("name", format!("{} stands twice in this file", role.name))));
            }
            role.apply(&mut then).map_err(wrong)?;
        }
        for (at, grant) in self.grant.iter().enumerate() {
            let wrong = |(key, what)| ChangeError { table: "grant", number: at + 1, key, what };
            grant.apply(&mut then, known).map_err(wrong)?;
        }
        for (at, member) in self.member.iter().enumerate() {
            let wrong = |(key, what)| ChangeError { table: "member", number: at + 1, key, what };
            member.apply(&mut then, known).map_err(wrong)?;
        }
        Ok(then)
    }
}

type Wrong = (&'static str, String);

impl ChangedRole {
    fn apply(&self, then: &mut Assignments) -> Result<(), Wrong> {
        let name = &self.name;
        if find_built_in(name).is_some() {
            let what = format!(
                "{name} comes with Lictor and stays as it is; write a role of another name, and grant that instead"
            );
            return Err(("name", what));
        }
        let there = then.roles.iter().position(|role| role.name == *name);
        if self.remove {
            if self.permissions.is_some() || self.based_on.is_some() {
                return Err(("remove", "a role that is removed has no permissions and is based on nothing".to_owned()));
            }
            let there = there.ok_or_else(|| ("name", format!("there is no role {name} to remove")))?;
            then.roles.remove(there);
            return Ok(());
        }
        let role = Role {
            name: name.clone(),
            description: String::new(),
            base: self.base()?,
            permissions: self.permissions()?,
            built_in: false,
        };
        then.roles.retain(|other| other.name != *name);
        then.roles.push(role);
        Ok(())
    }

    fn base(&self) -> Result<Option<RoleName>, Wrong> {
        let unknown = self.based_on.as_ref().filter(|base| find_built_in(base).is_none());
        match unknown {
            Some(base) => {
                let what = format!("{base} is not built in; there are viewer, runner, developer, owner and worker");
                Err(("based_on", what))
            }
            None => Ok(self.based_on.clone()),
        }
    }

    fn permissions(&self) -> Result<PermissionSet, Wrong> {
        if self.permissions.is_none() && self.based_on.is_none() {
            return Err(("permissions", "is missing: give permissions, based_on, or remove = true".to_owned()));
        }
        let read = |name: &String| {
            let what = || format!("{name:?} is no permission; `lictor role show owner` lists them all");
            Permission::parse(name).ok_or_else(|| ("permissions", what()))
        };
        self.permissions.iter().flatten().map(read).collect()
    }
}

impl ChangedGrant {
    fn apply(&self, then: &mut Assignments, known: Known<'_>) -> Result<(), Wrong> {
        let scope = self.workspace.clone().map_or(Scope::Everywhere, Scope::Workspace);
        match (&self.principal, &self.team) {
            (Some(name), None) => {
                let principal = find_principal(known, name)?;
                self.check(then, known)?;
                self.of_principal(principal, scope, &mut then.grants)
            }
            (None, Some(name)) => {
                let team = find_team(&then.teams, name)?.clone();
                self.check(then, known)?;
                self.of_team(&team, scope, &mut then.team_grants)
            }
            _ => Err(("principal", "give either principal or team".to_owned())),
        }
    }

    /// That there are such a role and workspace; what is gone may still be taken away.
    fn check(&self, then: &Assignments, known: Known<'_>) -> Result<(), Wrong> {
        if self.remove {
            return Ok(());
        }
        let exists = find_built_in(&self.role).is_some() || then.roles.iter().any(|role| role.name == self.role);
        if !exists {
            return Err((
                "role",
                format!("there is no role {}; write it in this file, or correct the name", self.role),
            ));
        }
        if let Some(unknown) = self.workspace.as_ref().filter(|name| !known.workspaces.contains(name)) {
            let names: Vec<&str> = known.workspaces.iter().map(WorkspaceName::as_str).collect();
            return Err(("workspace", format!("there is no workspace {unknown}; there is {}", names.join(", "))));
        }
        Ok(())
    }

    fn of_principal(&self, principal: &Principal, scope: Scope, grants: &mut Vec<Grant>) -> Result<(), Wrong> {
        let is_it = |grant: &Grant| grant.principal == principal.id && grant.role == self.role && grant.scope == scope;
        let is_there = grants.iter().any(is_it);
        match (self.remove, is_there) {
            // Whoever says that they have it.
            (true, true) => grants.retain(|grant| !is_it(grant)),
            (true, false) => {
                let has = grants.iter().filter(|grant| grant.principal == principal.id);
                let has = has.map(|grant| in_words(&grant.role, &grant.scope)).collect();
                return Err(self.not_there(principal.name.as_str(), &scope, has));
            }
            (false, true) => {}
            (false, false) => grants.push(Grant {
                id: GrantId::from(""),
                principal: principal.id.clone(),
                role: self.role.clone(),
                scope,
                source: Source::ByHand,
                created_at: Timestamp::default(),
            }),
        }
        Ok(())
    }

    fn of_team(&self, team: &Team, scope: Scope, grants: &mut Vec<TeamGrant>) -> Result<(), Wrong> {
        let is_it = |grant: &TeamGrant| grant.team == team.id && grant.role == self.role && grant.scope == scope;
        let is_there = grants.iter().any(is_it);
        match (self.remove, is_there) {
            (true, true) => grants.retain(|grant| !is_it(grant)),
            (true, false) => {
                let has = grants.iter().filter(|grant| grant.team == team.id);
                let has = has.map(|grant| in_words(&grant.role, &grant.scope)).collect();
                return Err(self.not_there(&format!("team {}", team.name), &scope, has));
            }
            (false, true) => {}
            (false, false) => grants.push(TeamGrant {
                id: GrantId::from(""),
                team: team.id.clone(),
                role: self.role.clone(),
                scope,
                created_at: Timestamp::default(),
            }),
        }
        Ok(())
    }

    /// What they have instead, for whoever mistook it.
    fn not_there(&self, who: &str, scope: &Scope, has: Vec<String>) -> Wrong {
        let has = if has.is_empty() { "nothing".to_owned() } else { has.join(", ") };
        ("remove", format!("{who} is not {}, but {has}", in_words(&self.role, scope)))
    }
}

impl ChangedMember {
    fn apply(&self, then: &mut Assignments, known: Known<'_>) -> Result<(), Wrong> {
        let (principal, team) = (find_principal(known, &self.principal)?, find_team(&then.teams, &self.team)?);
        let member = Membership {
            team: team.id.clone(),
            principal: principal.id.clone(),
            source: Source::ByHand,
            created_at: Timestamp::default(),
        };
        let is_it = |other: &Membership| other.team == member.team && other.principal == member.principal;
        let is_there = then.memberships.iter().any(is_it);
        match (self.remove, is_there) {
            (true, true) => then.memberships.retain(|other| !is_it(other)),
            (true, false) => return Err(("remove", format!("{} is not in team {}", self.principal, self.team))),
            (false, true) => {}
            (false, false) => then.memberships.push(member),
        }
        Ok(())
    }
}

fn find_principal<'a>(known: Known<'a>, name: &PrincipalName) -> Result<&'a Principal, Wrong> {
    let found = known.principals.iter().find(|principal| principal.name == *name);
    found.ok_or_else(|| ("principal", format!("there is no user or service account {name}")))
}

fn find_team<'a>(teams: &'a [Team], name: &TeamName) -> Result<&'a Team, Wrong> {
    let found = teams.iter().find(|team| team.name == *name);
    found.ok_or_else(|| ("team", format!("there is no team {name}; make it first, without members or grants")))
}

fn in_words(role: &RoleName, scope: &Scope) -> String {
    match scope {
        Scope::Everywhere => format!("{role} everywhere"),
        Scope::Workspace(name) => format!("{role} in {name}"),
    }
}

#[cfg(test)]
mod tests;
