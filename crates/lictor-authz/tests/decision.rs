//! Who gets a permit, and why not?

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop"
)]

use std::sync::Arc;

use lictor_authz::matcher::find;
use lictor_authz::{AccessView, CanonicalPath, Effect, Matched, OPERATIONS, Verb, decide, deny_unknown};
use lictor_model::{
    Assignments, CredentialKind, CredentialRef, Grant, Identity, Narrowing, Permission, PermissionSet, Principal,
    PrincipalKind, PrincipalName, Reason, Role, RoleName, Scope, Source, Timestamp, WorkspaceName,
};
use proptest::prelude::*;
use serde_json::json;

fn identity(kind: CredentialKind, disabled: bool) -> Identity {
    let principal = Principal {
        id: "p1".into(),
        kind: PrincipalKind::User,
        name: PrincipalName::parse("ada").unwrap(),
        disabled,
        created_at: Timestamp::default(),
    };
    Identity {
        principal: Arc::new(principal),
        credential: CredentialRef { kind, id: "c1".into() },
        narrowing: None,
        viewing: None,
    }
}

fn grant(role: &str, scope: Scope) -> Grant {
    let role = RoleName::parse(role).unwrap();
    let (id, source) = (role.as_str().into(), Source::ByHand);
    Grant { id, principal: "p1".into(), role, scope, source, created_at: Timestamp::default() }
}

fn granted(grants: &[Grant]) -> AccessView {
    AccessView::build(&Assignments { grants: grants.to_vec(), ..Assignments::default() })
}

fn asked(verb: Verb, path: &str) -> Matched {
    let path = CanonicalPath::parse(path).unwrap();
    find(verb, path.below("/api").unwrap()).unwrap()
}

fn reason(roles: &[&str], who: Option<&Identity>, verb: Verb, path: &str) -> Option<Reason> {
    let grants: Vec<_> = roles.iter().map(|role| grant(role, Scope::Everywhere)).collect();
    let view = granted(&grants);
    decide(&asked(verb, path), who, &view, &"main".into()).err().map(|denial| denial.reason)
}

/// What becomes of a request by a narrow key of somebody with a role.
fn narrowed(role: &str, narrowing: Narrowing, verb: Verb, path: &str) -> Option<Reason> {
    let key = Identity { narrowing: Some(Arc::new(narrowing)), ..identity(CredentialKind::Key, false) };
    reason(&[role], Some(&key), verb, path)
}

#[test]
fn a_narrow_key_does_less_than_its_owner_and_never_more() {
    let narrow = |permissions: &[Permission]| Narrowing {
        permissions: Some(permissions.iter().copied().collect()),
        ..Narrowing::default()
    };
    let too_narrow = Some(Reason::KeyTooNarrow);
    assert_eq!(narrowed("owner", narrow(&[Permission::SeeFlows]), Verb::Post, "/api/flows/filter"), None);
    assert_eq!(narrowed("owner", narrow(&[Permission::SeeFlows]), Verb::Post, "/api/flows/"), too_narrow);
    assert_eq!(narrowed("owner", narrow(&[]), Verb::Post, "/api/flows/filter"), too_narrow);
    let more = narrow(&[Permission::RunFlows]);
    assert_eq!(narrowed("viewer", more, Verb::Post, "/api/flows/"), Some(Reason::PermissionDenied));
    let elsewhere = Narrowing { workspace: Some("other".into()), ..Narrowing::default() };
    assert_eq!(narrowed("owner", elsewhere, Verb::Get, "/api/version"), too_narrow);
}

#[test]
fn a_read_only_key_changes_nothing() {
    let reading = || Narrowing { read_only: true, ..Narrowing::default() };
    for row in OPERATIONS {
        let path = format!("/api{}", row.template.replace(['{', '}'], ""));
        let may = narrowed("owner", reading(), row.verb, &path).is_none();
        let listens = matches!(row.name(), "SOCKET /events/out" | "SOCKET /logs/out" | "GET /csrf-token");
        assert!(!may || row.effect == Effect::Read || listens, "{row}");
    }
    assert_eq!(narrowed("owner", reading(), Verb::Post, "/api/flow_runs/filter"), None);
}

