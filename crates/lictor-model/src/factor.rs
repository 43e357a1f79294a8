//! What is a second factor, and who must have one?

use std::collections::HashSet;

use crate::assignments::Assignments;
use crate::id::PrincipalId;
use crate::role::RoleName;

/// How somebody proved, besides what they know, who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FactorKind {
    /// A code of an authenticator app.
    Totp,
    /// A passkey, which is two factors by itself: a device, and its owner's finger, face or PIN.
    Passkey,
    /// One of the codes that stand in for a lost device.
    RecoveryCode,
    /// The identity provider says that it has asked for one.
    Provider,
}

impl FactorKind {
    const ALL: [Self; 4] = [Self::Totp, Self::Passkey, Self::RecoveryCode, Self::Provider];

    /// The form in the store, in JSON and in the record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Passkey => "passkey",
            Self::RecoveryCode => "recovery-code",
            Self::Provider => "provider",
        }
    }

    /// Reads [`FactorKind::as_str`]'s form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Whoever has one of these roles, anywhere, must have a second factor.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FactorDuty(HashSet<PrincipalId>);

impl FactorDuty {
    /// Works it out. A role that is based on another is bound as that one is, and a team's roles bind its members.
    #[must_use]
    pub fn work_out(assignments: &Assignments) -> Self {
        if assignments.factor_roles.is_empty() {
            return Self::default();
        }
        let mut bound: HashSet<&RoleName> = assignments.factor_roles.iter().collect();
        let based = assignments.roles.iter().filter(|role| role.base.as_ref().is_some_and(|base| bound.contains(base)));
        let based: Vec<&RoleName> = based.map(|role| &role.name).collect();
        bound.extend(based);
        let holders = assignments.holders().into_iter().filter(|(_, role)| bound.contains(role));
        Self(holders.map(|(principal, _)| principal.clone()).collect())
    }

    /// The same after some principals' roles changed: `of` says whose, `now` what they have.
    #[must_use]
    pub fn moved(&self, of: &[PrincipalId], now: &Assignments) -> Self {
        let mut moved = self.clone();
        for one in of {
            moved.0.remove(one);
        }
        moved.0.extend(Self::work_out(now).0);
        moved
    }

    /// Whether this principal must have one.
    #[must_use]
    pub fn binds(&self, principal: &PrincipalId) -> bool {
        self.0.contains(principal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Grant, GrantId, Membership, PermissionSet, Role, Scope, Source, TeamGrant, TeamId, Timestamp};

    fn role(name: &str) -> RoleName {
        RoleName::parse(name).unwrap()
    }

    #[test]
    fn a_role_binds_wherever_it_holds_through_whatever_team_and_whatever_is_based_on_it() {
        let (created_at, source) = (Timestamp::default(), Source::ByHand);
        let grant = |of: &str, with: &str, scope: Scope| {
            let (id, source) = (GrantId::fresh(), Source::ByHand);
            Grant { id, principal: of.into(), role: role(with), scope, source, created_at }
        };
        let custom = Role {
            name: role("chief"),
            description: String::new(),
            base: Some(role("owner")),
            permissions: PermissionSet::EMPTY,
            built_in: false,
        };
        let team = TeamId::from("t");
        let team_grants = vec![TeamGrant {
            id: GrantId::fresh(),
            team: team.clone(),
            role: role("owner"),
            scope: Scope::Everywhere,
            created_at,
        }];
        let assignments = Assignments {
            roles: vec![custom],
            grants: vec![
                grant("alice", "owner", Scope::Workspace("research".into())),
                grant("bob", "viewer", Scope::Everywhere),
                grant("carol", "chief", Scope::Everywhere),
            ],
            team_grants,
            memberships: vec![Membership { team, principal: "dave".into(), source, created_at }],
            factor_roles: vec![role("owner")],
            ..Assignments::default()
        };
        let duty = FactorDuty::work_out(&assignments);
        let bound: Vec<bool> = ["alice", "bob", "carol", "dave"].map(|name| duty.binds(&name.into())).into();
        assert_eq!(bound, [true, false, true, true]);
        let free = FactorDuty::work_out(&Assignments { factor_roles: Vec::new(), ..assignments });
        assert!(!free.binds(&"alice".into()));
    }
}
