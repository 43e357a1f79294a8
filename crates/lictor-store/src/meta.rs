//! Which small settings are kept? Names and values, such as the server's own secret.

use crate::Store;
use crate::error::StoreError;
use crate::statement::sql;

impl Store {
    /// The value of that name.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn meta_get(&self, name: &str) -> Result<Option<String>, StoreError> {
        let mut tx = self.read().await?;
        let row = sql("SELECT name, value FROM meta WHERE name = $1").bind(name).fetch_first(&mut tx, "meta").await?;
        tx.commit().await?;
        row.map(|row| row.text("value")).transpose()
    }

    /// Gives the name that value, whatever it had before.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn meta_set(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        sql("INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value")
            .bind(name)
            .bind(value)
            .execute(&mut tx)
            .await?;
        tx.commit().await
    }

    /// The value of that name; the first to ask chooses it. Replicas that start at once agree on one secret.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn meta_get_or_set(&self, name: &str, value: &str) -> Result<String, StoreError> {
        let mut tx = self.write().await?;
        sql("INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING")
            .bind(name)
            .bind(value)
            .execute(&mut tx)
            .await?;
        let row = sql("SELECT name, value FROM meta WHERE name = $1").bind(name).fetch_first(&mut tx, "meta").await?;
        tx.commit().await?;
        row.map_or_else(|| Ok(value.to_owned()), |row| row.text("value"))
    }
}
