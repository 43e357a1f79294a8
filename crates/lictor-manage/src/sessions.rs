//! Who is signed in? Sessions of browsers, and their end.

use lictor_authz::Deed;
use lictor_model::CredentialId;
use lictor_store::{Bounds, SessionFilter, StoreError};

use crate::administration::Administration;
use crate::error::ManageError;

impl Administration {
    /// Ends a session: its browser is signed out within a second.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn end_session(&self, id: &CredentialId) -> Result<(), ManageError> {
        self.admit("session.end", id.as_str()).await?;
        let missing = || StoreError::NotFound { what: "session", name: id.to_string() };
        let filter = SessionFilter { id: Some(id.clone()), bounds: Bounds::first(1), ..SessionFilter::default() };
        let session = self.store.page_of_sessions(&filter).await?.rows.pop().ok_or_else(missing)?;
        let store = self.permit("session.end", id.as_str(), Deed::Principal(session.row.principal)).await?;
        if store.end_session(&self.by, id).await? { Ok(()) } else { Err(missing().into()) }
    }
}
