//! Which keys were given for tokens that somebody else issued? They end soon, and do not stay listed for good.

use lictor_model::{CredentialId, Timestamp};

use crate::error::StoreError;
use crate::keys::{self, aged, capped};
use crate::rows::{KeyRow, NewKey};
use crate::statement::sql;
use crate::{By, Store, directory, principals};

impl Store {
    /// Adds a key that is given for a token of that issuer. It ends as wished, or earlier where a role of its owner says so.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such principal.
    pub async fn exchange_key(&self, by: &By, new: NewKey, issuer: &str) -> Result<KeyRow, StoreError> {
        let mut tx = self.write().await?;
        tx.change_directory().await?;
        let owner = principals::require(&mut tx, &new.principal).await?;
        let (now, ages) = (self.clock.now(), directory::key_ages_of(&mut tx, &owner.id).await?);
        let key = KeyRow {
            id: CredentialId::fresh(),
            expires_at: capped(new.expires_at, ages.of(&owner.id), now),
            principal: owner.id,
            label: new.label,
            digest: new.digest,
            hint: new.hint,
            created_at: now,
            ended_by: None,
            revoked_at: None,
            disabled: false,
            replaces: None,
            narrowing: new.narrowing,
            issuer: Some(issuer.to_owned()),
            last_used: None,
        };
        keys::insert(&mut tx, &key).await?;
        self.record(&mut tx, by, "key.exchange", &format!("{} of {}, for a token of {issuer}", key.id, owner.name))
            .await?;
        tx.commit().await?;
        Ok(aged(key, &ages))
    }

    /// Deletes keys that were given for tokens and ended before that moment; answers how many. The record of them stays.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn delete_exchanged_keys(&self, ended_before: Timestamp) -> Result<u64, StoreError> {
        let mut tx = self.write().await?;
        tx.change_directory().await?;
        let statement = sql("DELETE FROM api_keys WHERE issuer IS NOT NULL AND expires_at < $1");
        let deleted = statement.bind(ended_before).execute(&mut tx).await?;
        if deleted > 0 {
            tx.commit().await?;
        }
        Ok(deleted)
    }
}
