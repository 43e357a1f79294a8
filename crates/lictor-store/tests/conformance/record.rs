//! Is everything on record, once and for ever?

use crate::stage::*;
use lictor_model::*;
use lictor_store::*;

pub(crate) async fn the_record_is_listed_newest_first_and_never_changed(stage: Stage) {
    let events: Vec<_> = (0..1200).map(|n| event(&format!("op{n}"))).collect();
    stage.store.append_audit(&events).await.unwrap();
    let page = stage.store.list_audit(AuditFilter { limit: 2, ..Default::default() }).await.unwrap();
    assert_eq!(page[0].operation, "op1199");
    assert_eq!(page[0].actor.name, "so\u{fffd}mebody");
    assert_eq!(page[0].credential, event("x").credential);
    let filter = AuditFilter { before: Some(page[1].id.clone()), limit: 1, ..Default::default() };
    assert_eq!(stage.store.list_audit(filter).await.unwrap()[0].operation, "op1197");
    let filter =
        AuditFilter { operation: Some("op7".to_owned()), since: Some(Timestamp::from_micros(5)), ..Default::default() };
    assert_eq!(stage.store.list_audit(filter).await.unwrap().len(), 1);
    let filter = AuditFilter { until: Some(Timestamp::from_micros(5)), ..Default::default() };
    assert!(stage.store.list_audit(filter).await.unwrap().is_empty());
}

pub(crate) async fn what_is_on_record_is_neither_changed_nor_deleted(stage: Stage) {
    stage.store.append_audit(&[event("op")]).await.unwrap();
    for statement in ["DELETE FROM audit", "UPDATE audit SET reason = ''"] {
        let refused = execute(&stage.url, statement).await.unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{refused}");
    }
    assert_eq!(stage.operations().await, ["op"]);
}

pub(crate) async fn every_field_of_an_event_reads_back(stage: Stage) {
    let full = AuditEvent { actor: Actor::unknown("somebody"), ..event("op") };
    let empty = AuditEvent {
        id: EventId::fresh(),
        actor: Actor::console(),
        credential: None,
        workspace: None,
        outcome: Outcome::Allowed,
        demands: None,
        request: None,
        ..full.clone()
    };
    let looked = AuditEvent { id: EventId::fresh(), demands: Some(Demands::default()), ..full.clone() };
    let events = [full, empty, looked];
    stage.store.append_audit(&events).await.unwrap();
    // A second time, as after a commit whose answer was lost.
    stage.store.append_audit(&events).await.unwrap();
    let mut listed = stage.store.list_audit(AuditFilter::default()).await.unwrap();
    listed.reverse();
    assert_eq!(listed, events);
}

pub(crate) async fn the_record_is_filtered_by_actor_and_outcome(stage: Stage) {
    let alice = stage.add_user("alice", Some("viewer")).await.unwrap();
    let actor = Actor { id: alice.id.to_string(), kind: Some(alice.kind), name: "alice".to_owned() };
    let allowed = AuditEvent { actor: actor.clone(), outcome: Outcome::Allowed, ..event("allowed") };
    let refused = AuditEvent { actor, ..event("refused") };
    stage.store.append_audit(&[allowed, refused]).await.unwrap();
    for actor in ["alice", alice.id.as_str()] {
        let filter = AuditFilter { actor: Some(actor.to_owned()), ..AuditFilter::default() };
        let listed = stage.store.list_audit(filter.clone()).await.unwrap();
        assert_eq!(listed.iter().map(|event| event.operation.as_str()).collect::<Vec<_>>(), ["refused", "allowed"]);
        let filter = AuditFilter { outcome: Some(Outcome::Allowed), ..filter };
        assert_eq!(stage.store.list_audit(filter).await.unwrap().len(), 1);
    }
    // A removal does not rewrite history.
    stage.store.remove_principal(&By::console(), &named("alice")).await.unwrap();
    let filter = AuditFilter { actor: Some(alice.id.to_string()), ..AuditFilter::default() };
    assert_eq!(stage.store.list_audit(filter).await.unwrap().len(), 2);
}

pub(crate) async fn a_batch_is_recorded_whole_whoever_else_writes(stage: Stage) {
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let store = stage.store.clone();
            let events: Vec<_> = (0..101).map(|n| event(&format!("{writer}-{n}"))).collect();
            tokio::spawn(async move { store.append_audit(&events).await })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap().unwrap();
    }
    let listed = stage.store.list_audit(AuditFilter { limit: 1000, ..AuditFilter::default() }).await.unwrap();
    assert_eq!(listed.len(), 404);
    for writer in 0..4 {
        let prefix = format!("{writer}-");
        let mine: Vec<_> = listed.iter().filter_map(|event| event.operation.strip_prefix(&prefix)).collect();
        let expected: Vec<_> = (0..101).rev().map(|n| n.to_string()).collect();
        assert_eq!(mine, expected);
    }
}

fn event(operation: &str) -> AuditEvent {
    AuditEvent {
        id: EventId::fresh(),
        at: Timestamp::from_micros(5),
        actor: Actor::unknown("so\0mebody"),
        credential: Some(CredentialRef { kind: CredentialKind::Key, id: "k".into() }),
        client_ip: "::1".to_owned(),
        operation: operation.to_owned(),
        object: "/x".to_owned(),
        workspace: Some("default".into()),
        outcome: Outcome::Refused,
        reason: "permission-denied".to_owned(),
        demands: Some(Demands::parse("see_variables run_flows|control_flow_runs").unwrap()),
        status: 403,
        request: Some(RequestId::from("r")),
    }
}
