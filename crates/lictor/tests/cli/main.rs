//! Do the admin commands do what their help says? The real binary on a data directory of its own, no gateway running.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test that fails should stop")]

mod stage;
mod teams;

use serde_json::Value;
use stage::{GOOD_PASSWORD, Stage};

#[test]
fn creating_a_key_prints_the_key_alone_on_standard_output() {
    let stage = Stage::with_owner("alice");
    let made = stage.run(&["key", "create", "--for", "alice", "--label", "laptop"]);
    assert_eq!(made.code, 0, "{made:?}");
    let key = made.stdout.strip_suffix('\n').unwrap();
    assert!(key.starts_with("lictor_") && key.len() == 45, "{key}");
    assert!(made.stderr.contains("shown this once") && !made.stderr.contains(key), "{made:?}");

    let listed = stage.run(&["key", "list"]);
    assert!(listed.stdout.contains(&format!("lictor_…{}", key.get(41..).unwrap())) && !listed.stdout.contains(key));
}

#[test]
fn a_key_as_json_has_stable_names_and_rfc_3339_times() {
    let stage = Stage::with_owner("alice");
    let made = stage.json(&["key", "create", "--for", "alice", "--expires", "2031-01-02T03:04:05Z"]);
    assert!(made["key"].as_str().unwrap().starts_with("lictor_"));
    assert_eq!(made["expires_at"], "2031-01-02T03:04:05.000000Z");
    assert_eq!((&made["for"], &made["state"], &made["last_used"]), (&"alice".into(), &"active".into(), &Value::Null));

    let listed = stage.json(&["key", "list", "--for", "alice"]);
    assert_eq!(listed[0]["id"], made["id"]);
    assert!(listed[0].get("key").is_none());
}

#[test]
fn a_revoked_key_stays_listed_as_revoked() {
    let stage = Stage::with_owner("alice");
    let made = stage.json(&["key", "create", "--for", "alice"]);
    let revoked = stage.json(&["key", "revoke", made["id"].as_str().unwrap()]);
    assert_eq!(revoked["change"], "revoked");
    assert_eq!(stage.json(&["key", "list"])[0]["state"], "revoked");
    stage.refuses(&["key", "revoke", "nosuch"], "nosuch");
}

#[test]
fn the_last_owner_can_neither_be_removed_nor_disabled_nor_lose_the_role() {
    let stage = Stage::with_owner("alice");
    stage.refuses(&["user", "remove", "alice"], "last enabled user");
    stage.refuses(&["user", "disable", "alice"], "last enabled user");
    stage.refuses(&["grant", "remove", "alice", "--role", "owner"], "last enabled user");
    stage.add_user("bob", "owner");
    assert_eq!(stage.run(&["user", "remove", "alice"]).code, 0);
}

#[test]
fn a_password_never_comes_from_an_argument_and_must_be_good() {
    let stage = Stage::empty();
    stage.refuses(&["user", "add", "alice"], "--password-stdin");
    let weak = stage.run_with(&["user", "add", "alice", "--password-stdin"], "short\n");
    assert_eq!((weak.code, weak.stdout.as_str()), (1, ""), "{weak:?}");
    assert!(!weak.stderr.contains("short\n") && weak.stderr.lines().count() == 1, "{weak:?}");
    let empty = stage.run_with(&["user", "add", "alice", "--password-stdin"], "");
    assert!(empty.stderr.contains("one line"), "{empty:?}");
    assert_eq!(stage.json(&["user", "list"]), Value::Array(Vec::new()));
    assert_eq!(stage.run(&["user", "add", "alice", "--password", "x"]).code, 2);
}

