//! Is a long list read a page at a time, whole and in order?

use crate::stage::*;
use lictor_model::*;
use lictor_store::*;

pub(crate) async fn principals_are_paged_by_name_and_searched(stage: Stage) {
    for name in ["anna", "bob", "b_b", "carl", "b%b"].iter().filter(|name| PrincipalName::parse(name).is_ok()) {
        stage.add_user(name, None).await.unwrap();
    }
    let page = async |filter: PrincipalFilter| stage.store.page_of_principals(&filter).await.unwrap();
    let names = async |filter: PrincipalFilter| -> Vec<String> {
        page(filter).await.rows.into_iter().map(|one| one.name.to_string()).collect()
    };
    let at = |bounds: Bounds| PrincipalFilter { bounds, ..Default::default() };
    let first = page(at(Bounds::first(2))).await;
    assert_eq!((first.total, first.has_next, first.has_previous), (4, true, false));
    let after = Some(first.rows[1].name.to_string());
    let rest = page(at(Bounds { after, ..Bounds::first(9) })).await;
    assert_eq!((rest.rows.len(), rest.has_next, rest.has_previous), (2, false, true));
    assert!(rest.rows.iter().all(|one| !first.rows.contains(one)));
    let before = Some(rest.rows[0].name.to_string());
    let back = page(at(Bounds { before, ..Bounds::first(2) })).await;
    assert_eq!((back.rows, back.has_next, back.has_previous), (first.rows, true, false), "the same way back");
    let with = |part: &str| PrincipalFilter { containing: part.to_owned(), ..at(Bounds::first(9)) };
    assert_eq!(names(with("_")).await, ["b_b"], "it stands for itself");
    assert_eq!(names(with("%")).await, [""; 0]);
    assert_eq!(names(with("NN")).await, ["anna"]);
    assert_eq!(page(with("nn")).await.total, 1);
    let machines = PrincipalFilter { kind: Some(PrincipalKind::ServiceAccount), ..at(Bounds::first(9)) };
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
        let page = stage.store.page_of_keys(&filter).await.unwrap();
        page.rows.into_iter().map(|key| key.row.id).collect()
    };
    let at = |limit| KeyFilter { bounds: Bounds::first(limit).descending(), ..Default::default() };
    let mut seen = ids(at(2)).await;
    while let Some(last) = seen.last().map(ToString::to_string) {
        let bounds = Bounds { after: Some(last), ..Bounds::first(2).descending() };
        let page = ids(KeyFilter { bounds, ..Default::default() }).await;
        if page.is_empty() {
            break;
        }
        seen.extend(page);
    }
    made.sort();
    made.reverse();
    assert_eq!(seen, made, "each once, the newest first");
    let oldest = stage.store.page_of_keys(&KeyFilter { bounds: Bounds::first(1), ..Default::default() }).await.unwrap();
    assert_eq!((Some(&oldest.rows[0].row.id), oldest.total), (made.last(), 5));
    assert_eq!(stage.store.find_key(&made[0]).await.unwrap().owner, named("bob"));
    assert!(matches!(stage.store.find_key(&"none".into()).await, Err(StoreError::NotFound { .. })));
    assert_eq!(stage.store.choose_key("Label 1").await.unwrap().1.id, alice.id);
    let of_alice = KeyFilter { owner: Some(alice.id.clone()), ..at(9) };
    assert_eq!(ids(of_alice.clone()).await.len(), 3);
    for (part, count) in [("bob", 2), ("label 3", 1), ("k4", 1), ("_", 0)] {
        let containing = part.to_owned();
        assert_eq!(ids(KeyFilter { containing, ..at(9) }).await.len(), count, "{part}");
    }
    let soon = KeyFilter { ending_before: Some(stage.clock.now().plus_seconds(60)), ..at(9) };
    assert_eq!(ids(soon.clone()).await, []);
    // A role that lets no key grow old ends those of its holders, though nothing is written down beside them.
    stage.store.set_max_key_age(&By::console(), &role("viewer"), Some(30)).await.unwrap();
    assert_eq!(ids(soon.clone()).await.len(), 3);
    let page = stage.store.page_of_keys(&of_alice).await.unwrap();
    assert!(page.rows.iter().all(|key| key.owner == named("alice") && key.row.ended_by == Some(role("viewer"))));
    let bounds = Bounds::first(2).descending();
    let first = stage.store.page_of_keys(&KeyFilter { bounds: bounds.clone(), ..soon.clone() }).await.unwrap();
    assert_eq!((first.rows.len(), first.has_next, first.total), (2, true, UNCOUNTED));
    let after = first.rows.last().map(|key| key.row.id.to_string());
    assert_eq!(ids(KeyFilter { bounds: Bounds { after, ..bounds }, ..soon }).await.len(), 1);
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
        let bounds = Bounds { after: before, ..Bounds::first(1).descending() };
        let filter = SessionFilter { owner: Some(alice.id.clone()), bounds, ..Default::default() };
        let mut page = stage.store.page_of_sessions(&filter).await.unwrap();
        assert_eq!(page.total, 2, "the third has ended");
        page.rows.pop()
    };
    let first = page(None).await.unwrap();
    let second = page(Some(first.row.id.to_string())).await.unwrap();
    assert!(first.row.id > second.row.id && first.owner == named("alice"));
    assert_eq!(page(Some(second.row.id.to_string())).await, None, "the third has ended");
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

