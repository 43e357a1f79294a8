//! What lets a request through? A permit: forwarding takes one, and only a decision makes one.

use std::borrow::Cow;
use std::sync::Arc;

use lictor_model::{Demands, Narrowing, Permission, PermissionSet, Reason};
use serde_json::Value;

use crate::conditions::{self, Condition};
use crate::decision::Denial;
use crate::event_payloads::PayloadView;
use crate::matcher::{self, Matched};
use crate::narrow;
use crate::operation::Operation;

/// The right to forward one request: this operation, at this path, and nothing else.
#[derive(Debug, PartialEq, Eq)]
pub struct Permit {
    operation: &'static Operation,
    path: String,
    held: PermissionSet,
    narrowing: Option<Arc<Narrowing>>,
}

impl Permit {
    pub(crate) fn new(matched: Matched, held: PermissionSet) -> Self {
        let (operation, path) = matched.into_parts();
        Self { operation, path, held, narrowing: None }
    }

    /// The same, within the limits of a key.
    pub(crate) fn within(self, narrowing: &Arc<Narrowing>) -> Self {
        Self { narrowing: Some(Arc::clone(narrowing)), ..self }
    }

    /// The row of the table.
    #[must_use]
    pub const fn operation(&self) -> &'static Operation {
        self.operation
    }

    /// The canonical path to forward, relative to the operation's place.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The decoded value of a parameter of the operation's template, as `param("id")`.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<Cow<'_, str>> {
        matcher::params(self.operation, &self.path).find_map(|(of, value)| (of == name).then_some(value))
    }

    /// Whether the body may ask for what it asks for, where the row says that it is looked at.
    ///
    /// # Errors
    /// A [`Denial`] that names what is lacking.
    pub fn check_body(&self, body: &Value) -> Result<(), Denial> {
        if let Some(lacking) = conditions::lacking(self.operation.inspect, body, self.held) {
            return Err(Denial { reason: Reason::PermissionDenied, lacking });
        }
        match &self.narrowing {
            Some(narrowing) if !narrow::admits_body(narrowing, body) => Err(Denial::because(Reason::KeyTooNarrow)),
            _ => Ok(()),
        }
    }

    /// What the body needs besides the row, held or not: for the record.
    #[must_use]
    pub fn demands(&self, body: &Value) -> Demands {
        conditions::demands(self.operation.inspect, body)
    }

    /// Whether what a body was once found to need is held.
    ///
    /// # Errors
    /// A [`Denial`] that names what is lacking.
    pub fn check_demands(&self, demands: &Demands) -> Result<(), Denial> {
        let lacking = demands.lacking(self.held);
        if lacking.is_empty() { Ok(()) } else { Err(Denial { reason: Reason::PermissionDenied, lacking }) }
    }

    /// Whether nothing that the body may hold needs more than the caller holds.
    #[must_use]
    pub fn meets_all(&self) -> bool {
        self.operation.inspect.conditions().iter().all(|condition| self.meets(condition))
    }

    /// Whether the caller holds what a condition on the body needs.
    #[must_use]
    pub fn meets(&self, condition: &Condition) -> bool {
        condition.needs.admits(self.held)
    }

    /// Whether secret values of blocks may be asked for; otherwise Prefect is asked for its masked ones.
    #[must_use]
    pub const fn may_see_secrets(&self) -> bool {
        self.holds(Permission::SeeSecretBlocks)
    }

    /// Which payloads of events may be read.
    #[must_use]
    pub const fn payloads(&self) -> PayloadView {
        PayloadView::of(self.held)
    }

    /// Whether the caller also holds a permission that the row does not need: for facts inside a body or a frame, such
    /// as a worker's greeting that asks for its pool to be made.
    #[must_use]
    pub const fn holds(&self, permission: Permission) -> bool {
        self.held.contains(permission)
    }
}