#[test]
fn users_are_added_shown_disabled_and_enabled() {
    let stage = Stage::with_owner("root");
    stage.add_user("alice", "developer");
    let shown = stage.json(&["user", "show", "alice"]);
    assert_eq!(shown["kind"], "user");
    assert_eq!(shown["roles"][0]["role"], "developer");
    assert_eq!((&shown["roles"][0]["workspace"], &shown["keys"]), (&Value::Null, &Value::Array(Vec::new())));
    assert!(shown["created_at"].as_str().unwrap().ends_with('Z'));

    assert_eq!(stage.json(&["user", "disable", "alice"])["change"], "disabled");
    assert_eq!(stage.json(&["user", "show", "alice"])["disabled"], true);
    assert_eq!(stage.run(&["user", "enable", "alice"]).stdout, "enabled user alice\n");
    stage.refuses(&["user", "show", "nobody"], "no user \"nobody\"");
    stage.refuses(&["user", "add", "Alice"], "lower case");
}

#[test]
fn a_service_account_has_keys_and_no_password() {
    let stage = Stage::with_owner("root");
    assert_eq!(stage.run(&["service-account", "add", "ci", "--role", "worker"]).code, 0);
    stage.refuses(&["user", "set-password", "ci"], "service account");
    stage.refuses(&["user", "show", "ci"], "no user");
    assert_eq!(stage.json(&["service-account", "list"])[0]["name"], "ci");
    assert_eq!(stage.run(&["key", "create", "--for", "ci"]).code, 0);
}

#[test]
fn roles_of_ones_own_are_made_granted_and_removed() {
    let stage = Stage::with_owner("root");
    stage.add_user("alice", "viewer");
    let add = ["role", "add", "starter", "--permission", "see_flows", "--permission", "run_deployments"];
    assert_eq!(stage.json(&add)["permissions"], serde_json::json!(["run_deployments", "see_flows"]));
    assert_eq!(stage.run(&["grant", "add", "alice", "--role", "starter", "--workspace", "default"]).code, 0);
    stage.refuses(&["grant", "add", "alice", "--role", "starter", "--workspace", "lab"], "there is default");
    stage.refuses(&["role", "remove", "starter"], "still granted");
    stage.refuses(&["grant", "add", "alice", "--role", "nosuch"], "nosuch");
    assert_eq!(stage.run(&["grant", "remove", "alice", "--role", "starter", "--workspace", "default"]).code, 0);
    assert_eq!(stage.run(&["role", "remove", "starter"]).code, 0);
    let wrong = stage.run(&["role", "add", "x", "--permission", "see_everything"]);
    assert_eq!(wrong.code, 2);
    let names: Vec<String> =
        stage.json(&["role", "list"]).as_array().unwrap().iter().map(|r| r["name"].to_string()).collect();
    assert_eq!(names.len(), 5, "{names:?}");
}

#[test]
fn an_htpasswd_file_with_a_bad_line_is_imported_not_at_all_or_without_it() {
    let stage = Stage::with_owner("root");
    let file = stage.file(
        "users",
        "# people\nana:$apr1$abcdefgh$mKHdWTRdbN8lcYXrSBZHo1\nben:plain\nana:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\ndora:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n",
    );
    let refused = stage.run(&["import", "htpasswd", &file, "--role", "viewer"]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("line 3") && refused.stderr.contains("line 4"), "{refused:?}");
    assert!(!refused.stderr.contains("plain\n") && !refused.stderr.contains("W6ph5"), "{refused:?}");
    assert_eq!(stage.json(&["user", "list"]).as_array().unwrap().len(), 1);

    let dry = stage.run(&["import", "htpasswd", &file, "--dry-run"]);
    assert!(dry.code == 1 && dry.stdout.contains("would import 2 users: ana, dora"), "{dry:?}");

    let imported = stage.json(&["import", "htpasswd", &file, "--role", "viewer", "--skip-bad"]);
    assert_eq!(imported["imported"], serde_json::json!(["ana", "dora"]));
    assert_eq!(stage.json(&["user", "show", "dora"])["roles"][0]["role"], "viewer");
}

