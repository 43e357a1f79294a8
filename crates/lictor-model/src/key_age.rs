//! How old may a key grow? As old as the strictest of its owner's roles allows.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::assignments::Assignments;
use crate::clock::Timestamp;
use crate::id::PrincipalId;
use crate::role::{Role, RoleName};

/// Keys of whoever has this role, anywhere, end at this age.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaxKeyAge {
    /// Which role, built in or custom.
    pub role: RoleName,
    /// How old a key may grow.
    pub seconds: i64,
}

impl MaxKeyAge {
    /// When a key made at that moment ends at the latest.
    #[must_use]
    pub const fn end(&self, created_at: Timestamp) -> Timestamp {
        created_at.plus_seconds(self.seconds)
    }

    /// The age as a person writes it: `90d`.
    #[must_use]
    pub fn in_words(&self) -> String {
        in_words(self.seconds)
    }
}

/// A number of seconds in the largest unit that fits: `90d`, `12h`.
#[must_use]
pub fn in_words(seconds: i64) -> String {
    let units = [(86_400, 'd'), (3_600, 'h'), (60, 'm'), (1, 's')];
    let fitting = units.into_iter().find(|(length, _)| seconds % length == 0).unwrap_or((1, 's'));
    format!("{}{}", seconds / fitting.0, fitting.1)
}

/// The strictest age for each owner of keys. A role that is based on another obeys that one's age too, and a team's roles
/// count for its members: there is no way around an age by another name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyAges(HashMap<PrincipalId, MaxKeyAge>);

impl KeyAges {
    /// Works them out.
    #[must_use]
    pub fn work_out(assignments: &Assignments) -> Self {
        let mut ages = Self::default();
        if assignments.key_ages.is_empty() {
            return ages;
        }
        let by_role = of_roles(assignments);
        for (principal, role) in assignments.holders() {
            ages.add(principal, by_role.get(role));
        }
        ages
    }

    /// How old the keys of this owner may grow; `None` is without a bound.
    #[must_use]
    pub fn of(&self, owner: &PrincipalId) -> Option<&MaxKeyAge> {
        self.0.get(owner)
    }

    fn add(&mut self, owner: &PrincipalId, age: Option<&MaxKeyAge>) {
        let Some(age) = age else { return };
        match self.0.get_mut(owner) {
            Some(held) if held.seconds <= age.seconds => {}
            Some(held) => *held = age.clone(),
            None => drop(self.0.insert(owner.clone(), age.clone())),
        }
    }
}

/// What each role says, or what the role that it is based on says, if that is stricter.
fn of_roles(assignments: &Assignments) -> HashMap<RoleName, MaxKeyAge> {
    let said: HashMap<_, _> = assignments.key_ages.iter().map(|age| (age.role.clone(), age.clone())).collect();
    let through_base = |role: &Role| {
        let (own, base) = (said.get(&role.name), role.base.as_ref().and_then(|base| said.get(base)));
        let strictest = own.into_iter().chain(base).min_by_key(|age| age.seconds)?;
        Some((role.name.clone(), strictest.clone()))
    };
    let custom: Vec<_> = assignments.roles.iter().filter_map(through_base).collect();
    said.clone().into_iter().chain(custom).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Grant, GrantId, Membership, PermissionSet, Scope, Source, TeamGrant, TeamId};

    fn role(name: &str) -> RoleName {
        RoleName::parse(name).unwrap()
    }

    fn grant(of: &str, with: &str, scope: Scope) -> Grant {
        let created_at = Timestamp::default();
        Grant {
            id: GrantId::fresh(),
            principal: of.into(),
            role: role(with),
            scope,
            source: Source::ByHand,
            created_at,
        }
    }

    fn ages(said: &[(&str, i64)], assignments: Assignments) -> KeyAges {
        let key_ages = said.iter().map(|(name, seconds)| MaxKeyAge { role: role(name), seconds: *seconds }).collect();
        KeyAges::work_out(&Assignments { key_ages, ..assignments })
    }

    #[test]
    fn the_strictest_role_counts_wherever_it_holds_and_through_whatever_team() {
        let grants = vec![
            grant("alice", "viewer", Scope::Everywhere),
            grant("alice", "owner", Scope::Workspace("research".into())),
            grant("bob", "viewer", Scope::Everywhere),
        ];
        let team_grants = vec![TeamGrant {
            id: GrantId::fresh(),
            team: TeamId::from("t"),
            role: role("developer"),
            scope: Scope::Everywhere,
            created_at: Timestamp::default(),
        }];
        let membership = Membership {
            team: TeamId::from("t"),
            principal: "bob".into(),
            source: Source::ByHand,
            created_at: Timestamp::default(),
        };
        let assignments = Assignments { grants, team_grants, memberships: vec![membership], ..Assignments::default() };
        let ages = ages(&[("owner", 30), ("viewer", 90), ("developer", 60)], assignments);
        let of = |name: &str| ages.of(&name.into()).map(|age| (age.role.as_str().to_owned(), age.seconds));
        assert_eq!(of("alice"), Some(("owner".to_owned(), 30)));
        assert_eq!(of("bob"), Some(("developer".to_owned(), 60)));
        assert_eq!(of("carol"), None);
    }

    #[test]
    fn a_role_on_top_of_another_does_not_escape_its_age() {
        let custom = Role {
            name: role("auditor"),
            description: String::new(),
            base: Some(role("viewer")),
            permissions: PermissionSet::EMPTY,
            built_in: false,
        };
        let assignments = || Assignments {
            roles: vec![custom.clone()],
            grants: vec![grant("alice", "auditor", Scope::Everywhere)],
            ..Assignments::default()
        };
        let seconds = |said: &[(&str, i64)]| ages(said, assignments()).of(&"alice".into()).map(|age| age.seconds);
        assert_eq!(seconds(&[("viewer", 90)]), Some(90));
        assert_eq!(seconds(&[("viewer", 90), ("auditor", 100)]), Some(90));
        assert_eq!(seconds(&[("viewer", 90), ("auditor", 10)]), Some(10));
        assert_eq!(seconds(&[("owner", 1)]), None);
    }
}
