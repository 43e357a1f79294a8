//! Whose passwords are not looked at for a while?

use lictor_authz::Deed;
use lictor_model::{Ban, BanCause, BanSubject, PrincipalKind};
use lictor_store::StoreError;

use crate::administration::Administration;
use crate::error::ManageError;

/// The longest ban, in seconds.
const LONGEST: i64 = 365 * 86_400;

impl Administration {
    /// The bans in force, those that end last first.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn list_bans(&self) -> Result<Vec<Ban>, ManageError> {
        self.look(&Deed::Oversee)?;
        Ok(self.store.list_bans().await?)
    }

    /// Looks at no password of a user, or from an address, for so many seconds.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn add_ban(&self, subject: BanSubject, seconds: i64) -> Result<Ban, ManageError> {
        self.admit("ban.add", &subject.to_string()).await?;
        let deed = match &subject.account {
            Some(name) => {
                let user = self.find_any(name).await?;
                if user.kind == PrincipalKind::ServiceAccount {
                    return Err(StoreError::NoPasswords(name.to_string()).into());
                }
                Deed::Principal(user.id)
            }
            None => Deed::Manage,
        };
        let store = self.permit("ban.add", &subject.to_string(), deed).await?;
        if !(1..=LONGEST).contains(&seconds) {
            return Err(ManageError::Length { what: "length of a ban", most: "365d" });
        }
        let began_at = self.clock.now();
        let ends_at = began_at.plus_seconds(seconds);
        let ban = Ban { subject, cause: BanCause::Administrator, began_at, ends_at };
        store.add_ban(&self.by, &ban).await?;
        Ok(ban)
    }

    /// Lifts every ban on the account or the address.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn lift_bans(&self, which: &str) -> Result<Vec<Ban>, ManageError> {
        let store = self.permit("ban.lift", which, Deed::Manage).await?;
        Ok(store.lift_bans(&self.by, which).await?)
    }
}
