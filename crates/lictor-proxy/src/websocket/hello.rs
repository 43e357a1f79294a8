//! What may a worker's greeting do? Not create its pool, nor fill in the pool's template, without the right to write pools.
//!
//! `worker.hello.v1` may carry `create_pool_if_not_found` and a `default_base_job_template`, which becomes the command of every
//! run of the pool (`server/api/workers.py`). Workers send both by default, so they are cleared rather than refused: both
//! fields exist in the strict model with these very defaults (`client/schemas/worker_channel.py`).

use serde_json::Value;

use crate::inspect::read_strict;

/// The greeting without its power over the pool; whatever else it is, Prefect refuses it itself. `None` when it could be
/// read in two ways.
pub(super) fn narrow(message: &[u8]) -> Option<Vec<u8>> {
    let mut greeting = read_strict(message).ok()?;
    if let Some(payload) = greeting.get_mut("payload").and_then(Value::as_object_mut) {
        payload.insert("create_pool_if_not_found".to_owned(), Value::Bool(false));
        payload.insert("default_base_job_template".to_owned(), Value::Object(serde_json::Map::new()));
    }
    serde_json::to_vec(&greeting).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_loses_its_power_over_the_pool_and_nothing_else() {
        let greeting = br#"{"type":"worker.hello.v1","payload":{"worker_name":"w","create_pool_if_not_found":true,"default_base_job_template":{"job_configuration":{"command":"id"}}}}"#;
        let narrowed: Value = serde_json::from_slice(&narrow(greeting).unwrap()).unwrap();
        assert_eq!(narrowed["payload"]["worker_name"], "w");
        assert_eq!(narrowed["payload"]["create_pool_if_not_found"], false);
        assert_eq!(narrowed["payload"]["default_base_job_template"], serde_json::json!({}));
    }

    #[test]
    fn what_reads_in_two_ways_does_not_pass() {
        for message in [
            r#"{"type":"worker.hello.v1","payload":{"create_pool_if_not_found":false,"create_pool_if_not_found":true}}"#,
            r#"{"type":"worker.hello.v1","payload":{},"payload":{"create_pool_if_not_found":true}}"#,
            "{",
        ] {
            assert_eq!(narrow(message.as_bytes()), None, "{message}");
        }
    }
}
