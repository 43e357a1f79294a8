//! What do replicas share while a certificate authority issues our certificate? Small entries with an end, and whose turn it is.

use lictor_model::Timestamp;

use crate::Store;
use crate::error::StoreError;
use crate::statement::{Row, sql};

/// The one entry that is taken and not put.
const TURN: &str = "turn";

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcmeEntry {
    /// What it is.
    pub name: String,
    /// What it holds; keys are sealed by whoever puts it.
    pub value: String,
    /// When it is of no use any more.
    pub ends_at: Timestamp,
}

impl Store {
    /// All entries that have not ended.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn acme_entries(&self) -> Result<Vec<AcmeEntry>, StoreError> {
        let mut tx = self.read().await?;
        let statement = sql("SELECT name, value, ends_at FROM acme WHERE ends_at > $1 AND name <> $2 ORDER BY name");
        let rows = statement.bind(self.clock.now()).bind(TURN).fetch(&mut tx, "acme").await?;
        tx.commit().await?;
        rows.iter().map(entry).collect()
    }

    /// Puts entries, in the place of those of the same names.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away: then none of them is there.
    pub async fn put_acme_entries(&self, entries: &[AcmeEntry]) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        sql("DELETE FROM acme WHERE ends_at <= $1").bind(self.clock.now()).execute(&mut tx).await?;
        for entry in entries {
            sql("INSERT INTO acme (name, value, ends_at) VALUES ($1, $2, $3) \
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value, ends_at = excluded.ends_at")
            .bind(entry.name.as_str())
            .bind(entry.value.as_str())
            .bind(entry.ends_at)
            .execute(&mut tx)
            .await?;
        }
        tx.commit().await
    }

    /// Takes entries away.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn remove_acme_entries(&self, names: &[String]) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        for name in names {
            sql("DELETE FROM acme WHERE name = $1").bind(name.as_str()).execute(&mut tx).await?;
        }
        tx.commit().await
    }

    /// Takes the turn until then, or keeps it for longer; false when it is another's.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away: then it must count as another's.
    pub async fn take_acme_turn(&self, holder: &str, until: Timestamp) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        let taken = sql("INSERT INTO acme (name, value, ends_at) VALUES ($1, $2, $3) \
                         ON CONFLICT (name) DO UPDATE SET value = excluded.value, ends_at = excluded.ends_at \
                         WHERE acme.value = excluded.value OR acme.ends_at <= $4")
        .bind(TURN)
        .bind(holder)
        .bind(until)
        .bind(self.clock.now())
        .execute(&mut tx)
        .await?;
        tx.commit().await?;
        Ok(taken > 0)
    }

    /// Gives the turn back.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away; it comes to its end by itself.
    pub async fn leave_acme_turn(&self, holder: &str) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        sql("DELETE FROM acme WHERE name = $1 AND value = $2").bind(TURN).bind(holder).execute(&mut tx).await?;
        tx.commit().await
    }
}

fn entry(row: &Row) -> Result<AcmeEntry, StoreError> {
    Ok(AcmeEntry { name: row.text("name")?, value: row.text("value")?, ends_at: row.moment("ends_at")? })
}
