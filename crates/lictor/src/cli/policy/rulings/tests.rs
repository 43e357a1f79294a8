//! Is every event decided as the gateway would, and is only what changes told?

use lictor_authz::AccessView;
use lictor_model::{
    Actor, Assignments, CredentialKind, CredentialRef, EventId, Grant, GrantId, PrincipalKind, Role, RoleName, Scope,
    Source,
};

use super::*;

const RUN: (&str, &str) =
    ("POST /deployments/{id}/create_flow_run", "/api/deployments/0198a6e2-7f31-7c55-9d11-3f2b8f7a1c0e/create_flow_run");
const POLL: (&str, &str) = ("POST /work_pools/{work_pool_name}/queues", "/api/work_pools/etl/queues");

fn event((operation, object): (&str, &str), demands: Option<&str>) -> AuditEvent {
    AuditEvent {
        id: EventId::fresh(),
        at: Timestamp::from_micros(5),
        actor: Actor { id: "a".to_owned(), kind: Some(PrincipalKind::User), name: "alice".to_owned() },
        credential: Some(CredentialRef { kind: CredentialKind::Key, id: "k".into() }),
        client_ip: "::1".to_owned(),
        operation: operation.to_owned(),
        object: object.to_owned(),
        workspace: Some("main".into()),
        outcome: Outcome::Allowed,
        reason: String::new(),
        demands: demands.map(|text| Demands::parse(text).unwrap()),
        status: 201,
        request: None,
    }
}

fn refused(event: AuditEvent, reason: Reason) -> AuditEvent {
    AuditEvent { outcome: Outcome::Refused, reason: reason.code().to_owned(), status: reason.status(), ..event }
}

/// What Alice holds.
fn access(permissions: &[Permission]) -> AccessView {
    let role = Role {
        name: RoleName::parse("some").unwrap(),
        description: String::new(),
        permissions: PermissionSet::of(permissions),
        base: None,
        built_in: false,
    };
    let grant = Grant {
        id: GrantId::from("g"),
        principal: PrincipalId::from("a"),
        role: role.name.clone(),
        scope: Scope::Everywhere,
        source: Source::ByHand,
        created_at: Timestamp::default(),
    };
    AccessView::build(&Assignments { roles: vec![role], grants: vec![grant], ..Assignments::default() })
}

fn people(limits: Option<Narrowing>) -> People {
    let alice = Principal {
        id: PrincipalId::from("a"),
        kind: PrincipalKind::User,
        name: PrincipalName::parse("alice").unwrap(),
        disabled: false,
        created_at: Timestamp::default(),
    };
    let limits = limits.map(|limits| (CredentialId::from("k"), Arc::new(limits)));
    People { principals: [(alice.id.clone(), Arc::new(alice))].into(), limits: limits.into_iter().collect() }
}

fn judged(events: &[AuditEvent], today: &[Permission], then: &[Permission], limits: Option<Narrowing>) -> Rulings {
    let mut rulings = Rulings::default();
    let people = people(limits);
    events.iter().for_each(|event| rulings.judge(event, &people, &access(today), &access(then)));
    rulings
}

/// What would be otherwise, and for lack of what.
fn told(rulings: &Rulings) -> Vec<(Change, u64, String)> {
    rulings.changes.iter().map(|(kind, tally)| (kind.change, tally.count, kind.lacking.join(" "))).collect()
}

use Permission::{ReconfigureFlowRuns, RunDeployments, SeeBlocks, SeeFlows, SeeSecretBlocks, WriteWorkQueues};

#[test]
fn a_run_with_job_variables_is_told_from_one_without() {
    let events = [event(RUN, Some("reconfigure_flow_runs")), event(RUN, Some("nothing")), event(RUN, None)];
    let found = judged(&events, &[RunDeployments, ReconfigureFlowRuns], &[RunDeployments], None);
    assert_eq!(told(&found), [(Change::Denied, 1, "reconfigure_flow_runs".to_owned())]);
    assert_eq!((found.judged, found.bodies_unknown, found.already), (3, 1, 0));
    let found = judged(&events, &[RunDeployments, ReconfigureFlowRuns], &[SeeFlows], None);
    assert_eq!(told(&found), [(Change::Denied, 3, "run_deployments".to_owned())]);
}