#[test]
fn a_key_bound_to_a_pool_works_in_no_other() {
    let bound = || Narrowing { work_pools: vec!["etl".to_owned()], ..Narrowing::default() };
    for (verb, path) in [
        (Verb::Post, "/api/work_pools/POOL/get_scheduled_flow_runs"),
        (Verb::Post, "/api/work_pools/POOL/workers/heartbeat"),
        (Verb::Socket, "/api/work_pools/POOL/workers/connect"),
        (Verb::Get, "/api/work_pools/POOL"),
        (Verb::Get, "/api/work_pools/POOL/queues/q"),
    ] {
        assert_eq!(narrowed("owner", bound(), verb, &path.replace("POOL", "etl")), None, "{path}");
        assert_eq!(narrowed("owner", bound(), verb, &path.replace("POOL", "%65tl")), None, "{path}");
        for other in ["etl2", "ETL", "et", "x"] {
            let refused = narrowed("owner", bound(), verb, &path.replace("POOL", other));
            assert_eq!(refused, Some(Reason::KeyTooNarrow), "{path} {other}");
        }
    }
    // Polls that name no pool would be a way around.
    for path in ["/api/work_queues/q/get_runs", "/api/deployments/get_scheduled_flow_runs"] {
        assert_eq!(narrowed("owner", bound(), Verb::Post, path), Some(Reason::KeyTooNarrow));
    }
    // So would a pool of one's own, or a queue of which only the id is known.
    for (verb, path) in
        [(Verb::Post, "/api/work_pools/"), (Verb::Post, "/api/work_queues/"), (Verb::Patch, "/api/work_queues/q")]
    {
        assert_eq!(narrowed("owner", bound(), verb, path), Some(Reason::KeyTooNarrow));
    }
    assert_eq!(narrowed("owner", bound(), Verb::Get, "/api/work_queues/q"), None);
    assert_eq!(narrowed("worker", bound(), Verb::Post, "/api/flow_runs/r/set_state"), None);
}

#[test]
fn a_key_bound_to_a_pool_names_no_other_in_a_body() {
    let narrowing = Narrowing { work_pools: vec!["etl".to_owned()], ..Narrowing::default() };
    let key = Identity { narrowing: Some(Arc::new(narrowing)), ..identity(CredentialKind::Key, false) };
    let view = granted(&[grant("owner", Scope::Everywhere)]);
    for (verb, path) in [
        (Verb::Post, "/api/deployments/"),
        (Verb::Patch, "/api/deployments/d"),
        (Verb::Post, "/api/flow_runs/"),
        (Verb::Patch, "/api/flow_runs/r"),
    ] {
        let permit = decide(&asked(verb, path), Some(&key), &view, &"main".into()).unwrap();
        for own in [json!({}), json!({"work_pool_name": null}), json!({"work_pool_name": "etl"})] {
            assert!(permit.check_body(&own).is_ok(), "{path} {own}");
        }
        for other in [json!({"work_pool_name": "other"}), json!({"work_pool_name": ["etl"]})] {
            let refused = permit.check_body(&other).err().map(|denial| denial.reason);
            assert_eq!(refused, Some(Reason::KeyTooNarrow), "{path} {other}");
        }
    }
}

#[test]
fn each_no_has_its_reason() {
    let (key, session) = (identity(CredentialKind::Key, false), identity(CredentialKind::Session, false));
    let disabled = identity(CredentialKind::Key, true);
    let flows = "/api/flows/filter";
    assert_eq!(reason(&[], None, Verb::Get, "/api/health"), None);
    assert_eq!(reason(&[], None, Verb::Post, flows), Some(Reason::AuthenticationRequired));
    assert_eq!(reason(&["owner"], Some(&disabled), Verb::Post, flows), Some(Reason::PrincipalDisabled));
    assert_eq!(reason(&[], Some(&key), Verb::Get, "/api/version"), Some(Reason::NotAMember));
    assert_eq!(reason(&["gone"], Some(&key), Verb::Get, "/api/version"), Some(Reason::NotAMember));
    assert_eq!(reason(&["viewer"], Some(&key), Verb::Get, "/api/version"), None);
    assert_eq!(reason(&["viewer"], Some(&key), Verb::Post, "/api/flows/"), Some(Reason::PermissionDenied));
    assert_eq!(reason(&["owner"], Some(&key), Verb::Post, "/api/admin/database/drop"), Some(Reason::OperationClosed));
    assert_eq!(reason(&["owner"], Some(&key), Verb::Socket, "/api/events/out"), None);
    assert_eq!(reason(&["owner"], Some(&session), Verb::Socket, "/api/events/out"), Some(Reason::SessionOnSocket));
}

#[test]
fn a_denial_names_what_is_lacking() {
    let view = granted(&[grant("viewer", Scope::Everywhere)]);
    let who = identity(CredentialKind::Key, false);
    let connect = asked(Verb::Socket, "/api/work_pools/p/workers/connect");
    let denial = decide(&connect, Some(&who), &view, &"main".into()).unwrap_err();
    assert_eq!(denial.lacking.iter().collect::<Vec<_>>(), [Permission::WriteWorkers]);
    assert!(denial.advice().ends_with("Lacking: write_workers."));
}