#[test]
fn can_names_the_row_the_permission_and_the_grants() {
    let stage = Stage::with_owner("root");
    stage.add_user("alice", "viewer");
    let yes = stage.run(&["can", "alice", "POST", "/api/flows/filter"]);
    assert_eq!(yes.code, 0, "{yes:?}");
    assert!(yes.stdout.contains("POST /flows/filter") && yes.stdout.contains("see_flows"), "{yes:?}");
    assert!(yes.stdout.contains("viewer everywhere, gives it"), "{yes:?}");

    let no = stage.run(&["--json", "can", "alice", "DELETE", "/api/flows/0198"]);
    let json: Value = serde_json::from_str(&no.stdout).unwrap();
    assert_eq!((no.code, &json["allowed"], &json["reason"]), (3, &false.into(), &"permission-denied".into()));
    assert_eq!(json["grants"][0]["role"], "viewer");
    assert!(!json["lacking"].as_array().unwrap().is_empty());

    let unknown = stage.run(&["can", "alice", "POST", "/flows/filter"]);
    assert!(unknown.code == 3 && unknown.stdout.contains("/api/flows/filter"), "{unknown:?}");
    let ambiguous = stage.run(&["can", "alice", "GET", "/api/flows%2Ffilter"]);
    assert!(ambiguous.code == 3 && ambiguous.stdout.contains("ambiguous-path"), "{ambiguous:?}");
    let socket = stage.run(&["can", "root", "SOCKET", "/api/events/in", "--workspace", "default"]);
    stage.refuses(&["can", "root", "GET", "/api/flows/", "--workspace", "lab"], "there is default");
    assert_eq!(socket.code, 0, "{socket:?}");
}

#[test]
fn a_policy_is_tested_by_its_cases() {
    let stage = Stage::with_owner("root");
    stage.add_user("alice", "viewer");
    let run = "method = \"POST\"\npath = \"/api/deployments/d/create_flow_run\"\n";
    let good = format!(
        "[[case]]\nwho = \"alice\"\n{run}expect = \"permission-denied\"\n\
         [[case]]\nrole = \"runner\"\n{run}expect = \"allowed\"\n\
         [[case]]\nrole = \"runner\"\n{run}body = '{{\"job_variables\": {{\"image\": \"x\"}}}}'\nexpect = \"refused\"\n\
         [[case]]\nrole = \"worker\"\nmethod = \"SOCKET\"\npath = \"/api/events/in\"\nexpect = \"allowed\"\n"
    );
    let passed = stage.run(&["policy", "test", &stage.file("good.toml", &good)]);
    assert!(passed.code == 0 && passed.stdout.contains("4 of 4 cases as expected"), "{passed:?}");

    let one = format!("[[case]]\nrole = \"runner\"\n{run}expect = \"refused\"\n");
    let failed = stage.run(&["policy", "test", &stage.file("bad.toml", &one)]);
    assert_eq!(failed.code, 1, "{failed:?}");
    assert!(failed.stdout.contains("FAIL") && failed.stdout.contains("allowed, expected refused"), "{failed:?}");
    let json: Value =
        serde_json::from_str(&stage.run(&["policy", "test", &stage.file("bad.toml", &one), "--json"]).stdout).unwrap();
    assert_eq!((&json[0]["got"], &json[0]["as_expected"]), (&"allowed".into(), &false.into()));

    for (text, said) in [
        (format!("[[case]]\nrole = \"runer\"\n{run}expect = \"allowed\"\n"), "no role \"runer\""),
        (format!("[[case]]\nwho = \"bob\"\n{run}expect = \"allowed\"\n"), "no user \"bob\""),
        (format!("[[case]]\n{run}expect = \"allowed\"\n"), "either who or role"),
        (format!("[[case]]\nrole = \"runner\"\n{run}expect = \"maybe\"\n"), "\"maybe\""),
        (format!("[[case]]\nrole = \"runner\"\n{run}body = '{{'\nexpect = \"allowed\"\n"), "body is no JSON"),
        (format!("[[case]]\nroel = \"runner\"\n{run}expect = \"allowed\"\n"), "roel"),
    ] {
        stage.refuses(&["policy", "test", &stage.file("wrong.toml", &text)], said);
    }
}

