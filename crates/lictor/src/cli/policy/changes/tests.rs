//! Does a file change what it says, and is every slip in it named?

use lictor_authz::AccessView;
use lictor_model::{PrincipalId, PrincipalKind, TeamId};

use super::*;

fn alice() -> Principal {
    Principal {
        id: PrincipalId::from("a"),
        kind: PrincipalKind::User,
        name: PrincipalName::parse("alice").unwrap(),
        disabled: false,
        created_at: Timestamp::default(),
    }
}

/// Alice is developer everywhere and planner in main; team data, which she is not in, is runner in other.
fn now() -> Assignments {
    let grant = |role: &str, scope| Grant {
        id: GrantId::from(role),
        principal: alice().id,
        role: RoleName::parse(role).unwrap(),
        scope,
        source: Source::ByHand,
        created_at: Timestamp::default(),
    };
    let team = Team {
        id: TeamId::from("t"),
        name: TeamName::parse("data").unwrap(),
        description: String::new(),
        created_at: Timestamp::default(),
    };
    Assignments {
        roles: vec![Role {
            name: RoleName::parse("planner").unwrap(),
            description: String::new(),
            base: None,
            permissions: PermissionSet::of(&[Permission::WriteSchedules]),
            built_in: false,
        }],
        grants: vec![grant("developer", Scope::Everywhere), grant("planner", Scope::Workspace("main".into()))],
        team_grants: vec![TeamGrant {
            id: GrantId::from("g"),
            team: team.id.clone(),
            role: RoleName::parse("runner").unwrap(),
            scope: Scope::Workspace("other".into()),
            created_at: Timestamp::default(),
        }],
        key_ages: Vec::new(),
        factor_roles: Vec::new(),
        teams: vec![team],
        memberships: Vec::new(),
    }
}

fn apply(file: &str) -> Result<Assignments, ChangeError> {
    let changes: Changes = toml::from_str(file).unwrap();
    changes.apply(&now(), Known { principals: &[alice()], workspaces: &["main".into(), "other".into()] })
}

fn held(file: &str, workspace: &str) -> Option<PermissionSet> {
    AccessView::build(&apply(file).unwrap()).permissions(&alice().id, &workspace.into())
}

#[test]
fn an_empty_file_changes_nothing() {
    assert_eq!(held("", "main"), held("[[role]]\nname = 'other'\npermissions = []", "main"));
    assert!(held("", "main").unwrap().contains(Permission::ReconfigureFlowRuns));
}

#[test]
fn grants_are_taken_and_given() {
    let file = "[[grant]]\nprincipal = 'alice'\nrole = 'developer'\nremove = true\n\
                [[grant]]\nprincipal = 'alice'\nrole = 'viewer'\nworkspace = 'main'";
    let left = held(file, "main").unwrap();
    assert!(left.contains(Permission::SeeFlows) && left.contains(Permission::WriteSchedules));
    assert!(!left.contains(Permission::RunFlows));
    assert_eq!(held(file, "other"), None);
}

#[test]
fn roles_are_written_anew_built_upon_and_removed() {
    let without = "[[grant]]\nprincipal = 'alice'\nrole = 'developer'\nremove = true\n";
    let written = format!("{without}[[role]]\nname = 'planner'\npermissions = ['see_flows']");
    assert_eq!(held(&written, "main"), Some(PermissionSet::of(&[Permission::SeeFlows])));
    let based = format!("{without}[[role]]\nname = 'planner'\nbased_on = 'viewer'\npermissions = ['run_flows']");
    let held_then = held(&based, "main").unwrap();
    assert!(held_then.contains(Permission::RunFlows) && held_then.contains(Permission::SeeVariables));
    // Whoever has a role that is gone has nothing by it.
    assert_eq!(held(&format!("{without}[[role]]\nname = 'planner'\nremove = true"), "main"), None);
}

#[test]
fn teams_are_joined_and_left_and_their_grants_given_and_taken() {
    let only = "[[grant]]\nprincipal = 'alice'\nrole = 'developer'\nremove = true\n";
    let joined = format!("{only}[[member]]\nprincipal = 'alice'\nteam = 'data'\n");
    assert!(held(&joined, "other").unwrap().contains(Permission::RunDeployments));
    let more = format!("{joined}[[grant]]\nteam = 'data'\nrole = 'worker'\nworkspace = 'other'\n");
    assert!(held(&more, "other").unwrap().contains(Permission::WriteWorkers));
    let none = format!("{joined}[[grant]]\nteam = 'data'\nrole = 'runner'\nworkspace = 'other'\nremove = true\n");
    assert_eq!(held(&none, "other"), None);
    let left = format!("{joined}[[member]]\nprincipal = 'alice'\nteam = 'data'\nremove = true\n");
    assert_eq!(held(&left, "other"), None);
}

#[test]
fn every_slip_is_named_with_its_key() {
    for (file, said) in [
        ("[[role]]\nname = 'viewer'\npermissions = []", "role 1, key name: viewer comes with Lictor"),
        ("[[role]]\nname = 'x'", "role 1, key permissions: is missing"),
        ("[[role]]\nname = 'x'\npermissions = ['see_all']", "role 1, key permissions: \"see_all\" is no permission"),
        ("[[role]]\nname = 'x'\nbased_on = 'planner'", "role 1, key based_on: planner is not built in"),
        ("[[role]]\nname = 'x'\nremove = true", "role 1, key name: there is no role x"),
        ("[[role]]\nname = 'planner'\nremove = true\nbased_on = 'viewer'", "role 1, key remove:"),
        (
            "[[role]]\nname = 'x'\npermissions = []\n[[role]]\nname = 'x'\npermissions = []",
            "role 2, key name: x stands twice",
        ),
        ("[[grant]]\nprincipal = 'bob'\nrole = 'viewer'", "grant 1, key principal: there is no user"),
        ("[[grant]]\nprincipal = 'alice'\nrole = 'x'", "grant 1, key role: there is no role x"),
        ("[[grant]]\nprincipal = 'alice'\nrole = 'viewer'\nworkspace = 'mian'", "grant 1, key workspace: there is no"),
        (
            "[[grant]]\nprincipal = 'alice'\nrole = 'planner'\nremove = true",
            "grant 1, key remove: alice is not planner everywhere, but developer everywhere, planner in main",
        ),
        ("[[grant]]\nrole = 'viewer'", "grant 1, key principal: give either principal or team"),
        ("[[grant]]\nprincipal = 'alice'\nteam = 'data'\nrole = 'viewer'", "grant 1, key principal: give either"),
        ("[[grant]]\nteam = 'dat'\nrole = 'viewer'", "grant 1, key team: there is no team dat"),
        (
            "[[grant]]\nteam = 'data'\nrole = 'runner'\nremove = true",
            "grant 1, key remove: team data is not runner everywhere, but runner in other",
        ),
        (
            "[[member]]\nprincipal = 'alice'\nteam = 'data'\nremove = true",
            "member 1, key remove: alice is not in team data",
        ),
    ] {
        let error = apply(file).unwrap_err().to_string();
        assert!(error.starts_with(said), "{file}\n{error}");
    }
    for file in
        ["[[roles]]\nname = 'x'", "[[grant]]\nprincipal = 'alice'\nrole = 'viewer'\nremoved = true", "[[grant]]"]
    {
        assert!(toml::from_str::<Changes>(file).is_err(), "{file}");
    }
}
