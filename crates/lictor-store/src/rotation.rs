//! How is a key replaced while it is in use? By a successor that may do the same, and an end of its own a while later.

use lictor_model::{CredentialId, Digest};

use crate::error::StoreError;
use crate::keys::{self, capped};
use crate::rows::{KeyRow, KeyState, NewSecret, Rotation};
use crate::statement::sql;
use crate::{By, Store, directory, principals};

impl Store {
    /// Gives a key a successor of the same owner, label, limits and life. The old one ends so many seconds from now, or
    /// earlier if it would have. The key is named as for [`Store::revoke_key`].
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::AmbiguousKey`], [`StoreError::KeyRotated`], [`StoreError::KeyNotInUse`].
    pub async fn rotate_key(
        &self,
        by: &By,
        which: &str,
        secret: NewSecret,
        overlap: i64,
    ) -> Result<Rotation, StoreError> {
        let mut tx = self.write().await?;
        tx.change_directory().await?;
        let now = self.clock.now();
        let written = keys::choose(keys::named(&mut tx, which).await?, which)?;
        let ages = directory::key_ages_of(&mut tx, &written.principal).await?;
        let mut old = keys::aged(written.clone(), &ages);
        if let Some(next) = keys::successor(&mut tx, &old.id).await? {
            return Err(StoreError::KeyRotated { old: old.id.to_string(), new: next.to_string() });
        }
        if old.issuer.is_some() {
            return Err(StoreError::KeyOfToken(old.id.to_string()));
        }
        let state = old.state(now);
        if state != KeyState::Active {
            return Err(StoreError::KeyNotInUse { id: old.id.to_string(), state: state.as_str() });
        }
        let life = written.expires_at.map(|end| now.plus_seconds(end.seconds_since(written.created_at)));
        let new = KeyRow {
            id: CredentialId::fresh(),
            digest: secret.digest,
            hint: secret.hint,
            created_at: now,
            expires_at: capped(life, ages.of(&old.principal), now),
            replaces: Some(old.id.clone()),
            last_used: None,
            ..written
        };
        let end = now.plus_seconds(overlap);
        old.expires_at = Some(old.expires_at.map_or(end, |before| before.min(end)));
        sql("UPDATE api_keys SET expires_at = $1 WHERE id = $2")
            .bind(old.expires_at)
            .bind(old.id.as_str())
            .execute(&mut tx)
            .await?;
        keys::insert(&mut tx, &new).await?;
        let owner = principals::name_of(&mut tx, &old.principal).await?;
        let owner = owner.map(|owner| owner.to_string()).unwrap_or_default();
        self.record(&mut tx, by, "key.rotate", &format!("{} of {owner}, replaced by {}", old.id, new.id)).await?;
        tx.commit().await?;
        Ok(Rotation { old, new: keys::aged(new, &ages) })
    }

    /// Puts a key out of use, or into use again. The key is named as for [`Store::revoke_key`].
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::AmbiguousKey`]; [`StoreError::KeyNotInUse`] when it was revoked, which is
    /// for good.
    pub async fn set_key_disabled(&self, by: &By, which: &str, disabled: bool) -> Result<KeyRow, StoreError> {
        let mut tx = self.write().await?;
        tx.change_directory().await?;
        let written = keys::choose(keys::named(&mut tx, which).await?, which)?;
        let ages = directory::key_ages_of(&mut tx, &written.principal).await?;
        let mut key = keys::aged(written, &ages);
        if key.revoked_at.is_some() {
            return Err(StoreError::KeyNotInUse { id: key.id.to_string(), state: KeyState::Revoked.as_str() });
        }
        if key.disabled == disabled {
            return Ok(key);
        }
        sql("UPDATE api_keys SET disabled = $1 WHERE id = $2")
            .bind(disabled)
            .bind(key.id.as_str())
            .execute(&mut tx)
            .await?;
        key.disabled = disabled;
        let owner = principals::name_of(&mut tx, &key.principal).await?;
        let owner = owner.map(|owner| owner.to_string()).unwrap_or_default();
        let operation = if disabled { "key.disable" } else { "key.enable" };
        self.record(&mut tx, by, operation, &format!("{} of {owner}", key.id)).await?;
        tx.commit().await?;
        Ok(key)
    }

    /// Revokes the key of this digest, for somebody who holds its text and no right to anything. Nothing happens when it
    /// is not known, or revoked already.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn revoke_leaked_key(&self, by: &By, digest: &Digest) -> Result<Option<KeyRow>, StoreError> {
        let mut tx = self.read().await?;
        let known = keys::find_live(&mut tx, digest).await?;
        tx.commit().await?;
        // Only what is known takes the write lock: anybody may ask.
        if known.is_none() {
            return Ok(None);
        }
        let mut tx = self.write().await?;
        tx.change_directory().await?;
        let Some(key) = keys::find_live(&mut tx, digest).await? else { return Ok(None) };
        let now = self.clock.now();
        let statement = sql("UPDATE api_keys SET revoked_at = $1 WHERE id = $2");
        statement.bind(now).bind(key.id.as_str()).execute(&mut tx).await?;
        let owner = principals::name_of(&mut tx, &key.principal).await?;
        let owner = owner.map(|owner| owner.to_string()).unwrap_or_default();
        self.record(&mut tx, by, "key.report-leak", &format!("{} of {owner}", key.id)).await?;
        tx.commit().await?;
        Ok(Some(KeyRow { revoked_at: Some(now), ..key }))
    }
}
