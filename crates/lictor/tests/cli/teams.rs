//! Do teams, roles with a base and `principal show` say what is so?

use lictor_model::{RoleName, Scope, TeamName};
use lictor_store::RuleGifts;
use serde_json::{Value, json};

use crate::stage::Stage;

/// Whose `data` is a team of, with `alice` and the machine `etl`.
fn with_team() -> Stage {
    let stage = Stage::with_owner("root");
    stage.add_user("alice", "viewer");
    for words in [
        &["service-account", "add", "etl"][..],
        &["team", "add", "data", "--description", "Data engineering"],
        &["team", "add-member", "data", "alice", "etl", "alice"],
        &["grant", "add", "--team", "data", "--role", "runner", "--workspace", "default"],
    ] {
        assert_eq!(stage.run(words).code, 0, "{words:?}");
    }
    stage
}

#[test]
fn a_team_is_made_filled_shown_emptied_and_removed() {
    let stage = with_team();
    let shown = stage.json(&["team", "show", "data"]);
    assert_eq!(shown["description"], "Data engineering");
    let members: Vec<&Value> = shown["members"].as_array().unwrap().iter().map(|member| &member["name"]).collect();
    assert_eq!(members, ["alice", "etl"]);
    assert_eq!(
        (&shown["members"][1]["kind"], &shown["members"][0]["sources"]),
        (&json!("service-account"), &json!(["by-hand"]))
    );
    assert_eq!((&shown["grants"][0]["role"], &shown["grants"][0]["workspace"]), (&json!("runner"), &json!("default")));
    assert_eq!(stage.json(&["team", "list"]), json!([shown]));
    let listed = stage.run(&["team", "list"]).stdout;
    assert!(listed.contains("data  2        runner in default  Data engineering"), "{listed}");

    let again = stage.json(&["team", "add-member", "data", "alice"]);
    assert_eq!(again["added"], json!([]));
    assert_eq!(stage.run(&["team", "remove-member", "data", "alice"]).stdout, "alice is no longer in team data\n");
    stage.refuses(&["team", "remove-member", "data", "alice"], "alice in data");
    assert_eq!(stage.json(&["team", "remove", "data"])["change"], "removed");
    stage.refuses(&["team", "show", "data"], "no team \"data\"");
    assert_eq!(stage.json(&["team", "list"]), json!([]));
}

#[test]
fn a_mistake_among_several_members_adds_and_removes_nobody() {
    let stage = with_team();
    stage.refuses(&["team", "add-member", "data", "root", "bob"], "no user \"bob\"");
    stage.refuses(&["team", "remove-member", "data", "alice", "root"], "root in data");
    assert_eq!(stage.json(&["team", "show", "data"])["members"].as_array().unwrap().len(), 2);
    stage.refuses(&["team", "add", "data"], "exists already");
    stage.refuses(&["team", "add", "Data"], "beginning with a letter");
    stage.refuses(&["team", "add-member", "none", "root"], "no team \"none\"");
    assert_eq!(stage.run(&["team", "add-member", "data"]).code, 2);
}

#[test]
fn a_grant_is_of_somebody_or_of_a_team() {
    let stage = with_team();
    // The names may be the same.
    assert_eq!(stage.run(&["service-account", "add", "data"]).code, 0);
    let own = stage.json(&["grant", "add", "data", "--role", "viewer"]);
    assert_eq!((&own["for"], &own["team"], &own["source"]), (&json!("data"), &Value::Null, &json!("by-hand")));
    let of_team = stage.json(&["grant", "list", "--team", "data"]);
    assert_eq!(of_team.as_array().unwrap().len(), 1);
    assert_eq!(
        (&of_team[0]["for"], &of_team[0]["team"], &of_team[0]["role"]),
        (&Value::Null, &json!("data"), &json!("runner"))
    );
    assert_eq!(stage.json(&["grant", "list", "data"])[0]["role"], "viewer");
    assert_eq!(stage.json(&["grant", "list"]).as_array().unwrap().len(), 4);
    for wrong in
        [&["grant", "add", "--role", "viewer"][..], &["grant", "add", "data", "--team", "data", "--role", "viewer"]]
    {
        assert_eq!(stage.run(wrong).code, 2, "{wrong:?}");
    }
    stage.refuses(&["grant", "add", "--team", "data", "--role", "viewer", "--workspace", "lab"], "there is default");
    stage.refuses(&["grant", "remove", "--team", "data", "--role", "runner"], "team data is runner everywhere");
    let removed = stage.json(&["grant", "remove", "--team", "data", "--role", "runner", "--workspace", "default"]);
    assert_eq!((&removed["team"], &removed["for"]), (&json!("data"), &Value::Null));
    assert_eq!(stage.json(&["grant", "list", "--team", "data"]), json!([]));
}

