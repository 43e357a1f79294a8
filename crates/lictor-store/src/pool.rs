//! Which database is it? The pool and the transaction, of one kind or the other.

use sqlx::{PgPool, Postgres, Sqlite, SqlitePool, Transaction};

use crate::error::StoreError;
use crate::{Store, statement::sql};

/// Runs one text on whichever database a transaction belongs to.
macro_rules! on_either {
    ($of:expr, |$inner:ident, $database:ident| $body:expr) => {
        match $of {
            $crate::pool::Tx::Sqlite($inner) => {
                #[allow(unused)]
                type $database = sqlx::Sqlite;
                $body
            }
            $crate::pool::Tx::Postgres($inner) => {
                #[allow(unused)]
                type $database = sqlx::Postgres;
                $body
            }
        }
    };
}
pub(crate) use on_either;

/// Connections to one database.
#[derive(Debug, Clone)]
pub(crate) enum Pool {
    /// One connection writes, so that writers queue here and not on the file's lock; the others read beside it.
    /// In memory both are the same single connection.
    Sqlite { write: SqlitePool, read: SqlitePool },
    /// Any connection does either.
    Postgres(PgPool),
}

/// A transaction: dropped without [`Tx::commit`], it leaves no trace.
pub(crate) enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Store {
    /// Begins a transaction that changes something.
    pub(crate) async fn write(&self) -> Result<Tx, StoreError> {
        let mut tx = match &self.pool {
            // The lock is taken at once: upgrading a reader's lock later fails at once when another waits for the same.
            Pool::Sqlite { write, .. } => Tx::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?),
            Pool::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        };
        if let Some(guard) = &self.guard {
            guard.check(&mut tx).await?;
        }
        Ok(tx)
    }

    /// Begins a transaction that sees one state of the database throughout.
    pub(crate) async fn read(&self) -> Result<Tx, StoreError> {
        Ok(match &self.pool {
            Pool::Sqlite { read, .. } => Tx::Sqlite(read.begin().await?),
            Pool::Postgres(pool) => {
                Tx::Postgres(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
            }
        })
    }

    /// Closes the connections; open transactions are waited for.
    pub async fn close(&self) {
        match &self.pool {
            Pool::Sqlite { write, read } => {
                // The writer last: the last connection to close folds the write-ahead log into the file.
                read.close().await;
                write.close().await;
            }
            Pool::Postgres(pool) => pool.close().await,
        }
    }
}

impl Tx {
    /// Makes it so, durably.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        Ok(on_either!(self, |tx, Database| tx.commit().await)?)
    }

    /// Moves the directory's version forward. First in every change to it: the row's lock makes administrators queue,
    /// on both databases, so that what one checks (the last owner, a role in use) another cannot change meanwhile.
    pub(crate) async fn change_directory(&mut self) -> Result<(), StoreError> {
        sql("UPDATE changes SET version = version + 1 WHERE name = 'directory'").execute(self).await?;
        Ok(())
    }

    /// Moves the bans' version forward; after the other two where several are due.
    pub(crate) async fn change_bans(&mut self) -> Result<(), StoreError> {
        sql("UPDATE changes SET version = version + 1 WHERE name = 'bans'").execute(self).await?;
        Ok(())
    }

    /// Moves the sessions' version forward; after [`Tx::change_directory`] where both are due, so that two cannot lock
    /// each other out.
    pub(crate) async fn change_sessions(&mut self) -> Result<(), StoreError> {
        sql("UPDATE changes SET version = version + 1 WHERE name = 'sessions'").execute(self).await?;
        Ok(())
    }
}
