//! What does somebody else see? An owner's session looks through their rights, to read alone.

use lictor_authz::Deed;
use lictor_model::{CredentialKind, CredentialRef, PrincipalName};

use crate::administration::Administration;
use crate::error::ManageError;

impl Administration {
    /// Lets the owner's session look through somebody else's rights until it is told to stop, or ends.
    ///
    /// # Errors
    /// [`ManageError`]; [`ManageError::SeesNothing`] of a disabled account.
    pub async fn view_as(&self, session: &CredentialRef, name: &PrincipalName) -> Result<(), ManageError> {
        let store = self.permit("view-as.begin", name.as_str(), Deed::ViewAs).await?;
        let viewed = self.find_any(name).await?;
        if viewed.disabled {
            return Err(ManageError::SeesNothing(name.to_string()));
        }
        if viewed.id.as_str() == self.by.actor.id {
            return Err(ManageError::OwnView);
        }
        if session.kind == CredentialKind::Session {
            store.set_viewing(&self.by, &session.id, Some(&viewed.id)).await?;
        }
        Ok(())
    }

    /// Lets a session look through its own person's rights again, which needs no right.
    ///
    /// # Errors
    /// [`ManageError::Store`].
    pub async fn stop_viewing(&self, session: &CredentialRef) -> Result<(), ManageError> {
        if session.kind == CredentialKind::Session {
            self.store.set_viewing(&self.by, &session.id, None).await?;
        }
        Ok(())
    }
}
