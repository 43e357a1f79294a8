//! May they manage it? Who may change people, credentials, teams, roles and grants, by what they are in the account.

use lictor_model::{AccountRole, PrincipalId, PrincipalKind, RoleName, Scope, TeamName, WorkspaceName};

use crate::access::{AccessView, OWNER};

/// Whoever manages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authority {
    /// Whoever holds the store's files: the command line on the machine.
    Console,
    /// A caller, by their roles.
    Caller(PrincipalId),
}

/// What somebody wants to do, as far as the right to it is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// See people, teams, roles and workspaces: what one must know to grant a role.
    See,
    /// See keys, sessions, bans and the record.
    Oversee,
    /// Make or change what concerns nobody in particular: a new user, a team, a role, the ban of an address.
    Manage,
    /// Change a principal, or what it signs in with.
    Principal(PrincipalId),
    /// Make a secret by which somebody acts in a principal's name.
    Secret(PrincipalId, PrincipalKind),
    /// Change who is in a team, or whether it is.
    Team(TeamName),
    /// Give or take away a role.
    Grant(RoleName, Scope),
    /// Bound the age of the keys of those who have a role.
    KeyAge(RoleName),
    /// See what somebody else may see.
    ViewAs,
}

/// Why somebody may not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unauthorized {
    /// Neither an owner nor an admin.
    #[error("this needs the account role admin or owner: ask an owner for it")]
    NotAnAdmin,
    /// An admin, and it concerns owners.
    #[error("only an owner manages owners, and makes them: ask one")]
    NotAnOwner,
    /// An admin, who would see what is not for admins.
    #[error("only an owner views as somebody else: ask one")]
    OwnersView,
    /// An owner of other workspaces.
    #[error("you give and take roles in {0} alone; elsewhere this needs the account role admin or owner")]
    Elsewhere(String),
    /// A user's key or password is their own affair.
    #[error(
        "a key of a user is made by that user, so that the record names who acted: make a service account for a program"
    )]
    InAnothersName,
}

impl Authority {
    /// Whether they may.
    ///
    /// # Errors
    /// [`Unauthorized`], which says whom to ask.
    pub fn permit(&self, deed: &Deed, access: &AccessView) -> Result<(), Unauthorized> {
        let Self::Caller(caller) = self else { return Ok(()) };
        let role = access.account_role(caller);
        if role == AccountRole::Member {
            return as_owner_of_workspaces(&access.owned_workspaces(caller), deed);
        }
        if let Deed::Secret(of, PrincipalKind::User) = deed
            && of != caller
        {
            return Err(Unauthorized::InAnothersName);
        }
        if role == AccountRole::Owner || !concerns_owners(deed, access) {
            return Ok(());
        }
        if *deed == Deed::ViewAs {
            return Err(Unauthorized::OwnersView);
        }
        Err(Unauthorized::NotAnOwner)
    }
}

fn concerns_owners(deed: &Deed, access: &AccessView) -> bool {
    match deed {
        Deed::See | Deed::Oversee | Deed::Manage => false,
        Deed::Principal(id) | Deed::Secret(id, _) => access.account_role(id) == AccountRole::Owner,
        Deed::Team(team) => access.makes_owners(team),
        Deed::Grant(role, scope) => role.as_str() == OWNER && *scope == Scope::Everywhere,
        Deed::KeyAge(role) => role.as_str() == OWNER,
        Deed::ViewAs => true,
    }
}