#[test]
fn the_record_has_every_admin_change_newest_first() {
    let stage = Stage::with_owner("root");
    stage.add_user("alice", "viewer");
    stage.run(&["key", "create", "--for", "alice"]);
    let events = stage.json(&["audit", "list", "--since", "1h"]);
    assert!(events.as_array().unwrap().len() >= 3);
    assert_eq!(events[0]["actor"]["name"], "console");
    assert_eq!(events[0]["operation"], "key.create");
    for key in ["id", "at", "credential", "client_ip", "object", "workspace", "outcome", "reason", "status", "request"]
    {
        assert!(events[0].get(key).is_some(), "{key}");
    }
    let one = stage.json(&["audit", "list", "--operation", "user.add", "--limit", "1"]);
    assert_eq!((one.as_array().unwrap().len(), &one[0]["object"]), (1, &"alice".into()));
    assert_eq!(stage.json(&["audit", "list", "--actor", "nobody"]), Value::Array(Vec::new()));
    assert_eq!(stage.run(&["audit", "list", "--since", "yesterday"]).code, 2);
}

#[test]
fn the_table_of_operations_is_printed() {
    let stage = Stage::empty();
    let operations = stage.json(&["operation", "list"]);
    let operations = operations.as_array().unwrap();
    assert!(operations.len() > 180, "{}", operations.len());
    assert!(operations.iter().any(|row| row["operation"] == "SOCKET /events/in"));
}

#[test]
fn a_place_that_is_not_there_is_named_and_not_made() {
    let stage = Stage::empty();
    let absent = stage.path("absent");
    let refused = stage.run_in(&absent, &["user", "list"]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("does not exist") && refused.stderr.lines().count() == 1, "{refused:?}");
    assert!(!absent.exists());
}

#[test]
fn check_reports_every_problem_of_a_file() {
    let stage = Stage::empty();
    let file = stage.file("lictor.toml", "listen = 1\n[workspaces.main]\nupstream = \"ftp://x\"\n");
    let checked = stage.bare(&["check", "--config", &file]);
    assert_eq!((checked.code, checked.stdout.lines().count()), (1, 4), "{checked:?}");
    let problems: Value = serde_json::from_str(&stage.bare(&["check", "--json", "--config", &file]).stdout).unwrap();
    assert_eq!((&problems["ok"], &problems["problems"][2]["line"]), (&false.into(), &1.into()));

    let good = stage.file(
        "good.toml",
        "listen = \"127.0.0.1:4200\"\nstore.url = \"sqlite:///tmp/x.db\"\n[workspaces.main]\nupstream = \"http://127.0.0.1:9\"\n",
    );
    assert_eq!(stage.bare(&["check", "--config", &good]).stdout, "OK\n");
    assert_eq!(stage.bare(&["check"]).code, 1);
}

#[test]
fn a_password_can_be_set_again() {
    let stage = Stage::with_owner("root");
    let set = stage.run_with(&["user", "set-password", "root", "--password-stdin"], GOOD_PASSWORD);
    assert_eq!(set.code, 0, "{set:?}");
}

#[test]
fn completions_and_the_version_are_printed() {
    let stage = Stage::empty();
    for shell in ["bash", "zsh", "fish"] {
        let script = stage.bare(&["completions", shell]).stdout;
        assert!(script.contains("lictor") && script.contains("add-member"), "{shell}");
    }
    assert!(stage.bare(&["--version"]).stdout.starts_with("lictor "));
    assert_eq!(stage.bare(&["nonsense"]).code, 2);
}

