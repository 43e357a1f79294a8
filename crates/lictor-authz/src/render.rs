//! How is the table shown to people? As the reference page, and as rows for the command line.

use std::fmt::Write as _;

use lictor_model::{Permission, PermissionSet, Role};
use serde::Serialize;

use crate::conditions::Condition;
use crate::operation::{Basis, Operation};
use crate::operations::OPERATIONS;
use crate::roles;
use crate::surface::ROOT_OPERATIONS;

/// One operation as the command line and JSON show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OperationRow {
    /// The stable name.
    pub operation: &'static str,
    /// Who may: `public`, `any member`, `nobody`, or permissions.
    pub needs: String,
    /// `read`, `change` or `plumbing`.
    pub effect: &'static str,
    /// `cloud` or `lictor`: who says so.
    pub basis: &'static str,
    /// Why, or what to know.
    pub reason: &'static str,
    /// The built-in roles that may.
    pub roles: Vec<&'static str>,
}

impl From<&'static Operation> for OperationRow {
    fn from(operation: &'static Operation) -> Self {
        let may = roles::built_in().iter().filter(|role| operation.access.admits(role.permissions));
        Self {
            operation: operation.name(),
            needs: operation.access.to_text(),
            effect: operation.effect.as_str(),
            basis: match operation.basis {
                Basis::Cloud => "cloud",
                Basis::Decided => "lictor",
            },
            reason: operation.reason,
            roles: may.map(|role| role.name.as_str()).collect(),
        }
    }
}

/// Every operation, those outside the API first.
pub fn operation_rows() -> impl Iterator<Item = OperationRow> {
    ROOT_OPERATIONS.into_iter().chain(OPERATIONS).map(OperationRow::from)
}

/// The reference page: roles, then operations.
#[must_use]
pub fn permission_table_markdown() -> String {
    let mut page = String::from(INTRODUCTION);
    write_roles(&mut page);
    page.push_str(OPERATIONS_HEADING);
    for row in operation_rows() {
        // Writing to a string cannot fail.
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {} | {} | {} |",
            row.operation,
            row.needs,
            row.effect,
            row.basis,
            row.roles.join(", "),
            row.reason
        );
    }
    page.push_str(CONDITIONS_HEADING);
    for row in condition_rows() {
        let _ = writeln!(page, "| `{}` | {} | {} | {} |", row.operation, row.fact, row.needs, row.roles.join(", "));
    }
    page
}

/// One condition on the body of one operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConditionRow {
    /// The operation's stable name.
    pub operation: &'static str,
    /// What is looked for in its body.
    pub fact: &'static str,
    /// What that needs, besides what the operation needs.
    pub needs: String,
    /// The built-in roles that may ask for it.
    pub roles: Vec<&'static str>,
}

/// Every condition of every operation.
pub fn condition_rows() -> impl Iterator<Item = ConditionRow> {
    let row = |operation: &'static Operation, condition: &'static Condition| {
        let may = |role: &&Role| [operation.access, condition.needs].iter().all(|need| need.admits(role.permissions));
        let roles = roles::built_in().iter().filter(may).map(|role| role.name.as_str()).collect();
        ConditionRow { operation: operation.name(), fact: condition.fact, needs: condition.needs.to_text(), roles }
    };
    OPERATIONS.iter().flat_map(move |operation| {
        operation.inspect.conditions().iter().map(move |condition| row(operation, condition))
    })
}

fn write_roles(page: &mut String) {
    for role in roles::built_in() {
        let _ = writeln!(page, "| {} | {} | {} |", role.name, role.description, names(role));
    }
}

fn names(role: &Role) -> String {
    if role.permissions == PermissionSet::all() {
        return "all".to_owned();
    }
    let mark = |permission: Permission| if permission.is_ours() { " \\*" } else { "" };
    let name = |permission: Permission| format!("`{permission}`{}", mark(permission));
    role.permissions.iter().map(name).collect::<Vec<_>>().join(" ")
}

const INTRODUCTION: &str = "\
# Permissions

<!-- Generated from crates/lictor-authz by its test; run it with LICTOR_BLESS=1 to write this page anew. -->

Every operation of Prefect Server 3.0 to 3.8 that Lictor forwards, and the permission that it needs, spelled as Prefect
Cloud's scopes. What is not listed here is refused (403, `unknown-operation`). Permissions with an asterisk are of Lictor's own:
Cloud tells nothing apart there. Where two are joined by \"or\", either is enough.

## Roles

| Role | In one sentence | Permissions |
|---|---|---|
";

const CONDITIONS_HEADING: &str = "
## What bodies need besides

The bodies of these operations are read strictly (no key twice, UTF-8, integers of 64 bits, at most 64 levels), held against
what stands here, and written anew by Lictor. What is in *Needs* is needed besides the operation's own permission.
For `PATCH /automations/{id}` it is looked for in the automation itself, as Prefect has it, when it is enabled.

| Operation | With this in the body | Needs | Built-in roles |
|---|---|---|---|
";

const OPERATIONS_HEADING: &str = "
## Operations

Paths are below the API (`/api`), but for the first four, which stand at the root. *Effect*: a `change` is answered only
after its audit event is stored; `plumbing` is what workers and running flows send all the time. *Basis*: `cloud` where
Prefect Cloud states the scope, `lictor` where it was decided here.

| Operation | Needs | Effect | Basis | Built-in roles | Note |
|---|---|---|---|---|---|
";
