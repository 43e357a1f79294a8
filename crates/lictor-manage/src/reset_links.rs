//! How does somebody come in again who forgot their password, or lost their second factors? By a link that is made here, handed
//! over, and used once.

use lictor_authz::Deed;
use lictor_model::{Principal, PrincipalKind, PrincipalName, Secret, Timestamp};
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
    /// Makes a link that sets a password and lasts so many seconds, in place of any other of that user.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn make_reset_link(&self, name: &PrincipalName, seconds: i64) -> Result<NewResetLink, ManageError> {
        let operation = "user.reset-link";
        self.admit(operation, name.as_str()).await?;
        let user = self.find_any(name).await?;
        let store = self.permit(operation, name.as_str(), Deed::Principal(user.id.clone())).await?;
        let expires_at = self.end_of_link(&user, seconds)?;
        let (token, digest) = lictor_authn::reset::fresh()?;
        store.add_reset_link(&self.by, name, &digest, expires_at).await?;
        Ok(NewResetLink { name: user.name, token, expires_at })
    }

    /// Makes a link that takes a user's second factors away and lasts so many seconds, in place of any other of that user.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn make_factor_reset_link(
        &self,
        name: &PrincipalName,
        seconds: i64,
    ) -> Result<NewResetLink, ManageError> {
        let operation = "user.reset-factors-link";
        self.admit(operation, name.as_str()).await?;
        let user = self.find_any(name).await?;
        let store = self.permit(operation, name.as_str(), Deed::Principal(user.id.clone())).await?;
        let expires_at = self.end_of_link(&user, seconds)?;
        let (token, digest) = lictor_authn::reset::fresh()?;
        store.add_factor_reset_link(&self.by, name, &digest, expires_at).await?;
        Ok(NewResetLink { name: user.name, token, expires_at })
    }

    /// When a link of this user would end, if they can have one.
    fn end_of_link(&self, user: &Principal, seconds: i64) -> Result<Timestamp, ManageError> {
        if user.kind == PrincipalKind::ServiceAccount {
            return Err(StoreError::NoPasswords(user.name.to_string()).into());
        }
        if user.disabled {
            return Err(ManageError::Disabled(user.name.to_string()));
        }
        if !(1..=LONGEST).contains(&seconds) {
            return Err(ManageError::Length { what: "life of a link", most: "7d" });
        }
        Ok(self.clock.now().plus_seconds(seconds))
    }
}
