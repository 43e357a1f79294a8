//! Does every host and path lead to one workspace, and does no spelling lead past it to another?

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

use lictor_authz::{Address, BasePath, Door, Doors};
use lictor_model::Reason;
use proptest::prelude::*;

const MAIN: &str = "11111111-1111-8111-8111-111111111111";
const TEAM: &str = "22222222-2222-8222-8222-222222222222";
const LAB: &str = "33333333-3333-8333-8333-333333333333";
const ACCOUNT: &str = "aaaaaaaa-aaaa-8aaa-8aaa-aaaaaaaaaaaa";

fn address(id: &str, hosts: &[&str], prefix: &str) -> Address {
    let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
    Address { hosts, prefix: BasePath::parse(prefix).unwrap(), id: id.to_owned() }
}

/// `main` at the root, `team` under a prefix, `lab` on a host of its own.
fn doors(base: &str) -> Doors {
    let addresses = vec![address(MAIN, &[], ""), address(TEAM, &[], "/team-a"), address(LAB, &["lab.example"], "")];
    Doors { base: BasePath::parse(base).unwrap(), public: None, account: ACCOUNT.to_owned(), addresses }
}

fn led(doors: &Doors, host: &str, raw: &str) -> Result<(Option<usize>, String), Reason> {
    doors.read(host, raw).map(|way| (way.workspace, way.path.to_string()))
}

fn to(workspace: usize, path: &str) -> Result<(Option<usize>, String), Reason> {
    Ok((Some(workspace), path.to_owned()))
}

fn cloud(workspace: &str, rest: &str) -> String {
    format!("/api/accounts/{ACCOUNT}/workspaces/{workspace}{rest}")
}

#[test]
fn a_host_a_prefix_and_ids_each_name_a_workspace() {
    let at_root = doors("");
    for (host, raw, leads) in [
        ("gate", "/api/flows/", to(0, "/api/flows/")),
        ("gate", "/team-a/api/flows/", to(1, "/api/flows/")),
        ("gate", "/team-a", to(1, "/")),
        ("gate", "/team-a/", to(1, "/")),
        ("gate", "/team-ab/x", to(0, "/team-ab/x")),
        ("gate", "/Team-a/api/x", to(0, "/Team-a/api/x")),
        ("gate", "/team-a/team-a/x", to(1, "/team-a/x")),
        ("lab.example", "/api/flows/", to(2, "/api/flows/")),
        ("lab.example", "/team-a/api/x", to(2, "/team-a/api/x")),
        ("gate", &cloud(LAB, "/flows/%61"), to(2, "/api/flows/a")),
        ("gate", &cloud(TEAM, ""), to(1, "/api")),
        ("gate", &cloud(TEAM, "/"), to(1, "/api/")),
        ("lab.example", &cloud(MAIN, "/x"), to(0, "/api/x")),
        ("gate", &format!("/team-a{}", cloud(MAIN, "/x")), to(0, "/api/x")),
        ("gate", "/api/collections/work_pool_types", to(0, "/api/collections/views/aggregate-worker-metadata")),
        (
            "gate",
            &cloud(LAB, "/collections/work_pool_types"),
            to(2, "/api/collections/views/aggregate-worker-metadata"),
        ),
    ] {
        assert_eq!(led(&at_root, host, raw), leads, "{host} {raw}");
        let raw = format!("/prefect{raw}");
        assert_eq!(led(&doors("/prefect/"), host, &raw), leads, "{host} {raw}");
    }
}

#[test]
fn ids_that_are_no_workspaces_lead_nowhere_in_any_spelling() {
    let (upper, other) =
        (cloud(MAIN, "/x").replace(ACCOUNT, &ACCOUNT.to_uppercase()), cloud(TEAM, "/x").replace(ACCOUNT, MAIN));
    let unknown = [
        cloud(&MAIN.replace('1', "9"), "/x"),
        upper,
        other,
        cloud(&MAIN.replace('-', ""), "/x"),
        cloud("{x}", "/x").replace(['{', '}'], "_"),
    ];
    for raw in unknown {
        let way = doors("").read("gate", &raw).unwrap();
        assert_eq!((way.workspace, way.path.as_str()), (None, "/api/x"), "{raw}");
        assert!(matches!(way.door, Door::Cloud(_)));
    }
    // Ids are read once: what follows is a path of the workspace's Prefect, where there is none such.
    let twice = cloud(MAIN, &cloud(LAB, "/x").replacen("/api", "", 1));
    assert_eq!(led(&doors(""), "gate", &twice), to(0, &cloud(LAB, "/x")));
    for raw in [
        format!("/api/accounts/{ACCOUNT}"),
        format!("/api/accounts/{ACCOUNT}/settings"),
        format!("/api/accounts/{ACCOUNT}/workspaces"),
    ] {
        assert_eq!(led(&doors(""), "gate", &raw), to(0, &raw), "no ids of a workspace");
    }
}

