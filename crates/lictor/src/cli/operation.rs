//! What does Lictor know that Prefect can do? The table.

use clap::Subcommand;
use lictor_authz::{OPERATIONS, Operation};
use serde_json::{Value, json};

use super::printed::{Printed, table};

/// `lictor operation`
#[derive(Debug, Subcommand)]
pub(crate) enum OperationCommand {
    /// List every operation, what it needs and whether it changes something. All else is refused.
    List,
}

impl OperationCommand {
    /// Prints the table.
    pub(crate) fn run(&self) -> Printed {
        let row = |operation: &Operation| {
            vec![
                operation.name().to_owned(),
                operation.access.to_text(),
                operation.effect.as_str().to_owned(),
                operation.reason.to_owned(),
            ]
        };
        let rows: Vec<Vec<String>> = OPERATIONS.iter().map(row).collect();
        let json = OPERATIONS.iter().map(as_json).collect();
        Printed::new(table(&["OPERATION", "NEEDS", "EFFECT", "NOTE"], &rows), Value::Array(json))
    }
}

fn as_json(operation: &Operation) -> Value {
    json!({
        "operation": operation.name(),
        "verb": operation.verb.as_str(),
        "template": operation.template,
        "needs": operation.access.to_text(),
        "effect": operation.effect.as_str(),
        "note": operation.reason,
    })
}