pub(crate) async fn grants_of_people_and_teams_are_one_list(stage: Stage) {
    let by = By::console();
    let alice = stage.add_user("alice", Some("viewer")).await.unwrap();
    let data = stage.add_team("data", &["alice"], Some("runner")).await;
    let lab = || Scope::Workspace("lab".into());
    for at in 0..5 {
        stage.add_user(&format!("u{at}"), None).await.unwrap();
        stage.store.add_grant(&by, &named(&format!("u{at}")), role("developer"), lab()).await.unwrap();
        stage.store.add_team(&by, team(&format!("t{at}")), "").await.unwrap();
        stage.store.add_team_grant(&by, &team(&format!("t{at}")), role("worker"), lab()).await.unwrap();
    }
    let page = async |filter: GrantFilter| stage.store.page_of_grants(&filter).await.unwrap();
    let at = |bounds: Bounds| GrantFilter { bounds, ..Default::default() };
    let whole = page(at(Bounds::first(50))).await;
    assert_eq!((whole.rows.len(), whole.total, whole.has_next), (12, 12, false));
    assert!(whole.rows.is_sorted_by(|one, other| one.id < other.id), "each once");
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let next = page(at(Bounds { after: after.clone(), ..Bounds::first(5) })).await;
        after = next.rows.last().map(|grant| grant.id.to_string());
        seen.extend(next.rows);
        if !next.has_next {
            break;
        }
    }
    assert_eq!(seen, whole.rows);
    let before = Some(whole.rows[7].id.to_string());
    let back = page(at(Bounds { before, ..Bounds::first(5) })).await;
    assert_eq!((back.rows.as_slice(), back.has_previous), (&whole.rows[2..7], true));
    let wide = || at(Bounds::first(50));
    let count = async |filter: GrantFilter| page(filter).await.total;
    assert_eq!(count(GrantFilter { principal: Some(alice.id), ..wide() }).await, 1);
    assert_eq!(count(GrantFilter { team: Some(data.id), ..wide() }).await, 1);
    assert_eq!(count(GrantFilter { role: Some(role("worker")), ..wide() }).await, 5);
    assert_eq!(count(GrantFilter { within: Some(vec!["lab".into()]), ..wide() }).await, 10);
    assert_eq!(count(GrantFilter { within: Some(vec!["".into()]), ..wide() }).await, 0, "it is not everywhere");
    let id = whole.rows[3].id.clone();
    assert_eq!(page(GrantFilter { id: Some(id.clone()), ..wide() }).await.rows, [whole.rows[3].clone()]);
    for (part, fits) in [(" in lab", 10), ("team t", 5), (" everywhere", 2), ("u3 is DEVELOPER in lab", 1), ("%", 0)] {
        assert_eq!(count(GrantFilter { containing: part.to_owned(), ..wide() }).await, fits, "{part}");
    }
    let held = stage.store.count_grants(&"lab".into(), true).await.unwrap();
    let held: Vec<_> = held.iter().map(|(role, count)| (role.as_str(), *count)).collect();
    assert_eq!(held, [("developer", 5), ("runner", 1), ("viewer", 1), ("worker", 5)]);
    assert_eq!(stage.store.count_grants(&"lab".into(), false).await.unwrap().len(), 2);
}

pub(crate) async fn teams_and_their_members_are_paged_by_name(stage: Stage) {
    for name in ["anna", "bob", "carl"] {
        stage.add_user(name, None).await.unwrap();
    }
    let data = stage.add_team("data", &["carl", "anna", "bob"], Some("viewer")).await;
    stage.add_team("lab", &["bob"], None).await;
    let first = stage.store.page_of_teams(&Bounds::first(1)).await.unwrap();
    assert_eq!((first.rows[0].0.name.as_str(), first.rows[0].1, first.total, first.has_next), ("data", 3, 2, true));
    let rosters = stage.store.page_of_rosters(&Bounds::first(9)).await.unwrap();
    let shown: Vec<_> =
        rosters.rows.iter().map(|one| (one.team.name.as_str(), one.members.len(), one.grants.len())).collect();
    assert_eq!(shown, [("data", 3, 1), ("lab", 1, 0)]);
    assert_eq!(stage.store.roster(&team("data")).await.unwrap(), rosters.rows[0]);
    assert!(matches!(stage.store.roster(&team("none")).await, Err(StoreError::NotFound { .. })));
    let page = async |bounds: Bounds| stage.store.page_of_members(&data.id, &bounds).await.unwrap();
    let first = page(Bounds::first(2)).await;
    assert_eq!((first.rows.as_slice(), first.total, first.has_next), (&rosters.rows[0].members[..2], 3, true));
    let rest = page(Bounds { after: Some("bob".to_owned()), ..Bounds::first(2) }).await;
    assert_eq!((rest.rows[0].principal.name.as_str(), rest.rows.len(), rest.has_next), ("carl", 1, false));
    assert!(page(Bounds { after: Some("zoe".to_owned()), ..Bounds::first(2) }).await.rows.is_empty());
}

