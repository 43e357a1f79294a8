//! Which roles demand a second factor? Built-in ones included.

use lictor_model::RoleName;

use crate::error::StoreError;
use crate::pool::Tx;
use crate::statement::sql;
use crate::{By, Store, roles};

impl Store {
    /// The roles that demand one, by name.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn list_factor_roles(&self) -> Result<Vec<RoleName>, StoreError> {
        let mut tx = self.read().await?;
        let roles = all(&mut tx).await?;
        tx.commit().await?;
        Ok(roles)
    }

    /// Demands a second factor of whoever has the role, or no longer does.
    ///
    /// # Errors
    /// [`StoreError::UnknownRole`].
    pub async fn set_factor_role(&self, by: &By, role: &RoleName, demanded: bool) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        tx.change_directory().await?;
        self.set_factor_role_in(&mut tx, by, role, demanded).await?;
        tx.commit().await
    }

    pub(crate) async fn set_factor_role_in(
        &self,
        tx: &mut Tx,
        by: &By,
        role: &RoleName,
        demanded: bool,
    ) -> Result<(), StoreError> {
        roles::require(tx, role).await?;
        if demanded {
            let statement = sql("INSERT INTO factor_roles (role) VALUES ($1) ON CONFLICT (role) DO NOTHING");
            statement.bind(role.as_str()).execute(tx).await?;
        } else {
            drop_of(tx, role).await?;
        }
        let said = if demanded { "required" } else { "none" };
        self.record(tx, by, "role.set-second-factor", &format!("{role}: {said}")).await
    }
}

/// All of them, by name. One that cannot be read must not be taken for none.
pub(crate) async fn all(tx: &mut Tx) -> Result<Vec<RoleName>, StoreError> {
    let rows = sql("SELECT role FROM factor_roles ORDER BY role").fetch(tx, "factor_roles").await?;
    rows.iter().map(|row| row.read("role", |name| RoleName::parse(name).ok())).collect()
}

/// A role is gone, and with it what it demands: another of that name begins anew.
pub(crate) async fn drop_of(tx: &mut Tx, role: &RoleName) -> Result<(), StoreError> {
    sql("DELETE FROM factor_roles WHERE role = $1").bind(role.as_str()).execute(tx).await?;
    Ok(())
}
