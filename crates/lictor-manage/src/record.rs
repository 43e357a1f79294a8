//! Who did what? The record, a page at a time.

use lictor_authz::Deed;
use lictor_model::{AuditEvent, EventId};
use lictor_store::AuditFilter;

use crate::administration::Administration;
use crate::error::ManageError;

/// The most events on one page.
pub const LARGEST_PAGE: u32 = 1000;

/// A page of the record.
#[derive(Debug)]
pub struct Page {
    /// Its events, newest first.
    pub events: Vec<AuditEvent>,
    /// Where the next page begins, if there is one.
    pub next: Option<EventId>,
    /// Where the page before ends, if there is one.
    pub previous: Option<EventId>,
}

impl Administration {
    /// A page of the record. Its cursor is an event that exists: one that was made up is refused, and not taken for the
    /// end.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn audit(&self, filter: AuditFilter) -> Result<Page, ManageError> {
        self.look(&Deed::Oversee)?;
        for cursor in filter.before.iter().chain(&filter.after) {
            if !self.store.has_audit_event(cursor).await? {
                return Err(ManageError::UnknownCursor);
            }
        }
        let limit = filter.limit.clamp(1, LARGEST_PAGE);
        let (is_first, is_back) = (filter.before.is_none(), filter.after.is_some());
        // One more than is shown says whether there is more, at the end that is read towards.
        let mut events = self.store.list_audit(AuditFilter { limit: limit.saturating_add(1), ..filter }).await?;
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let is_more = events.len() > most;
        if is_back && is_more {
            events.remove(0);
        }
        events.truncate(most);
        let (has_next, has_previous) = if is_back { (true, is_more) } else { (is_more, !is_first) };
        let next = events.last().filter(|_| has_next).map(|event| event.id.clone());
        let previous = events.first().filter(|_| has_previous).map(|event| event.id.clone());
        Ok(Page { events, next, previous })
    }
}
