//! What may events tell? Nothing in Prefect's name without the right, and no variable's value to who may not see it.

use lictor_authz::Inspect;
use serde_json::{Map, Value};

use crate::inspect::read_strict;

/// Prefect puts a variable's value into the payload of these (`server/models/variables.py`).
const OF_VARIABLES: &str = "prefect.variable.";

/// One event as it was looked at, `Some(None)` when it is one of Prefect's own, and `None` when it could be read in two ways.
pub(super) fn own_event(message: &[u8]) -> Option<Option<Vec<u8>>> {
    let event = read_strict(message).ok()?;
    let is_refused = Inspect::Events.conditions().iter().any(|condition| condition.is_met_by(&event));
    if is_refused { Some(None) } else { serde_json::to_vec(&event).ok().map(Some) }
}

/// One of Prefect's messages, in which the event of a variable has lost its payload.
pub(super) fn mask_message(message: &[u8]) -> Option<Vec<u8>> {
    let mut message: Value = serde_json::from_slice(message).ok()?;
    if let Some(event) = message.get_mut("event") {
        mask_variable(event);
    }
    serde_json::to_vec(&message).ok()
}

/// Takes the payload out of an event of a variable.
pub(crate) fn mask_variable(event: &mut Value) {
    let is_of_variable = event.get("event").and_then(Value::as_str).is_some_and(|name| name.starts_with(OF_VARIABLES));
    if is_of_variable && let Some(payload) = event.get_mut("payload") {
        *payload = Value::Object(Map::new());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_of_prefects_is_told_by_its_name_however_it_is_spelled() {
        for event in [r#"{"event":"prefect.flow-run.Failed"}"#, r#"{"event":"\u0070refect.x"}"#, r#"{"event":5}"#, "{}"]
        {
            assert_eq!(own_event(event.as_bytes()), Some(None), "{event}");
        }
        assert_eq!(own_event(br#"{"event":"mine", "n":1.0}"#), Some(Some(br#"{"event":"mine","n":1.0}"#.to_vec())));
        assert_eq!(own_event(br#"{"event":"mine","event":"prefect.x"}"#), None);
    }

    #[test]
    fn the_event_of_a_variable_loses_its_value_and_no_other_does() {
        let masked = |text: &str| String::from_utf8(mask_message(text.as_bytes()).unwrap()).unwrap();
        let variable = r#"{"type":"event","event":{"event":"prefect.variable.updated","payload":{"value":"secret"}}}"#;
        assert_eq!(masked(variable), r#"{"type":"event","event":{"event":"prefect.variable.updated","payload":{}}}"#);
        let other = r#"{"type":"event","event":{"event":"prefect.flow-run.Failed","payload":{"value":"x"}}}"#;
        assert_eq!(masked(other), other);
    }
}