pub(crate) async fn the_record_is_paged_by_its_moments_and_by_whose_it_is(stage: Stage) {
    let mut events = Vec::new();
    for at in 0..30_i64 {
        let name = ["alice", "bob"][usize::from(at % 3 == 0)];
        let actor = Actor { id: format!("id-{name}"), kind: None, name: name.to_owned() };
        // Two at each moment, and what was recorded last is not the youngest: as after a restored backup.
        let moment = Timestamp::from_micros(((at + 20) % 30) / 2);
        let outcome = if at % 5 == 0 { Outcome::Refused } else { Outcome::Allowed };
        events.push(AuditEvent { at: moment, actor, outcome, ..event(["op", "other"][usize::from(at % 4 == 0)]) });
    }
    stage.store.append_audit(&events).await.unwrap();
    let read = async |filter: &AuditFilter| {
        let (mut seen, mut before) = (Vec::new(), None);
        loop {
            let page = stage.store.list_audit(AuditFilter { limit: 4, before, ..filter.clone() }).await.unwrap();
            before = page.last().map(|event| event.id.clone());
            if before.is_none() {
                return seen;
            }
            seen.extend(page);
        }
    };
    let all = AuditFilter::default();
    let (since, until) = (Some(Timestamp::from_micros(3)), Some(Timestamp::from_micros(11)));
    let (alice, op) = (Some("alice".to_owned()), Some("op".to_owned()));
    let refused = Some(Outcome::Refused);
    let filters = [
        AuditFilter { since, until, ..all.clone() },
        AuditFilter { outcome: refused, ..all.clone() },
        AuditFilter { outcome: refused, since, ..all.clone() },
        AuditFilter { actor: alice.clone(), ..all.clone() },
        AuditFilter { actor: Some("id-alice".to_owned()), since, until, outcome: refused, ..all.clone() },
        AuditFilter { actor: alice, operation: op.clone(), until, ..all.clone() },
        AuditFilter { operation: op, since, ..all.clone() },
        all,
    ];
    for filter in filters {
        let mut seen = read(&filter).await;
        let fits = |event: &&AuditEvent| {
            let of = |actor: &String| *actor == event.actor.name || *actor == event.actor.id;
            filter.actor.as_ref().is_none_or(of)
                && filter.operation.as_ref().is_none_or(|operation| *operation == event.operation)
                && filter.outcome.is_none_or(|outcome| outcome == event.outcome)
                && filter.since.is_none_or(|since| event.at >= since)
                && filter.until.is_none_or(|until| event.at < until)
        };
        let mut expected: Vec<AuditEvent> = events.iter().filter(fits).cloned().collect();
        assert!(!expected.is_empty(), "{filter:?}");
        if filter.actor.is_none() && filter.operation.is_none() {
            assert!(seen.is_sorted_by(|one, other| one.at >= other.at), "{filter:?}");
        }
        let after = seen.get(7).map(|event| event.id.clone());
        let back = stage.store.list_audit(AuditFilter { limit: 4, after, ..filter.clone() }).await.unwrap();
        assert_eq!(back, seen[if seen.len() > 7 { 3..7 } else { 0..4.min(seen.len()) }], "{filter:?}");
        seen.sort_by(|one, other| one.id.cmp(&other.id));
        expected.sort_by(|one, other| one.id.cmp(&other.id));
        assert_eq!(seen, expected, "each once: {filter:?}");
        let between = (Timestamp::from_micros(0), Timestamp::from_micros(100));
        let bars =
            stage.store.count_audit(&AuditFilter { since: None, until: None, ..filter.clone() }, between, 10).await;
        let whole: Vec<_> = events.iter().filter(|event| fits_without_time(&filter, event)).collect();
        let counted: i64 = bars.unwrap().iter().map(|bar| bar.allowed + bar.refused).sum();
        assert_eq!(counted, i64::try_from(whole.len()).unwrap(), "{filter:?}");
    }
}

fn fits_without_time(filter: &AuditFilter, event: &AuditEvent) -> bool {
    filter.actor.as_ref().is_none_or(|actor| *actor == event.actor.name || *actor == event.actor.id)
        && filter.operation.as_ref().is_none_or(|operation| *operation == event.operation)
        && filter.outcome.is_none_or(|outcome| outcome == event.outcome)
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
