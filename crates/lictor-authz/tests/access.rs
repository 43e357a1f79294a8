//! Is what somebody may the union of what their grants and their teams give, and is each named?

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

use lictor_authz::roles::{built_in, find_built_in, permissions_of};
use lictor_authz::{AccessView, Origin};
use lictor_model::{
    Assignments, Grant, Membership, Permission, PermissionSet, Role, RoleName, Scope, Source, Team, TeamGrant,
    TeamName, Timestamp, WorkspaceName,
};
use proptest::prelude::*;

fn role(name: &str) -> RoleName {
    RoleName::parse(name).unwrap()
}

fn permissions(name: &str) -> PermissionSet {
    find_built_in(&role(name)).unwrap().permissions
}

fn custom(name: &str, base: Option<&str>, permissions: &[Permission]) -> Role {
    let (name, base) = (role(name), base.map(role));
    Role { name, description: String::new(), base, permissions: PermissionSet::of(permissions), built_in: false }
}

fn grant(who: &str, name: &str, scope: Scope, source: Source) -> Grant {
    let id = format!("{who} {name}").into();
    Grant { id, principal: who.into(), role: role(name), scope, source, created_at: Timestamp::default() }
}

fn team(name: &str) -> Team {
    let (id, name) = (name.into(), TeamName::parse(name).unwrap());
    Team { id, name, description: String::new(), created_at: Timestamp::default() }
}

fn member(team: &str, who: &str, source: Source) -> Membership {
    Membership { team: team.into(), principal: who.into(), source, created_at: Timestamp::default() }
}

fn team_grant(team: &str, name: &str, scope: Scope) -> TeamGrant {
    let id = format!("{team} {name}").into();
    TeamGrant { id, team: team.into(), role: role(name), scope, created_at: Timestamp::default() }
}

fn lab() -> Scope {
    Scope::Workspace("lab".into())
}

fn okta() -> Source {
    Source::SignIn("okta".into())
}

fn may(view: &AccessView, who: &str, workspace: &str) -> Option<PermissionSet> {
    view.permissions(&who.into(), &workspace.into())
}

/// `developer in lab: team data`, and so on.
fn why(view: &AccessView, who: &str, workspace: &str) -> Vec<String> {
    let holdings = view.explain(&who.into(), &workspace.into());
    holdings.iter().map(|holding| format!("{}: {}", holding.role, holding.origin)).collect()
}

#[test]
fn a_member_may_what_it_may_and_what_its_teams_may_and_each_is_named() {
    let assignments = Assignments {
        grants: vec![
            grant("ada", "viewer", Scope::Everywhere, Source::ByHand),
            grant("ada", "viewer", Scope::Everywhere, okta()),
        ],
        teams: vec![team("web"), team("data"), team("idle")],
        memberships: vec![
            member("web", "ada", okta()),
            member("data", "ada", Source::ByHand),
            member("data", "ada", okta()),
            member("data", "bob", Source::ByHand),
            member("idle", "cy", Source::ByHand),
        ],
        team_grants: vec![team_grant("data", "developer", lab()), team_grant("web", "runner", Scope::Everywhere)],
        ..Assignments::default()
    };
    let view = AccessView::build(&assignments);
    assert_eq!(may(&view, "ada", "main"), Some(permissions("viewer").union(permissions("runner"))));
    assert_eq!(may(&view, "ada", "lab"), Some(permissions("developer").union(permissions("viewer"))));
    assert_eq!(why(&view, "ada", "main"), ["viewer: own", "viewer: sso:okta", "runner: team web (sso:okta)"]);
    assert_eq!(why(&view, "ada", "lab").len(), 4);
    assert!(why(&view, "ada", "lab").contains(&"developer: team data".to_owned()));
    // A team that holds nothing in a workspace makes no member of it, and one without grants none anywhere.
    assert_eq!((may(&view, "bob", "lab"), may(&view, "bob", "main")), (Some(permissions("developer")), None));
    assert_eq!((may(&view, "cy", "lab"), may(&view, "nobody", "lab")), (None, None));
    let teams: Vec<_> = view.teams(&"ada".into()).map(|(team, sources)| (team.name.as_str(), sources.len())).collect();
    assert_eq!(teams, [("data", 2), ("web", 1)]);
    assert_eq!(view.teams(&"cy".into()).count(), 1);
    let holdings = view.holdings(&"bob".into());
    assert_eq!(holdings[0].origin, Origin::Team(TeamName::parse("data").unwrap(), vec![Source::ByHand]));
}

