//! How is the table shown to people? As the reference page, and as rows for the command line.

use std::fmt::Write as _;

use lictor_model::{PermissionSet, Role};
use serde::Serialize;

use crate::operation::{Access, Basis, Operation};
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
        let may = roles::built_in().iter().filter(|role| allows(role.permissions, operation.access));
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
    page
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
    role.permissions.iter().map(|permission| format!("`{permission}`")).collect::<Vec<_>>().join(" ")
}

fn allows(held: PermissionSet, access: Access) -> bool {
    match access {
        Access::Public | Access::Member => true,
        Access::Needs(needed) => held.contains_all(needed),
        Access::Nobody => false,
    }
}

const INTRODUCTION: &str = "\
# Permissions

<!-- Generated from crates/lictor-authz by its test; run it with LICTOR_BLESS=1 to write this page anew. -->

Every operation of Prefect Server 3.0 to 3.8 that Lictor forwards, and the permission that it needs, spelled as Prefect
Cloud's scopes. What is not listed here is refused (403, `unknown-operation`).

## Roles

| Role | In one sentence | Permissions |
|---|---|---|
";

const OPERATIONS_HEADING: &str = "
## Operations

Paths are below the API (`/api`), but for the first four, which stand at the root. *Effect*: a `change` is answered only
after its audit event is stored; `plumbing` is what workers and running flows send all the time. *Basis*: `cloud` where
Prefect Cloud states the scope, `lictor` where it was decided here.

| Operation | Needs | Effect | Basis | Built-in roles | Note |
|---|---|---|---|---|---|
";
