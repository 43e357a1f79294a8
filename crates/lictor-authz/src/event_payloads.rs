//! Who may read what an event tells of an object? Whoever may see the object itself.
//!
//! Prefect puts the object into the payload of its own events (`server/events/schemas/lifecycle.py`), a variable with its value
//! among them, and the whole event that fired an automation into the event that says so
//! (`server/events/schemas/automations.py`).

use lictor_model::{Permission, PermissionSet};

/// Beginnings of events' names, each with what shows the objects that their payloads hold.
const GUARDED: [(&str, Permission); 14] = [
    ("prefect.artifact.", Permission::SeeArtifacts),
    ("prefect.artifact-collection.", Permission::SeeArtifacts),
    ("prefect.automation.", Permission::SeeAutomations),
    ("prefect.block-document.", Permission::SeeBlocks),
    ("prefect.block-type.", Permission::SeeBlocks),
    ("prefect.concurrency-limit.", Permission::SeeConcurrencyLimits),
    ("prefect.deployment.", Permission::SeeDeployments),
    ("prefect.flow.", Permission::SeeFlows),
    ("prefect.flow-run.", Permission::SeeFlows),
    ("prefect.task-run.", Permission::SeeFlows),
    ("prefect.variable.", Permission::SeeVariables),
    ("prefect.work-pool.", Permission::SeeWorkPools),
    ("prefect.work-queue.", Permission::SeeWorkQueues),
    ("prefect.worker.", Permission::SeeWorkPools),
];

/// What shows every payload: also what a search through them needs, since it finds what it does not show.
pub(crate) const EVERY_PAYLOAD: PermissionSet = {
    let mut all = PermissionSet::EMPTY;
    let mut rest: &[(&str, Permission)] = &GUARDED;
    while let [(_, permission), others @ ..] = rest {
        all = all.union(PermissionSet::of(&[*permission]));
        rest = others;
    }
    all
};

/// Whose payloads may be read. Small enough to be handed to a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayloadView(PermissionSet);

impl PayloadView {
    /// What somebody sees who holds these permissions.
    #[must_use]
    pub const fn of(held: PermissionSet) -> Self {
        // Only what matters here, so that two views that show the same are equal.
        Self(held.lacks(EVERY_PAYLOAD))
    }

    /// Whether no payload is hidden.
    #[must_use]
    pub const fn shows_all(self) -> bool {
        self.0.is_empty()
    }

    /// Whether the payload of an event of this name may be read. Names that are nobody's object are free.
    #[must_use]
    pub fn shows(self, event: &str) -> bool {
        let guard = GUARDED.iter().find(|(prefix, _)| event.starts_with(prefix));
        guard.is_none_or(|(_, permission)| !self.0.contains(*permission))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_shows_an_object_only_to_who_may_see_the_object() {
        let blind = PayloadView::of(PermissionSet::of(&[Permission::SeeFlows, Permission::SeeEvents]));
        assert!(blind.shows("prefect.flow-run.Failed") && blind.shows("mine.done") && !blind.shows_all());
        assert!(!blind.shows("prefect.variable.updated") && !blind.shows("prefect.automation.triggered"));
        assert!(PayloadView::of(PermissionSet::all()).shows_all());
        assert!(PayloadView::of(EVERY_PAYLOAD).shows("prefect.variable.updated"));
    }
}
