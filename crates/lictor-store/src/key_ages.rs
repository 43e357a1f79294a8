//! How old may keys grow? An age for each role that has one, built-in roles included.

use lictor_model::key_age::in_words;
use lictor_model::{MaxKeyAge, RoleName};

use crate::error::StoreError;
use crate::pool::Tx;
use crate::statement::{Row, sql};
use crate::{By, Store, roles};

impl Store {
    /// How old the keys of those who have a role may grow, by role.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away, [`StoreError::Corrupt`] when an age does not read.
    pub async fn list_max_key_ages(&self) -> Result<Vec<MaxKeyAge>, StoreError> {
        let mut tx = self.read().await?;
        let ages = all(&mut tx).await?;
        tx.commit().await?;
        Ok(ages)
    }

    /// Lets no key of those who have the role grow older than so many seconds; `None` takes the bound away.
    ///
    /// # Errors
    /// [`StoreError::UnknownRole`].
    pub async fn set_max_key_age(&self, by: &By, role: &RoleName, seconds: Option<i64>) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        tx.change_directory().await?;
        self.set_max_key_age_in(&mut tx, by, role, seconds).await?;
        tx.commit().await
    }

    pub(crate) async fn set_max_key_age_in(
        &self,
        tx: &mut Tx,
        by: &By,
        role: &RoleName,
        seconds: Option<i64>,
    ) -> Result<(), StoreError> {
        roles::require(tx, role).await?;
        let statement = match seconds {
            Some(seconds) => sql("INSERT INTO max_key_ages (role, seconds) VALUES ($1, $2) \
                                  ON CONFLICT (role) DO UPDATE SET seconds = excluded.seconds")
            .bind(role.as_str())
            .bind(seconds),
            None => sql("DELETE FROM max_key_ages WHERE role = $1").bind(role.as_str()),
        };
        statement.execute(tx).await?;
        let said = seconds.map_or_else(|| "none".to_owned(), in_words);
        self.record(tx, by, "role.set-max-key-age", &format!("{role}: {said}")).await
    }
}

/// All of them, by role.
pub(crate) async fn all(tx: &mut Tx) -> Result<Vec<MaxKeyAge>, StoreError> {
    let statement = sql("SELECT role, seconds FROM max_key_ages ORDER BY role");
    statement.fetch(tx, "max_key_ages").await?.iter().map(age).collect()
}

/// A custom role is gone, and with it its age: another of that name begins anew.
pub(crate) async fn drop_of(tx: &mut Tx, role: &RoleName) -> Result<(), StoreError> {
    sql("DELETE FROM max_key_ages WHERE role = $1").bind(role.as_str()).execute(tx).await?;
    Ok(())
}

/// An age that cannot be read must not be taken for none.
fn age(row: &Row) -> Result<MaxKeyAge, StoreError> {
    let seconds = row.integer("seconds")?;
    if seconds < 1 {
        return Err(row.corrupt("seconds"));
    }
    Ok(MaxKeyAge { role: row.read("role", |name| RoleName::parse(name).ok())?, seconds })
}