#[test]
fn what_stands_before_the_path_has_one_spelling() {
    let plain = cloud(TEAM, "/x");
    for raw in [
        "/%74eam-a/api/x",
        "/team%2Da/api/x",
        &plain.replace("accounts", "%61ccounts"),
        &plain.replace("workspaces", "work%73paces"),
        &plain.replace(TEAM, &TEAM.replacen('2', "%32", 1)),
        &plain.replace(ACCOUNT, &ACCOUNT.replacen('a', "%61", 1)),
        "/%61pi/accounts/a/workspaces/b/x",
        "/team-a//api/x",
        "/team-a/../api/x",
        "/x/../team-a/api/x",
        "/team-a/%2e%2e/api/x",
        "/team-a%2fapi/x",
        "/team-a;x/api/x",
        &cloud(MAIN, &format!("/../{TEAM}/x")),
        &cloud(MAIN, &format!("%2f..%2f{TEAM}/x")),
        &cloud("..", "/x"),
    ] {
        assert_eq!(led(&doors(""), "gate", raw), Err(Reason::AmbiguousPath), "{raw}");
    }
}

#[test]
fn without_a_default_the_root_belongs_to_nobody() {
    let addresses = vec![address(TEAM, &[], "/team-a"), address(LAB, &["lab.example"], "/lab")];
    let doors = Doors { addresses, ..doors("") };
    assert_eq!(led(&doors, "gate", "/api/x"), Ok((None, "/api/x".to_owned())));
    assert_eq!(led(&doors, "lab.example", "/team-a/x"), Ok((None, "/team-a/x".to_owned())));
    let named = Doors { addresses: vec![address(LAB, &["lab.example"], "")], ..doors };
    assert_eq!(led(&named, "gate", "/api/x"), Err(Reason::UnknownHost));
}

#[test]
fn a_path_of_prefects_is_told_as_the_caller_spells_it() {
    let doors = doors("/prefect");
    for (host, raw, outside) in [
        ("gate", "/prefect/team-a/api/x".to_owned(), "/prefect/team-a/api/y?z".to_owned()),
        ("gate", format!("/prefect{}", cloud(LAB, "/x")), format!("/prefect{}", cloud(LAB, "/y?z"))),
        ("lab.example", "/api/x".to_owned(), "/prefect/api/y?z".to_owned()),
    ] {
        let way = doors.read(host, &raw).unwrap();
        assert_eq!(doors.outside(way.workspace, &way.door, "/api/y?z"), outside);
    }
    assert_eq!(doors.link("https://gate:8443", "gate", 1), Some("/prefect/team-a".to_owned()));
    assert_eq!(doors.link("https://gate:8443", "gate", 2), Some("https://lab.example:8443/prefect".to_owned()));
    assert_eq!(doors.link("https://lab.example", "lab.example", 2), Some("/prefect".to_owned()));
    assert_eq!(doors.link("https://lab.example", "lab.example", 0), None, "of that host nothing is known");
    let public = Doors { public: Some("https://gate.example".to_owned()), ..doors };
    assert_eq!(
        public.link("https://lab.example", "lab.example", 1),
        Some("https://gate.example/prefect/team-a".to_owned())
    );
}

proptest! {
    /// Whatever is sent: a workspace that is not the root's is reached only by its prefix, its host or its ids, in plain letters.
    #[test]
    fn nothing_but_a_workspaces_own_address_leads_to_it(raw in "(/(team-a|api|accounts|workspaces|[a-z%.]{0,4}|22222222-2222-8222-8222-222222222222|aaaaaaaa-aaaa-8aaa-8aaa-aaaaaaaaaaaa)){1,7}/?") {
        if let Ok(way) = doors("").read("gate", &raw) {
            let by_prefix = raw == "/team-a" || raw.starts_with("/team-a/");
            let by_ids = raw.trim_start_matches("/team-a").starts_with(&cloud(TEAM, ""));
            let is_cloud = matches!(way.door, Door::Cloud(_));
            prop_assert_eq!(way.workspace == Some(1), if is_cloud { by_ids } else { by_prefix });
        }
    }
}