#[test]
fn an_unknown_operation_is_named_only_to_members() {
    let view = granted(&[grant("viewer", Scope::Workspace("main".into()))]);
    let who = identity(CredentialKind::Key, false);
    let of = |who, workspace: &str| deny_unknown(who, &view, &WorkspaceName::from(workspace)).reason;
    assert_eq!(of(None, "main"), Reason::AuthenticationRequired);
    assert_eq!(of(Some(&who), "other"), Reason::NotAMember);
    assert_eq!(of(Some(&who), "main"), Reason::UnknownOperation);
}

#[test]
fn a_custom_role_cannot_take_a_built_in_name() {
    let viewer = RoleName::parse("viewer").unwrap();
    let fake = Role {
        name: viewer,
        description: String::new(),
        base: None,
        permissions: PermissionSet::all(),
        built_in: false,
    };
    let view = AccessView::build(&Assignments {
        roles: vec![fake],
        grants: vec![grant("viewer", Scope::Everywhere)],
        ..Assignments::default()
    });
    let held = view.permissions(&"p1".into(), &"main".into()).unwrap();
    assert!(!held.contains(Permission::ManageFlows));
    assert!(view.explain(&"p1".into(), &"main".into()).iter().all(|held| held.permissions != PermissionSet::all()));
}

#[test]
fn secrets_are_for_those_who_may_see_them() {
    let who = identity(CredentialKind::Key, false);
    let may = |role| {
        let view = granted(&[grant(role, Scope::Everywhere)]);
        let block = asked(Verb::Get, "/api/block_documents/x");
        decide(&block, Some(&who), &view, &"main".into()).unwrap().may_see_secrets()
    };
    assert_eq!(["viewer", "runner", "developer", "owner", "worker"].map(may), [false, false, true, true, true]);
}

proptest! {
    #[test]
    fn taking_a_grant_away_never_adds_access(
        chosen in prop::collection::vec((0_usize..5, 0_usize..3), 1..6), gone in 0_usize..6, row in 0_usize..OPERATIONS.len(),
    ) {
        let roles = ["viewer", "runner", "developer", "owner", "worker"];
        let scopes = [Scope::Everywhere, Scope::Workspace("main".into()), Scope::Workspace("other".into())];
        let all: Vec<_> = chosen.iter().map(|(role, scope)| grant(roles[*role], scopes[*scope].clone())).collect();
        let mut fewer = all.clone();
        fewer.remove(gone % all.len());
        let row = &OPERATIONS[row];
        let matched = asked(row.verb, &format!("/api{}", row.template.replace(['{', '}'], "")));
        let who = identity(CredentialKind::Key, false);
        let may = |grants: &[Grant]| decide(&matched, Some(&who), &granted(grants), &"main".into()).is_ok();
        prop_assert!(may(&all) || !may(&fewer));
    }
}

#[test]
fn whoever_looks_through_anothers_rights_sees_what_those_allow_and_changes_nothing() {
    let owner = identity(CredentialKind::Session, false);
    let viewed = |id: &str, disabled| Arc::new(Principal { id: id.into(), disabled, ..(*owner.principal).clone() });
    let looks = |viewing| Identity { viewing: Some(viewing), ..owner.clone() };
    // The grants of this stage are p1's: an owner's own, and through their eyes nothing of p2's.
    let stranger = looks(viewed("p2", false));
    assert_eq!(reason(&["owner"], Some(&stranger), Verb::Post, "/api/flows/filter"), Some(Reason::NotAMember));
    let disabled = looks(viewed("p1", true));
    assert_eq!(reason(&["owner"], Some(&disabled), Verb::Get, "/api/version"), Some(Reason::PrincipalDisabled));
    let view = granted(&[grant("owner", Scope::Everywhere)]);
    let (by_itself, looking) = (identity(CredentialKind::Session, false), looks(viewed("p1", false)));
    let mut changes = 0;
    for operation in OPERATIONS.iter().filter(|operation| operation.verb != Verb::Socket) {
        let path = operation.template.replace("{", "").replace("}", "");
        let Some(matched) = CanonicalPath::parse(&format!("/api{path}"))
            .ok()
            .and_then(|path| find(operation.verb, path.below("/api")?))
        else {
            continue;
        };
        let own = decide(&matched, Some(&by_itself), &view, &"main".into()).err().map(|denial| denial.reason);
        let seen = decide(&matched, Some(&looking), &view, &"main".into()).err().map(|denial| denial.reason);
        let reads =
            operation.effect == Effect::Read || (operation.effect == Effect::Plumbing && operation.verb == Verb::Get);
        let is_open = operation.access == lictor_authz::Access::Public;
        let expected = if own.is_none() && !reads && !is_open { Some(Reason::ViewOnly) } else { own };
        assert_eq!(seen, expected, "{}", operation.name());
        changes += i32::from(expected == Some(Reason::ViewOnly));
    }
    assert!(changes > 70, "{changes}");
}
