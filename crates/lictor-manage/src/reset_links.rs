//! How does somebody come in again who forgot their password? By a link that is made here, handed over, and used once.

use lictor_authz::Deed;
use lictor_model::{PrincipalKind, PrincipalName, Secret, Timestamp};
use lictor_store::StoreError;

use crate::administration::Administration;
use crate::error::ManageError;

/// The longest that a link lasts, in seconds.
pub const LONGEST: i64 = 7 * 86_400;

/// A link's secret, shown once.
#[derive(Debug)]
pub struct NewResetLink {
    /// Whose.
    pub name: PrincipalName,
    /// What stands in the link.
    pub token: Secret,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

impl Administration {
    /// Makes a link that lasts so many seconds, in place of any other of that user.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn make_reset_link(&self, name: &PrincipalName, seconds: i64) -> Result<NewResetLink, ManageError> {
        self.admit("user.reset-link", name.as_str()).await?;
        let user = self.find_any(name).await?;
        let store = self.permit("user.reset-link", name.as_str(), Deed::Principal(user.id)).await?;
        if user.kind == PrincipalKind::ServiceAccount {
            return Err(StoreError::NoPasswords(name.to_string()).into());
        }
        if user.disabled {
            return Err(ManageError::Disabled(name.to_string()));
        }
        if !(1..=LONGEST).contains(&seconds) {
            return Err(ManageError::Length { what: "life of a link", most: "7d" });
        }
        let (token, digest) = lictor_authn::reset::fresh()?;
        let expires_at = self.clock.now().plus_seconds(seconds);
        store.add_reset_link(&self.by, name, &digest, expires_at).await?;
        Ok(NewResetLink { name: user.name, token, expires_at })
    }
}
