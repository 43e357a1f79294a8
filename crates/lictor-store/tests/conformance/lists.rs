//! Is a long list read a page at a time, whole and in order?

use crate::stage::*;
use lictor_model::*;
use lictor_store::*;

pub(crate) async fn principals_are_paged_by_name_and_searched(stage: Stage) {
    for name in ["anna", "bob", "b_b", "carl", "b%b"].iter().filter(|name| PrincipalName::parse(name).is_ok()) {
        stage.add_user(name, None).await.unwrap();
    }
    let names = async |filter: PrincipalFilter| -> Vec<String> {
        let page = stage.store.page_of_principals(&filter).await.unwrap();
        page.into_iter().map(|one| one.name.to_string()).collect()
    };
    let first = names(PrincipalFilter { limit: 2, ..Default::default() }).await;
    let after = first.last().cloned();
    let rest = names(PrincipalFilter { limit: 9, after, ..Default::default() }).await;
    assert_eq!((first.len(), first[0].as_str(), rest.len()), (2, "anna", 2));
    assert!(rest.iter().all(|name| !first.contains(name)), "{first:?} {rest:?}");
    let with = |part: &str| PrincipalFilter { limit: 9, containing: part.to_owned(), ..Default::default() };
    assert_eq!(names(with("_")).await, ["b_b"], "it stands for itself");
    assert_eq!(names(with("%")).await, [""; 0]);
    assert_eq!(names(with("NN")).await, ["anna"]);
    let machines = PrincipalFilter { limit: 9, kind: Some(PrincipalKind::ServiceAccount), ..Default::default() };
    assert_eq!(names(machines).await, [""; 0]);
}

pub(crate) async fn keys_are_paged_searched_and_end_soon(stage: Stage) {
    let alice = stage.add_user("alice", Some("viewer")).await.unwrap();
    stage.add_user("bob", None).await.unwrap();
    let mut made = Vec::new();
    for at in 0..5 {
        let of = if at < 3 { "alice" } else { "bob" };
        made.push(stage.add_key(of, &format!("k{at}"), &format!("Label {at}")).await.id);
    }
    let ids = async |filter: KeyFilter| -> Vec<CredentialId> {
        let page = stage.store.page_of_keys(&KeyFilter { limit: filter.limit.max(1), ..filter }).await.unwrap();
        page.into_iter().map(|key| key.row.id).collect()
    };
    let mut seen = ids(KeyFilter { limit: 2, ..Default::default() }).await;
    while let Some(before) = seen.last().cloned() {
        let page = ids(KeyFilter { limit: 2, before: Some(before), ..Default::default() }).await;
        if page.is_empty() {
            break;
        }
        seen.extend(page);
    }
    made.sort();
    made.reverse();
    assert_eq!(seen, made, "each once, the newest first");
    let of_alice = KeyFilter { owner: Some(alice.id.clone()), limit: 9, ..Default::default() };
    assert_eq!(ids(of_alice.clone()).await.len(), 3);
    for (part, count) in [("bob", 2), ("label 3", 1), ("k4", 1), ("_", 0)] {
        let containing = part.to_owned();
        assert_eq!(ids(KeyFilter { containing, limit: 9, ..Default::default() }).await.len(), count, "{part}");
    }
    let soon = KeyFilter { ending_before: Some(stage.clock.now().plus_seconds(60)), limit: 9, ..Default::default() };
    assert_eq!(ids(soon.clone()).await, []);
    // A role that lets no key grow old ends those of its holders, though nothing is written down beside them.
    stage.store.set_max_key_age(&By::console(), &role("viewer"), Some(30)).await.unwrap();
    assert_eq!(ids(soon.clone()).await.len(), 3);
    let page = stage.store.page_of_keys(&of_alice).await.unwrap();
    assert!(page.iter().all(|key| key.owner == named("alice") && key.row.ended_by == Some(role("viewer"))));
    assert_eq!(ids(KeyFilter { limit: 2, ..soon }).await.len(), 2);
}

pub(crate) async fn sessions_that_have_not_ended_are_paged(stage: Stage) {
    let alice = stage.add_user("alice", None).await.unwrap();
    let now = stage.clock.now();
    for at in 0..3_i64 {
        let row = SessionRow {
            id: CredentialId::fresh(),
            principal: alice.id.clone(),
            digest: Digest::of(&at.to_be_bytes()),
            created_at: now,
            last_seen_at: now,
            expires_at: now.plus_seconds(60 * at),
            client_ip: "192.0.2.7".to_owned(),
            user_agent: String::new(),
            proved_at: now,
            factor: None,
            viewing: None,
        };
        stage.store.start_session(&By::console(), row).await.unwrap();
    }
    let page = async |before| {
        let filter = SessionFilter { owner: Some(alice.id.clone()), before, limit: 1 };
        stage.store.page_of_sessions(&filter).await.unwrap().pop()
    };
    let first = page(None).await.unwrap();
    let second = page(Some(first.row.id.clone())).await.unwrap();
    assert!(first.row.id > second.row.id && first.owner == named("alice"));
    assert_eq!(page(Some(second.row.id)).await, None, "the third has ended");
}

pub(crate) async fn the_record_is_counted_by_stretches(stage: Stage) {
    let mut events: Vec<_> = [10, 11, 25].map(|at| AuditEvent { at: Timestamp::from_micros(at), ..event("op") }).into();
    events[1].outcome = Outcome::Allowed;
    events.push(AuditEvent { at: Timestamp::from_micros(30), ..event("op") });
    stage.store.append_audit(&events).await.unwrap();
    let between = (Timestamp::from_micros(5), Timestamp::from_micros(30));
    let counted = stage.store.count_audit(&AuditFilter::default(), between, 10).await.unwrap();
    let first = Stretch { at: 0, allowed: 1, refused: 1 };
    assert_eq!(counted, [first, Stretch { at: 2, allowed: 0, refused: 1 }], "its end is no part of it");
    let other = AuditFilter { operation: Some("other".to_owned()), ..Default::default() };
    assert_eq!(stage.store.count_audit(&other, between, 10).await.unwrap(), []);
}

fn event(operation: &str) -> AuditEvent {
    AuditEvent {
        id: EventId::fresh(),
        at: Timestamp::default(),
        actor: Actor::console(),
        credential: None,
        client_ip: String::new(),
        operation: operation.to_owned(),
        object: String::new(),
        workspace: None,
        outcome: Outcome::Refused,
        reason: String::new(),
        demands: None,
        status: 0,
        request: None,
    }
}