#[test]
fn a_grant_of_no_known_role_or_team_gives_nothing() {
    let assignments = Assignments {
        teams: vec![team("data")],
        memberships: vec![member("data", "ada", Source::ByHand), member("gone", "ada", Source::ByHand)],
        team_grants: vec![team_grant("data", "gone", lab()), team_grant("gone", "owner", Scope::Everywhere)],
        ..Assignments::default()
    };
    let view = AccessView::build(&assignments);
    assert_eq!((may(&view, "ada", "lab"), why(&view, "ada", "lab").len()), (None, 0));
}

#[test]
fn a_role_on_top_of_another_allows_what_both_do() {
    let extra = Permission::SeeSecretBlocks;
    for base in built_in() {
        let own = custom("own", Some(base.name.as_str()), &[extra]);
        assert_eq!(permissions_of(&own), base.permissions.union(PermissionSet::of(&[extra])), "{}", base.name);
    }
    let roles = vec![custom("own", Some("viewer"), &[extra]), custom("alone", None, &[extra])];
    let grants = ["own", "alone"].map(|name| grant(name, name, lab(), Source::ByHand)).to_vec();
    let view = AccessView::build(&Assignments { roles, grants, ..Assignments::default() });
    let own = may(&view, "own", "lab").unwrap();
    assert!(
        own.contains(extra) && own.contains_all(permissions("viewer")) && !own.contains(Permission::RunDeployments)
    );
    assert_eq!(may(&view, "alone", "lab"), Some(PermissionSet::of(&[extra])));
    assert_eq!(view.explain(&"own".into(), &"lab".into())[0].permissions, own, "the explanation counts the base too");
    // Another custom role is no base, whatever the store says.
    let chain = custom("chain", Some("own"), &[Permission::SeeFlows]);
    assert_eq!(permissions_of(&chain), PermissionSet::of(&[Permission::SeeFlows]));
}

const ROLES: [&str; 5] = ["viewer", "runner", "developer", "worker", "extra"];
const TEAMS: [&str; 3] = ["data", "ops", "web"];

fn scopes() -> [Scope; 3] {
    [Scope::Everywhere, Scope::Workspace("main".into()), lab()]
}

fn assignments() -> impl Strategy<Value = Assignments> {
    let grants = prop::collection::vec((0..ROLES.len(), 0..3_usize), 0..4);
    let memberships = prop::collection::vec((0..TEAMS.len(), any::<bool>()), 0..5);
    let team_grants = prop::collection::vec((0..TEAMS.len(), 0..ROLES.len(), 0..3_usize), 0..5);
    (grants, memberships, team_grants).prop_map(|(grants, memberships, team_grants)| Assignments {
        roles: vec![custom("extra", Some("viewer"), &[Permission::ManageBlocks])],
        grants: grants
            .into_iter()
            .map(|(role, scope)| grant("ada", ROLES[role], scopes()[scope].clone(), Source::ByHand))
            .collect(),
        teams: TEAMS.map(team).to_vec(),
        key_ages: Vec::new(),
        admins: Vec::new(),
        factor_roles: Vec::new(),
        memberships: memberships
            .into_iter()
            .map(|(team, by_hand)| member(TEAMS[team], "ada", if by_hand { Source::ByHand } else { okta() }))
            .collect(),
        team_grants: team_grants
            .into_iter()
            .map(|(team, role, scope)| team_grant(TEAMS[team], ROLES[role], scopes()[scope].clone()))
            .collect(),
    })
}

