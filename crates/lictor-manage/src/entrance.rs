//! May they come in at all, and what may they do there? What a page needs to know before it is drawn.

use lictor_authz::Deed;

use crate::administration::Administration;
use crate::error::ManageError;

impl Administration {
    /// That they manage anything at all.
    ///
    /// # Errors
    /// [`ManageError::Unauthorized`].
    pub fn come_in(&self) -> Result<(), ManageError> {
        self.look(&Deed::See)
    }

    /// The same for a form: whoever may not is on record with where they tried.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn come_in_to_change(&self, place: &str) -> Result<(), ManageError> {
        self.permit("admin.form", place, Deed::See).await.map(drop)
    }

    /// Whether they may do it, so that no page offers what would be refused.
    #[must_use]
    pub fn may(&self, deed: &Deed) -> bool {
        self.look(deed).is_ok()
    }
}
