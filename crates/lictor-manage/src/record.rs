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
}

impl Administration {
    /// A page of the record. Its cursor is an event that exists: one that was made up is refused, and not taken for the
    /// end.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn audit(&self, filter: AuditFilter) -> Result<Page, ManageError> {
        self.look(&Deed::Oversee)?;
        if let Some(before) = &filter.before
            && !self.store.has_audit_event(before).await?
        {
            return Err(ManageError::UnknownCursor);
        }
        let limit = filter.limit.clamp(1, LARGEST_PAGE);
        // One more than is shown says whether there is more.
        let mut events = self.store.list_audit(AuditFilter { limit: limit.saturating_add(1), ..filter }).await?;
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let is_more = events.len() > most;
        events.truncate(most);
        let next = events.last().filter(|_| is_more).map(|event| event.id.clone());
        Ok(Page { events, next })
    }
}
