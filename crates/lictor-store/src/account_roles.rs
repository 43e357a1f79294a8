//! Who is an admin of the account? Owners are those who hold the role owner everywhere, and stand in no table of their own.

use lictor_model::{AccountRole, PrincipalId, PrincipalName, Timestamp};

use crate::error::StoreError;
use crate::moved::among;
use crate::pool::Tx;
use crate::statement::sql;
use crate::{By, Store, principals};

impl Store {
    /// Makes a principal an admin of the account, or a member again. Owners are made by a grant.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn set_admin(&self, by: &By, name: &PrincipalName, admin: bool) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        tx.change_directory().await?;
        let id = principals::require(&mut tx, name).await?.id;
        if !put(&mut tx, &id, admin, self.clock.now()).await? {
            return Ok(());
        }
        self.record(&mut tx, by, "account-role.set", &object(name, admin)).await?;
        tx.commit().await
    }
}

/// A change as the record names it.
pub(crate) fn object(name: &PrincipalName, admin: bool) -> String {
    let role = if admin { AccountRole::Admin } else { AccountRole::Member };
    format!("{name} is {role}")
}

/// Writes it down; answers whether it was otherwise before.
pub(crate) async fn put(tx: &mut Tx, id: &PrincipalId, admin: bool, now: Timestamp) -> Result<bool, StoreError> {
    let statement = if admin {
        sql("INSERT INTO account_admins (principal, created_at) VALUES ($1, $2) ON CONFLICT (principal) DO NOTHING")
            .bind(id.as_str())
            .bind(now)
    } else {
        sql("DELETE FROM account_admins WHERE principal = $1").bind(id.as_str())
    };
    Ok(statement.execute(tx).await? > 0)
}

/// Those of some principals.
pub(crate) async fn admins_among(tx: &mut Tx, of: &[PrincipalId]) -> Result<Vec<PrincipalId>, StoreError> {
    let text = "SELECT principal FROM account_admins WHERE principal";
    among(tx, (text, "", "account_admins"), of, |row| Ok(row.text("principal")?.into())).await
}

/// All of them, oldest first.
pub(crate) async fn admins(tx: &mut Tx) -> Result<Vec<PrincipalId>, StoreError> {
    let statement = sql("SELECT principal FROM account_admins ORDER BY created_at, principal");
    let rows = statement.fetch(tx, "account_admins").await?;
    rows.iter().map(|row| row.text("principal").map(Into::into)).collect()
}