#[test]
fn what_was_refused_would_be_allowed() {
    let event = refused(event(RUN, Some("reconfigure_flow_runs")), Reason::PermissionDenied);
    let found = judged(&[event], &[RunDeployments], &[RunDeployments, ReconfigureFlowRuns], None);
    assert_eq!(told(&found), [(Change::Allowed, 1, "reconfigure_flow_runs".to_owned())]);
}

#[test]
fn what_is_decided_otherwise_today_already_is_counted_and_not_told() {
    let found = judged(&[event(RUN, Some("nothing"))], &[SeeFlows], &[SeeFlows], None);
    assert_eq!((told(&found), found.already), (vec![], 1));
    // Refused then, allowed today: the file would deny nothing that was done.
    let refused = refused(event(RUN, None), Reason::NotAMember);
    let found = judged(&[refused], &[RunDeployments], &[], None);
    assert_eq!((told(&found), found.already), (vec![], 1));
}

#[test]
fn a_revealed_secret_would_be_masked() {
    let read = ("GET /block_documents/{id}", "/api/block_documents/0198a6e2-7f31-7c55-9d11-3f2b8f7a1c0e");
    let events = [event(read, None), event(read, Some("see_secret_blocks"))];
    let found = judged(&events, &[SeeBlocks, SeeSecretBlocks], &[SeeBlocks], None);
    assert_eq!(told(&found), [(Change::Masked, 2, "see_secret_blocks".to_owned())]);
    let found = judged(&events, &[SeeBlocks, SeeSecretBlocks], &[], None);
    assert_eq!(told(&found), [(Change::Denied, 2, "see_blocks".to_owned())]);
}

#[test]
fn the_limits_of_the_key_hold_in_both() {
    let limits = || Narrowing { permissions: Some(PermissionSet::of(&[WriteWorkQueues])), ..Narrowing::default() };
    let denied = refused(event(RUN, None), Reason::PermissionDenied);
    // More for its owner is not more for the key.
    let found = judged(std::slice::from_ref(&denied), &[], &[RunDeployments], Some(limits()));
    assert_eq!((told(&found), found.judged), (vec![], 1));
    let found = judged(&[denied], &[], &[RunDeployments], None);
    assert_eq!(told(&found), [(Change::Allowed, 1, "run_deployments".to_owned())]);
    let beyond = refused(event(RUN, None), Reason::KeyTooNarrow);
    assert_eq!(judged(&[beyond], &[RunDeployments], &[], Some(limits())).judged, 0);
    let found = judged(&[event(POLL, None)], &[WriteWorkQueues], &[], Some(limits()));
    assert_eq!(told(&found), [(Change::Denied, 1, "write_work_queues".to_owned())]);
}

#[test]
fn what_no_role_changes_is_left_out_and_what_is_not_known_is_counted() {
    let elsewhere = AuditEvent { workspace: None, operation: "user.add".to_owned(), ..event(RUN, None) };
    let cross = refused(event(RUN, None), Reason::CrossOrigin);
    let nobody = AuditEvent { credential: None, ..event(RUN, None) };
    let gone = event(("POST /gone", "/api/gone"), None);
    let spoilt = event((RUN.0, "/api/deployments/lictor_\u{2026}/create_flow_run"), None);
    let found = judged(&[elsewhere, cross, nobody, gone, spoilt], &[RunDeployments], &[], None);
    assert_eq!((told(&found), found.judged, found.unknown), (vec![], 0, 2));
}

#[test]
fn whoever_was_removed_since_is_refused_either_way() {
    let mut removed = event(RUN, Some("nothing"));
    removed.actor.id = "b".to_owned();
    let found = judged(&[removed], &[RunDeployments], &[], None);
    assert_eq!((told(&found), found.already), (vec![], 1));
}
