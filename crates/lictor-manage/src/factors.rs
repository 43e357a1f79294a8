//! Which second factors has somebody? Seen by whoever oversees, and taken away from a device that is in wrong hands.

use lictor_authz::Deed;
use lictor_model::{CredentialId, FactorDuty, FactorKind, Principal, PrincipalKind, PrincipalName, Timestamp};
use lictor_store::{FactorRow, StoreError};

use crate::administration::Administration;
use crate::error::ManageError;

/// A second factor, without what it is verified by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactorLine {
    /// Which one.
    pub id: CredentialId,
    /// A code's or a passkey's.
    pub kind: FactorKind,
    /// What its owner calls it.
    pub label: String,
    /// Since when.
    pub since: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

/// What somebody has, and whether they must.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactorsOf {
    /// Whose.
    pub user: Principal,
    /// The factors, oldest first.
    pub factors: Vec<FactorLine>,
    /// Recovery codes that are left.
    pub recovery_codes: usize,
    /// Whether a role of theirs demands one.
    pub required: bool,
}

impl Administration {
    /// The second factors of a user.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn factors(&self, name: &PrincipalName) -> Result<FactorsOf, ManageError> {
        self.look(&Deed::Oversee)?;
        let user = self.find(PrincipalKind::User, name).await?;
        let factors = self.store.factors_of(&user.id).await?;
        let (_, assignments) = self.store.load_assignments_of(std::slice::from_ref(&user.id)).await?;
        let required = FactorDuty::work_out(&assignments).binds(&user.id);
        let (all, recovery_codes) = (factors.all.into_iter().map(line).collect(), factors.recovery_codes);
        Ok(FactorsOf { user, factors: all, recovery_codes, required })
    }

    /// Takes all second factors and recovery codes of a user away at once, and ends their sessions; answers how many
    /// factors they had.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn remove_factors(&self, name: &PrincipalName) -> Result<usize, ManageError> {
        self.admit("user.reset-factors", name.as_str()).await?;
        let user = self.find_any(name).await?;
        let store = self.permit("user.reset-factors", name.as_str(), Deed::Principal(user.id)).await?;
        if user.kind == PrincipalKind::ServiceAccount {
            return Err(StoreError::NoPasswords(name.to_string()).into());
        }
        Ok(store.clear_factors(&self.by, name).await?)
    }
}

fn line(row: FactorRow) -> FactorLine {
    FactorLine { id: row.id, kind: row.kind, label: row.label, since: row.created_at, last_used_at: row.last_used_at }
}