#[test]
fn what_a_sign_in_rule_gave_is_named_and_is_not_taken_by_hand() {
    let stage = with_team();
    let gifts = RuleGifts {
        teams: vec![TeamName::parse("data").unwrap()],
        grants: vec![(RoleName::parse("worker").unwrap(), Scope::Everywhere)],
    };
    stage.apply_sign_in_rules("alice", "okta", &gifts);
    let shown = stage.json(&["principal", "show", "alice"]);
    assert_eq!(shown["teams"][0]["sources"], json!(["by-hand", "sso:okta"]));
    assert_eq!((&shown["grants"][1]["role"], &shown["grants"][1]["sources"]), (&json!("worker"), &json!(["sso:okta"])));
    assert_eq!(stage.json(&["grant", "list", "alice"])[1]["source"], "sso:okta");
    stage.refuses(&["grant", "remove", "alice", "--role", "worker"], "comes from the sign-in rules of sso:okta");

    let removed = stage.run(&["team", "remove-member", "data", "alice"]);
    assert!(removed.stdout.contains("alice is no longer in team data by hand"), "{removed:?}");
    assert!(removed.stdout.contains("alice stays in it by sso:okta"), "{removed:?}");
    stage.refuses(&["team", "remove-member", "data", "alice"], "comes from the sign-in rules of sso:okta");
    let text = stage.run(&["principal", "show", "alice"]).stdout;
    for line in
        ["teams    data (sso:okta)", "worker  everywhere  sso:okta ", "runner  in default  team data (sso:okta) "]
    {
        assert!(text.contains(line), "{line}: {text}");
    }
    stage.apply_sign_in_rules("alice", "okta", &RuleGifts::default());
    assert_eq!(stage.json(&["principal", "show", "alice"])["teams"], json!([]));
}

#[test]
fn a_role_that_somebody_has_through_a_team_is_not_looked_for_among_their_own() {
    let stage = with_team();
    stage.refuses(&["grant", "remove", "alice", "--role", "runner", "--workspace", "default"], "through team data");
    stage.refuses(&["grant", "remove", "alice", "--role", "owner"], "alice is owner everywhere");
}

#[test]
fn the_last_owner_through_a_team_cannot_be_lost() {
    let stage = with_team();
    stage.run(&["grant", "add", "--team", "data", "--role", "owner"]);
    assert_eq!(stage.run(&["user", "remove", "root"]).code, 0);
    for words in [
        &["team", "remove", "data"][..],
        &["team", "remove-member", "data", "alice"],
        &["team", "remove-member", "data", "etl", "alice"],
        &["grant", "remove", "--team", "data", "--role", "owner"],
        &["user", "disable", "alice"],
        &["user", "remove", "alice"],
    ] {
        stage.refuses(words, "last enabled user");
    }
    assert_eq!(stage.json(&["team", "show", "data"])["members"].as_array().unwrap().len(), 2);
    stage.add_user("bob", "owner");
    assert_eq!(stage.run(&["team", "remove", "data"]).code, 0);
}