#[test]
fn the_doctor_says_what_does_not_work_and_what_to_do() {
    let stage = Stage::with_owner("root");
    let well = stage.json(&["doctor"]);
    assert_eq!((&well["ok"], &well["checks"][0]["check"]), (&true.into(), &"store".into()));

    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let text = format!(
        "listen = \"0.0.0.0:4200\"\nstore.url = \"sqlite://{}\"\n[workspaces.main]\nupstream = \"http://{free}\"\n",
        stage.path("lictor.db").display()
    );
    let file = stage.file("lictor.toml", &text);
    let ill = stage.bare(&["doctor", "--config", &file]);
    assert_eq!(ill.code, 1, "{ill:?}");
    assert!(ill.stdout.contains("FAIL  upstream main: ") && ill.stdout.contains("workspaces.main.upstream"), "{ill:?}");
    assert!(ill.stdout.contains("warn  tls: credentials cross the network in clear"), "{ill:?}");
}

#[test]
fn bans_are_added_listed_and_lifted() {
    let stage = Stage::with_owner("alice");
    assert_eq!(stage.json(&["ban", "list"]), Value::Array(Vec::new()));
    for which in ["alice", "192.0.2.7", "2001:db8::7"] {
        assert_eq!(stage.json(&["ban", "add", which, "--for", "1h"])["cause"], "administrator");
    }
    let bans = stage.json(&["ban", "list"]);
    assert_eq!(bans.as_array().unwrap().len(), 3);
    assert!(bans.as_array().unwrap().iter().any(|ban| ban["address"] == "2001:db8::/64" && ban["account"].is_null()));
    let listed = stage.run(&["ban", "list"]).stdout;
    assert!(listed.starts_with("ACCOUNT") && listed.contains("alice    any"), "{listed}");
    let lifted = stage.run(&["ban", "lift", "2001:db8::1234"]);
    assert_eq!(lifted.stdout, "lifted the ban on 2001:db8::/64\n");
    stage.refuses(&["ban", "lift", "2001:db8::7"], "no ban on");
    stage.refuses(&["ban", "add", "nobody", "--for", "1h"], "nobody");
    stage.refuses(&["ban", "add", "10.0.0.0/8", "--for", "1h"], "neither an address nor a name");
    assert_eq!(stage.run(&["ban", "add", "alice", "--for", "soon"]).code, 2);
    stage.run(&["service-account", "add", "robot"]);
    stage.refuses(&["ban", "add", "robot", "--for", "1h"], "no password");
}

#[test]
fn a_reset_link_is_printed_alone_and_only_for_an_enabled_user() {
    let stage = Stage::with_owner("alice");
    let made = stage.run(&["user", "reset-link", "alice"]);
    let token = made.stdout.strip_prefix("http://127.0.0.1:4300/lictor/reset?token=").unwrap().trim();
    assert!(token.len() == 43 && token.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{made:?}");
    assert!(made.stderr.contains("once") && !made.stderr.contains(token));
    let record = stage.run(&["audit", "list", "--json"]).stdout;
    assert!(record.contains("user.reset-link") && !record.contains(token));
    stage.refuses(&["user", "reset-link", "nobody"], "nobody");
    stage.run(&["service-account", "add", "robot"]);
    stage.refuses(&["user", "reset-link", "robot"], "no password");
    stage.add_user("bob", "viewer");
    stage.run(&["user", "disable", "bob"]);
    stage.refuses(&["user", "reset-link", "bob"], "enable");
    assert_eq!(stage.run(&["user", "reset-link", "alice", "--expires", "8d"]).code, 2);
    let config = format!(
        "listen = \"127.0.0.1:4200\"\npublic_url = \"https://gate.example\"\n[store]\nurl = \"sqlite://{}\"\n\
         [workspaces.main]\nupstream = \"http://127.0.0.1:1\"\n",
        stage.path("lictor.db").display()
    );
    let file = stage.file("lictor.toml", &config);
    let made = stage.bare(&["user", "reset-link", "alice", "--config", &file]);
    assert!(made.stdout.starts_with("https://gate.example/lictor/reset?token="), "{made:?}");
}