proptest! {
    #[test]
    fn what_is_explained_is_what_is_permitted(all in assignments()) {
        let view = AccessView::build(&all);
        for workspace in ["main", "lab", "other"] {
            let explained = view.explain(&"ada".into(), &WorkspaceName::from(workspace));
            let union = explained.iter().map(|holding| holding.permissions).reduce(PermissionSet::union);
            prop_assert_eq!(may(&view, "ada", workspace), union);
            // And that is what a plain walk over the rows finds.
            let direct = all.grants.iter().map(|grant| (&grant.role, &grant.scope));
            let joined = |team: &TeamGrant| all.memberships.iter().any(|member| member.team == team.team);
            let through = all.team_grants.iter().filter(|grant| joined(grant)).map(|grant| (&grant.role, &grant.scope));
            let walked = direct.chain(through).filter(|(_, scope)| scope.covers(&workspace.into()));
            let found = |name: &RoleName| permissions_of(lictor_authz::roles::find(name, &all.roles).unwrap());
            prop_assert_eq!(walked.map(|(role, _)| found(role)).reduce(PermissionSet::union), union);
        }
    }

    #[test]
    fn taking_a_membership_or_a_grant_of_a_team_away_never_adds_access(all in assignments(), gone in 0_usize..5) {
        let mut fewer = all.clone();
        if !fewer.memberships.is_empty() {
            fewer.memberships.remove(gone % all.memberships.len());
        }
        if !fewer.team_grants.is_empty() {
            fewer.team_grants.remove(gone % all.team_grants.len());
        }
        let (before, after) = (AccessView::build(&all), AccessView::build(&fewer));
        for workspace in ["main", "lab", "other"] {
            let (before, after) = (may(&before, "ada", workspace), may(&after, "ada", workspace));
            prop_assert!(after.is_none() || before.unwrap().contains_all(after.unwrap()));
        }
    }
}

#[test]
fn what_moved_of_some_is_as_if_all_were_worked_out_anew() {
    let roles = || vec![custom("own", Some("viewer"), &[])];
    let shared = |grants: Vec<Grant>, memberships: Vec<Membership>, admins: &[&str]| Assignments {
        roles: roles(),
        grants,
        memberships,
        teams: vec![team("data"), team("root")],
        team_grants: vec![team_grant("data", "developer", lab()), team_grant("root", "owner", Scope::Everywhere)],
        admins: admins.iter().map(|one| (*one).into()).collect(),
        ..Assignments::default()
    };
    let of_ada = |name: &str| grant("ada", name, Scope::Everywhere, Source::ByHand);
    let bob = || grant("bob", "own", lab(), okta());
    let before = shared(
        vec![of_ada("viewer"), bob()],
        vec![member("root", "ada", okta()), member("data", "bob", okta())],
        &["ada"],
    );
    let after = shared(
        vec![of_ada("runner"), bob()],
        vec![member("data", "ada", okta()), member("data", "bob", okta())],
        &["eve"],
    );
    let part = shared(vec![of_ada("runner")], vec![member("data", "ada", okta())], &["eve"]);
    let moved = AccessView::build(&before).moved(&["ada".into(), "eve".into(), "gone".into()], &part);
    let anew = AccessView::build(&after);
    for who in ["ada", "bob", "eve", "gone"] {
        assert_eq!(moved.holdings(&who.into()), anew.holdings(&who.into()), "{who}");
        assert_eq!(moved.account_role(&who.into()), anew.account_role(&who.into()), "{who}");
        for place in ["lab", "main"] {
            assert_eq!(may(&moved, who, place), may(&anew, who, place), "{who}");
        }
    }
    assert_ne!(moved.account_role(&"ada".into()), AccessView::build(&before).account_role(&"ada".into()));
}
