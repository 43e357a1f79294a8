//! Who is signed in? Sessions of browsers, and their end.

use lictor_authz::Deed;
use lictor_model::{CredentialId, Principal};
use lictor_store::{SessionRow, StoreError};

use crate::administration::Administration;
use crate::error::ManageError;

impl Administration {
    /// All sessions, oldest first, and whose they are.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn list_sessions(&self) -> Result<Vec<(SessionRow, Principal)>, ManageError> {
        self.look(&Deed::Oversee)?;
        let sessions = self.store.load_sessions().await?.sessions;
        let principals = self.store.list_principals(None).await?;
        let of = |session: &SessionRow| principals.iter().find(|one| one.id == session.principal).cloned();
        Ok(sessions.into_iter().filter_map(|session| of(&session).map(|principal| (session, principal))).collect())
    }

    /// Ends a session: its browser is signed out within a second.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn end_session(&self, id: &CredentialId) -> Result<(), ManageError> {
        self.admit("session.end", id.as_str()).await?;
        let sessions = self.store.load_sessions().await?.sessions;
        let missing = || StoreError::NotFound { what: "session", name: id.to_string() };
        let session = sessions.into_iter().find(|session| session.id == *id).ok_or_else(missing)?;
        let store = self.permit("session.end", id.as_str(), Deed::Principal(session.principal)).await?;
        if store.end_session(&self.by, id).await? { Ok(()) } else { Err(missing().into()) }
    }
}
