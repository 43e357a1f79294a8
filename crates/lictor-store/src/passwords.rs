//! Which passwords are there? One hash a user; hashes are made and verified elsewhere.

use lictor_model::{CredentialId, PrincipalId, PrincipalKind, PrincipalName, Timestamp};

use crate::error::StoreError;
use crate::moved::among;
use crate::pool::Tx;
use crate::rows::PasswordRow;
use crate::statement::{Row, sql};
use crate::{By, Store, principals, reset_links, sessions};

impl Store {
    /// Gives a user another password, under a new credential id. The user's sessions end, but for the one that asks.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::NoPasswords`].
    pub async fn set_password(
        &self,
        by: &By,
        name: &PrincipalName,
        hash: impl AsRef<str>,
        must_change: bool,
    ) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        tx.change_directory().await?;
        let principal = principals::require(&mut tx, name).await?;
        if principal.kind == PrincipalKind::ServiceAccount {
            return Err(StoreError::NoPasswords(name.to_string()));
        }
        put(&mut tx, &principal.id, hash.as_ref(), must_change, self.clock.now()).await?;
        sessions::end_all_but(&mut tx, &principal.id, by.session()).await?;
        self.record(&mut tx, by, "user.set-password", name.as_str()).await?;
        tx.commit().await
    }

    /// Replaces a hash by a better one of the same password, unless the password was changed meanwhile; answers
    /// whether it did.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn rehash_password(&self, id: &CredentialId, old_hash: &str, new_hash: &str) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        tx.change_directory().await?;
        let statement = sql("UPDATE passwords SET hash = $1 WHERE id = $2 AND hash = $3");
        let replaced = statement.bind(new_hash).bind(id.as_str()).bind(old_hash).execute(&mut tx).await?;
        if replaced == 0 {
            // Not committed, so that nobody reloads for nothing.
            return Ok(false);
        }
        tx.commit().await?;
        Ok(true)
    }
}

/// Gives the principal a password in place of any other.
pub(crate) async fn put(
    tx: &mut Tx,
    principal: &PrincipalId,
    hash: &str,
    must_change: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql("INSERT INTO passwords (id, principal, hash, must_change, changed_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (principal) DO UPDATE SET id = excluded.id, hash = excluded.hash, \
         must_change = excluded.must_change, changed_at = excluded.changed_at")
    .bind(CredentialId::fresh().as_str())
    .bind(principal.as_str())
    .bind(hash)
    .bind(must_change)
    .bind(now)
    .execute(tx)
    .await?;
    // A link to another password than the one that was chosen since would be a way back in.
    reset_links::drop_of(tx, principal).await
}

/// All passwords.
pub(crate) async fn all(tx: &mut Tx) -> Result<Vec<PasswordRow>, StoreError> {
    let statement = sql("SELECT id, principal, hash, must_change, changed_at FROM passwords ORDER BY id");
    statement.fetch(tx, "passwords").await?.iter().map(password).collect()
}

/// The same of some principals.
pub(crate) async fn of_all(tx: &mut Tx, of: &[PrincipalId]) -> Result<Vec<PasswordRow>, StoreError> {
    let text = "SELECT id, principal, hash, must_change, changed_at FROM passwords WHERE principal";
    among(tx, (text, "ORDER BY id", "passwords"), of, password).await
}

fn password(row: &Row) -> Result<PasswordRow, StoreError> {
    Ok(PasswordRow {
        principal: row.text("principal")?.into(),
        id: row.text("id")?.into(),
        hash: row.text("hash")?,
        must_change: row.boolean("must_change")?,
        changed_at: row.moment("changed_at")?,
    })
}
