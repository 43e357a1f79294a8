//! Has this been used before? Things that count once, on whichever replica they come.

use lictor_model::Timestamp;

use crate::Store;
use crate::error::StoreError;
use crate::statement::sql;

impl Store {
    /// Uses something up; false when it was used before. It is remembered until the given time, when it must be of no
    /// use anyway.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away: then it must count as used.
    pub async fn spend(&self, id: &str, until: Timestamp) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        sql("DELETE FROM spent WHERE until <= $1").bind(self.clock.now()).execute(&mut tx).await?;
        let statement = sql("INSERT INTO spent (id, until) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING");
        let fresh = statement.bind(id).bind(until).execute(&mut tx).await?;
        tx.commit().await?;
        Ok(fresh > 0)
    }
}