/// Who owns workspaces and is a member of the account otherwise gives and takes roles there, and sees what that takes.
fn as_owner_of_workspaces(owned: &[WorkspaceName], deed: &Deed) -> Result<(), Unauthorized> {
    if owned.is_empty() {
        return Err(Unauthorized::NotAnAdmin);
    }
    match deed {
        Deed::See => Ok(()),
        Deed::Grant(_, Scope::Workspace(name)) if owned.contains(name) => Ok(()),
        Deed::Grant(..) => {
            let names: Vec<&str> = owned.iter().map(WorkspaceName::as_str).collect();
            Err(Unauthorized::Elsewhere(names.join(", ")))
        }
        _ => Err(Unauthorized::NotAnAdmin),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

    use lictor_model::{Assignments, Grant, GrantId, Membership, Source, Team, TeamGrant, Timestamp};

    use super::*;

    fn role(name: &str) -> RoleName {
        RoleName::parse(name).unwrap()
    }

    fn team(name: &str) -> TeamName {
        TeamName::parse(name).unwrap()
    }

    fn grant(of: &str, name: &str, scope: Scope) -> Grant {
        let created_at = Timestamp::default();
        Grant {
            id: GrantId::fresh(),
            principal: of.into(),
            role: role(name),
            scope,
            source: Source::ByHand,
            created_at,
        }
    }

    /// The owner `olga`, `tom` who is one through the team `root`, the admin `adam`, the owner `wanda` of the workspace
    /// `lab`, the viewer `vera`.
    fn cast() -> AccessView {
        let created_at = Timestamp::default();
        let teams = ["root", "data"].map(|name| Team {
            id: name.into(),
            name: team(name),
            description: String::new(),
            created_at,
        });
        let (role, scope) = (role("owner"), Scope::Everywhere);
        AccessView::build(&Assignments {
            grants: vec![
                grant("olga", "owner", Scope::Everywhere),
                grant("wanda", "owner", Scope::Workspace("lab".into())),
                grant("vera", "viewer", Scope::Everywhere),
            ],
            teams: teams.into(),
            memberships: vec![Membership {
                team: "root".into(),
                principal: "tom".into(),
                source: Source::SignIn("okta".into()),
                created_at,
            }],
            team_grants: vec![TeamGrant { id: GrantId::fresh(), team: "root".into(), role, scope, created_at }],
            admins: vec!["adam".into()],
            ..Assignments::default()
        })
    }

    fn may(who: &str, deed: &Deed) -> bool {
        Authority::Caller(who.into()).permit(deed, &cast()).is_ok()
    }

    #[test]
    fn only_owners_manage_owners_by_whatever_way_somebody_is_one() {
        let lab = || Scope::Workspace("lab".into());
        let of_owners = [
            Deed::Principal("olga".into()),
            Deed::Principal("tom".into()),
            Deed::Secret("tom".into(), PrincipalKind::ServiceAccount),
            Deed::Team(team("root")),
            Deed::Grant(role("owner"), Scope::Everywhere),
            Deed::KeyAge(role("owner")),
        ];
        let of_others = [
            Deed::See,
            Deed::Oversee,
            Deed::Manage,
            Deed::Principal("vera".into()),
            Deed::Principal("wanda".into()),
            Deed::Secret("etl".into(), PrincipalKind::ServiceAccount),
            Deed::Team(team("data")),
            Deed::Grant(role("owner"), lab()),
            Deed::Grant(role("developer"), Scope::Everywhere),
            Deed::KeyAge(role("viewer")),
        ];
        for deed in of_owners {
            assert!(may("olga", &deed) && may("tom", &deed), "{deed:?}");
            assert!(!may("adam", &deed) && !may("wanda", &deed) && !may("vera", &deed), "{deed:?}");
        }
        for deed in of_others {
            assert!(may("olga", &deed) && may("adam", &deed) && !may("vera", &deed), "{deed:?}");
        }
    }

    #[test]
    fn an_owner_of_a_workspace_gives_roles_there_and_does_nothing_else() {
        assert!(may("wanda", &Deed::See) && may("wanda", &Deed::Grant(role("owner"), Scope::Workspace("lab".into()))));
        for deed in [
            Deed::Oversee,
            Deed::Manage,
            Deed::Principal("vera".into()),
            Deed::Team(team("data")),
            Deed::Grant(role("viewer"), Scope::Everywhere),
            Deed::Grant(role("viewer"), Scope::Workspace("main".into())),
            Deed::Secret("wanda".into(), PrincipalKind::User),
            Deed::KeyAge(role("viewer")),
        ] {
            assert!(!may("wanda", &deed), "{deed:?}");
        }
    }

    #[test]
    fn nobody_makes_a_key_in_the_name_of_another_person_but_the_console() {
        let (own, other) =
            (Deed::Secret("olga".into(), PrincipalKind::User), Deed::Secret("vera".into(), PrincipalKind::User));
        assert!(may("olga", &own) && !may("olga", &other) && !may("adam", &other));
        assert_eq!(Authority::Console.permit(&other, &cast()), Ok(()));
    }
}
