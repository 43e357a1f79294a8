//! Does the table say what Prefect Cloud says, and does it say one thing for each request?

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop"
)]

use std::collections::BTreeMap;

use lictor_authz::matcher::find;
use lictor_authz::{Access, Basis, CanonicalPath, Effect, OPERATIONS, Operation, Verb, render, roles};
use lictor_model::{Permission, PermissionSet};

fn matched(verb: Verb, path: &str) -> Option<(&'static str, String)> {
    let path = CanonicalPath::parse(path).unwrap();
    find(verb, path.below("/api").unwrap()).map(|it| (it.operation().name(), it.path().to_owned()))
}

#[test]
fn every_scope_that_cloud_states_is_the_one_in_the_table() {
    let facts = include_str!("fixtures/cloud_scopes.tsv");
    let stated: BTreeMap<String, PermissionSet> = facts
        .lines()
        .skip(1)
        .map(|line| {
            let [method, path, scopes] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
            let set = scopes.split(',').map(|scope| Permission::parse(scope).expect(scope)).collect();
            (format!("{method} {path}"), set)
        })
        .collect();
    let ours: BTreeMap<String, PermissionSet> = OPERATIONS
        .iter()
        .filter(|row| row.basis == Basis::Cloud)
        .map(|row| {
            let stated = match row.access {
                Access::Needs(needed) => needed,
                // What is Cloud's is enough, and so is something narrower of ours.
                Access::Either(any) => any.iter().filter(|permission| !permission.is_ours()).collect(),
                _ => panic!("{row} has no scope"),
            };
            (row.name().to_owned(), stated)
        })
        .collect();
    assert!(stated.len() >= 152);
    assert_eq!(ours, stated);
}

#[test]
fn every_row_decided_here_says_why() {
    for row in OPERATIONS.iter().filter(|row| row.basis == Basis::Decided) {
        assert!(!row.reason.is_empty(), "{row}");
    }
}

#[test]
fn no_two_rows_of_one_verb_can_match_the_same_path() {
    let segments = |row: &Operation| -> Vec<&str> { row.template.split('/').filter(|it| !it.is_empty()).collect() };
    for (at, one) in OPERATIONS.iter().enumerate() {
        for other in OPERATIONS.iter().skip(at + 1).filter(|other| other.verb == one.verb) {
            let (ours, theirs) = (segments(one), segments(other));
            let meets = |(a, b): (&&str, &&str)| a == b || a.starts_with('{') || b.starts_with('{');
            let collide = ours.len() == theirs.len() && ours.iter().zip(&theirs).all(meets);
            // The one pair that meets, at `/work_queues/name/status`: Prefect's `{id}` there takes a UUID only, so the
            // literal wins upstream as it does here, and both need the same.
            let harmless = (one.template, other.template) == ("/work_queues/name/{name}", "/work_queues/{id}/status")
                && one.access == other.access;
            assert!(!collide || harmless, "{one} and {other}");
        }
    }
}

#[test]
fn every_row_is_found_by_its_own_path_in_either_spelling() {
    for row in OPERATIONS {
        let own = row.template.replace(['{', '}'], "");
        let other = own.strip_suffix('/').map_or_else(|| format!("{own}/"), str::to_owned);
        for spelling in [&own, &other] {
            assert_eq!(matched(row.verb, &format!("/api{spelling}")), Some((row.name(), own.clone())), "{spelling}");
        }
    }
}

#[test]
fn the_verb_is_part_of_the_key_so_a_pool_may_be_called_filter() {
    let name = |verb, path| matched(verb, path).map(|(name, _)| name);
    assert_eq!(name(Verb::Get, "/api/work_pools/filter"), Some("GET /work_pools/{name}"));
    assert_eq!(name(Verb::Post, "/api/work_pools/filter"), Some("POST /work_pools/filter"));
    let read = Some("GET /v2/concurrency_limits/{id_or_name}");
    assert_eq!(name(Verb::Get, "/api/v2/concurrency_limits/increment"), read);
    assert_eq!(name(Verb::Get, "/api/artifacts/latest"), Some("GET /artifacts/{id}"));
    assert_eq!(name(Verb::Get, "/api/artifacts/latest/latest"), Some("GET /artifacts/{key}/latest"));
    assert_eq!(name(Verb::Get, "/api/work_queues/name/status"), Some("GET /work_queues/name/{name}"));
    assert_eq!(name(Verb::Get, "/api/events/in"), None);
    assert_eq!(name(Verb::Socket, "/api/events/in"), Some("SOCKET /events/in"));
}

#[test]
fn what_is_in_no_row_is_not_found() {
    for path in ["/api", "/api/", "/api/health/x", "/api/admin/Settings", "/api/new", "/api/flows/", "/api/flows/a/b"] {
        assert_eq!(matched(Verb::Get, path), None, "{path}");
        assert_eq!(matched(Verb::Head, path), None, "{path}");
    }
    assert_eq!(matched(Verb::Post, "/api/variables/name/x"), None);
    assert_eq!(Verb::from_method("get"), None);
    assert_eq!(Verb::from_method("SOCKET"), None);
}

#[test]
fn parameters_are_decoded() {
    let path = CanonicalPath::parse("/api/deployments/name/my%20flow/%c3%a9t%c3%a9/").unwrap();
    let found = find(Verb::Get, path.below("/api").unwrap()).unwrap();
    assert_eq!(found.path(), "/deployments/name/my%20flow/%C3%A9t%C3%A9");
    assert_eq!(found.param("flow_name").as_deref(), Some("my flow"));
    assert_eq!(found.param("deployment_name").as_deref(), Some("été"));
    assert_eq!(found.param("id"), None);
}

#[test]
fn a_viewer_may_no_change_but_the_one_that_cloud_gives_it() {
    let viewer = roles::built_in().iter().find(|role| role.name.as_str() == "viewer").unwrap().permissions;
    let may = |row: &&Operation| row.access.admits(viewer);
    let changes = OPERATIONS.iter().filter(|row| row.effect == Effect::Change).filter(may);
    assert_eq!(changes.map(|row| row.name()).collect::<Vec<_>>(), ["POST /work_queues/"]);
}

#[test]
fn every_built_in_role_and_every_operation_as_reviewed() {
    let names: Vec<_> = roles::built_in().iter().map(|role| role.name.as_str()).collect();
    let mut matrix = format!("{:<90}{}\n", "operation", names.join(" "));
    for row in render::operation_rows() {
        let cells = names.iter().map(|name| {
            let mark = if row.roles.contains(name) { "x" } else { "." };
            format!("{mark:<width$}", width = name.len())
        });
        matrix.push_str(format!("{:<90}{}", row.operation, cells.collect::<Vec<_>>().join(" ")).trim_end());
        matrix.push('\n');
    }
    insta::assert_snapshot!("roles_by_operation", matrix);
}

#[test]
fn every_built_in_role_and_every_condition_as_reviewed() {
    let conditions = render::condition_rows()
        .map(|row| format!("{}\n  {}\n  needs {}; {}\n", row.operation, row.fact, row.needs, row.roles.join(" ")));
    insta::assert_snapshot!("roles_by_condition", conditions.collect::<String>());
}

#[test]
fn the_reference_page_is_the_rendered_table() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/permissions.md");
    let rendered = render::permission_table_markdown();
    if std::env::var_os("LICTOR_BLESS").is_some() {
        std::fs::write(page, &rendered).unwrap();
    }
    assert_eq!(std::fs::read_to_string(page).unwrap_or_default(), rendered, "run again with LICTOR_BLESS=1");
}