#[test]
fn principal_show_names_what_gives_each_permission() {
    let stage = with_team();
    stage.run(&["key", "create", "--for", "alice", "--read-only", "--label", "dash"]);
    let shown = stage.json(&["principal", "show", "alice"]);
    assert_eq!((&shown["kind"], &shown["disabled"]), (&json!("user"), &json!(false)));
    assert_eq!(shown["teams"], json!([{ "name": "data", "sources": ["by-hand"] }]));
    let grants: Vec<(&Value, &Value)> =
        shown["grants"].as_array().unwrap().iter().map(|grant| (&grant["role"], &grant["team"])).collect();
    assert_eq!(grants, [(&json!("viewer"), &Value::Null), (&json!("runner"), &json!("data"))]);
    let given_by = |permission: &str| -> Vec<String> {
        let all = shown["workspaces"][0]["permissions"].as_array().unwrap();
        let one = all.iter().find(|one| one["permission"] == permission);
        let given_by = one.map(|one| one["given_by"].as_array().unwrap().clone()).unwrap_or_default();
        given_by.iter().map(|by| format!("{} {}", by["role"], by["team"])).collect()
    };
    assert_eq!(shown["workspaces"][0]["workspace"], "default");
    assert_eq!(given_by("see_flows"), ["\"viewer\" null", "\"runner\" \"data\""]);
    assert_eq!(given_by("run_deployments"), ["\"runner\" \"data\""]);
    assert_eq!(given_by("manage_flows"), Vec::<String>::new());
    assert_eq!((&shown["keys"][0]["label"], &shown["keys"][0]["limits"]["read_only"]), (&json!("dash"), &json!(true)));

    let text = stage.run(&["principal", "show", "etl"]).stdout;
    for line in ["kind     service-account", "teams    data", "runner  in default  team data  ", "run_deployments"] {
        assert!(text.contains(line), "{line}: {text}");
    }
    stage.run(&["service-account", "disable", "etl"]);
    let text = stage.run(&["principal", "show", "etl"]).stdout;
    assert!(text.contains("disabled: may do nothing") && text.contains("in default: nothing"), "{text}");
    assert_eq!(stage.json(&["principal", "show", "etl"])["workspaces"][0]["permissions"], json!([]));
    stage.refuses(&["principal", "show", "bob"], "no user \"bob\"");
    // Lists tell of it too.
    let listed = stage.run(&["user", "list"]).stdout;
    assert!(listed.contains("viewer, runner@default (team data)"), "{listed}");
    assert_eq!(stage.json(&["user", "show", "alice"])["roles"][1]["team"], "data");
}

#[test]
fn can_names_the_team_that_gives_it() {
    let stage = with_team();
    let run = ["can", "etl", "POST", "/api/deployments/d/create_flow_run"];
    let yes = stage.run(&run);
    assert!(yes.code == 0 && yes.stdout.contains("runner in default, gives it (team data, "), "{yes:?}");
    assert_eq!(stage.json(&run)["grants"][0]["team"], "data");
    let own = stage.run(&["can", "alice", "POST", "/api/flows/"]);
    assert!(own.code == 3 && own.stdout.contains("viewer everywhere, lacks it (own, "), "{own:?}");
    stage.run(&["team", "remove-member", "data", "etl"]);
    let no = stage.run(&run);
    assert!(no.code == 3 && no.stdout.contains("grant       none in this workspace"), "{no:?}");
    let case = "[[case]]\nwho = \"alice\"\nmethod = \"POST\"\npath = \"/api/deployments/d/create_flow_run\"\nexpect = \"allowed\"\n";
    let tested = stage.run(&["policy", "test", &stage.file("policy.toml", case)]);
    assert_eq!(tested.code, 0, "{tested:?}");
}

#[test]
fn a_role_is_based_on_a_built_in_one_and_shows_it() {
    let stage = with_team();
    let made =
        stage.json(&["role", "add", "auditor", "--based-on", "viewer", "--permission", "see_workspace_settings"]);
    assert_eq!((&made["based_on"], &made["added_permissions"]), (&json!("viewer"), &json!(["see_workspace_settings"])));
    assert_eq!(stage.json(&["role", "show", "auditor"]), made);
    let (allowed, base) = (made["permissions"].as_array().unwrap(), stage.json(&["role", "show", "viewer"]));
    assert_eq!(allowed.len(), base["permissions"].as_array().unwrap().len() + 1);
    assert_eq!((&base["based_on"], &base["added_permissions"]), (&Value::Null, &Value::Null));
    let text = stage.run(&["role", "show", "auditor"]).stdout;
    assert!(text.contains("based on viewer, which it follows, and adds: see_workspace_settings"), "{text}");
    let listed = stage.run(&["role", "list"]).stdout;
    let line = listed.lines().find(|line| line.starts_with("auditor")).unwrap();
    assert!(line.contains("custom") && line.contains("viewer") && line.contains(&allowed.len().to_string()), "{line}");

    // Nothing but a base is enough; another role of one's own is none.
    assert_eq!(stage.json(&["role", "add", "reader", "--based-on", "viewer"])["permissions"], base["permissions"]);
    stage.refuses(&["role", "add", "more", "--based-on", "auditor"], "cannot be based on \"auditor\"");
    assert_eq!(stage.run(&["role", "add", "none"]).code, 2);
    let settings = ["can", "alice", "GET", "/api/admin/settings"];
    assert_eq!(stage.run(&settings).code, 3);
    stage.run(&["grant", "add", "--team", "data", "--role", "auditor"]);
    stage.refuses(&["role", "remove", "auditor"], "still granted");
    assert_eq!(stage.run(&settings).code, 0);
}
