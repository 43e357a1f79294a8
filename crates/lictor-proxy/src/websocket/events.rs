//! What may events tell? Nothing in Prefect's name without the right, and nothing of an object to who may not see it.

use lictor_authz::{Inspect, PayloadView};
use serde_json::{Map, Value};

use crate::inspect::read_strict;

/// A message as it was looked at, `Some(None)` when it holds what the caller has no right to, and `None` when it could be read
/// in two ways.
pub(super) fn unconditional(message: &[u8], inspect: Inspect) -> Option<Option<Vec<u8>>> {
    let message = read_strict(message).ok()?;
    let is_refused = inspect.conditions().iter().any(|condition| condition.is_met_by(&message));
    if is_refused { Some(None) } else { serde_json::to_vec(&message).ok().map(Some) }
}

/// One of Prefect's messages, in which events have lost the payloads that must not be read; `None` when it cannot be read here.
pub(super) fn mask_message(message: &[u8], payloads: PayloadView) -> Option<Vec<u8>> {
    let mut message: Value = serde_json::from_slice(message).ok()?;
    mask_payloads(&mut message, payloads);
    serde_json::to_vec(&message).ok()
}

/// Takes out the payload of an event that must not be read, and of such events within its payload: the event that fired an
/// automation stands whole in the automation's own.
pub(crate) fn mask_payloads(value: &mut Value, payloads: PayloadView) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| mask_payloads(item, payloads)),
        Value::Object(members) => {
            let is_hidden = members.get("event").and_then(Value::as_str).is_some_and(|name| !payloads.shows(name));
            if is_hidden && let Some(payload) = members.get_mut("payload") {
                *payload = Value::Object(Map::new());
            }
            members.values_mut().for_each(|member| mask_payloads(member, payloads));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use lictor_model::{Permission, PermissionSet};

    use super::*;

    #[test]
    fn an_event_of_prefects_is_told_by_its_name_however_it_is_spelled() {
        for event in [r#"{"event":"prefect.flow-run.Failed"}"#, r#"{"event":"\u0070refect.x"}"#, r#"{"event":5}"#, "{}"]
        {
            assert_eq!(unconditional(event.as_bytes(), Inspect::Events), Some(None), "{event}");
        }
        let own = unconditional(br#"{"event":"mine", "n":1.0}"#, Inspect::Events);
        assert_eq!(own, Some(Some(br#"{"event":"mine","n":1.0}"#.to_vec())));
        assert_eq!(unconditional(br#"{"event":"mine","event":"prefect.x"}"#, Inspect::Events), None);
    }

    #[test]
    fn a_search_through_payloads_is_found_in_a_filter() {
        let search = br#"{"type":"filter","filter":{"text":{"query":"secret"}}}"#;
        assert_eq!(unconditional(search, Inspect::EventFilter), Some(None));
        let plain = br#"{"type":"filter","filter":{"text":null,"event":{"prefix":["prefect."]}},"backfill":true}"#;
        assert_eq!(unconditional(plain, Inspect::EventFilter), Some(Some(plain.to_vec())));
        assert_eq!(unconditional(br#"{"type":"filter","filter":{},"filter":{"text":{}}}"#, Inspect::EventFilter), None);
    }

    #[test]
    fn the_event_of_a_variable_loses_its_value_and_no_other_does() {
        let held: PermissionSet =
            PermissionSet::all().iter().filter(|permission| *permission != Permission::SeeVariables).collect();
        let payloads = PayloadView::of(held);
        let masked = |text: &str| String::from_utf8(mask_message(text.as_bytes(), payloads).unwrap()).unwrap();
        let fired = r#"{"type":"event","event":{"event":"prefect.automation.triggered","payload":{"triggering_event":{"event":"prefect.variable.updated","payload":{"value":"secret"}}}}}"#;
        assert_eq!(masked(fired), fired.replace(r#"{"value":"secret"}"#, "{}"));
        let variable = r#"{"type":"event","event":{"event":"prefect.variable.updated","payload":{"value":"secret"}}}"#;
        assert_eq!(masked(variable), r#"{"type":"event","event":{"event":"prefect.variable.updated","payload":{}}}"#);
        let other = r#"{"type":"event","event":{"event":"prefect.flow-run.Failed","payload":{"value":"x"}}}"#;
        assert_eq!(masked(other), other);
    }
}
