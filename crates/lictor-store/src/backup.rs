//! How is all of it taken out, and put back? One file of JSON lines, written from one state of a running store of either
//! kind, and read into a store of either kind in one transaction.
//!
//! The first line says what it is, one line follows for each row, and the last one closes it with a count and a digest, so
//! that a file that was cut off or changed puts nothing back.

mod read;
mod restore;
mod row;
mod tables;

use std::collections::BTreeMap;
use std::io::Write;

use lictor_model::{Digest, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::StoreError;
use crate::pool::Tx;
use crate::statement::sql;
use crate::{By, Store};
use row::Columns;
use tables::{TABLES, Table};

/// The form of the file; another number is another form.
const FORM: u32 = 1;
/// So many rows of the record are held in memory at a time.
const PAGE: i64 = 5_000;

/// A backup that was not taken, or not put back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file cannot be written.
    #[error("the backup cannot be written: {0}")]
    Write(#[source] std::io::Error),
    /// The file cannot be read.
    #[error("the backup cannot be read: {0}")]
    Read(#[source] std::io::Error),
    /// Not a backup, or a damaged one.
    #[error("line {line} of the backup is not as it was written: {what}; nothing was changed")]
    Damaged {
        /// Where, from 1.
        line: u64,
        /// What is wrong there.
        what: String,
    },
    /// From a newer program.
    #[error(
        "the backup is of a newer Lictor (its tables have version {theirs}, those of this one {ours}): restore it with that one; nothing was changed"
    )]
    Newer {
        /// The version of the tables that it was taken from.
        theirs: i64,
        /// Ours.
        ours: i64,
    },
    /// There is something in the store.
    #[error(
        "the store has {0} users and service accounts already: restore into a new one, or give --replace to put the backup in the place of what is there"
    )]
    NotEmpty(i64),
}

/// What was taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackedUp {
    /// As of when.
    pub taken_at: Timestamp,
    /// Rows by table.
    pub rows: BTreeMap<&'static str, u64>,
}

/// What was put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// As of when, as the backup says.
    pub taken_at: String,
    /// Rows by table; of the record, those that were not there.
    pub rows: BTreeMap<&'static str, u64>,
    /// Keys that the backup has in use and that stay revoked, because they were revoked since.
    pub still_revoked: u64,
}

/// One line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Line {
    /// The first.
    LictorBackup { form: u32, tables_version: i64, taken_at: String },
    /// A row of a table.
    Row { table: String, cells: Map<String, Value> },
    /// The last: how many rows there were, and the digest of every line before this one.
    End { rows: u64, digest: String },
}

/// The digest of lines, each hashed with that of those before it.
#[derive(Debug, Default)]
struct Chain(String);

impl Chain {
    fn add(&mut self, line: &str) {
        self.0 = Digest::of(format!("{}\n{line}", self.0).as_bytes()).to_hex();
    }
}

impl Store {
    /// Writes a backup of one state of the store, which may be in use. That it was taken is on record, in the backup too: it
    /// holds what passwords and keys are verified by.
    ///
    /// # Errors
    /// [`BackupError::Store`], [`BackupError::Write`].
    pub async fn back_up<W: Write + Send>(&self, by: &By, out: &mut W) -> Result<BackedUp, BackupError> {
        let mut tx = self.write().await?;
        self.record(&mut tx, by, "store.backup", "").await?;
        tx.commit().await?;
        let taken_at = self.clock.now();
        let mut tx = self.read().await?;
        let mut file = Sink { out, chain: Chain::default(), rows: BTreeMap::new() };
        let tables_version = tables_version(&mut tx).await?;
        file.line(&Line::LictorBackup { form: FORM, tables_version, taken_at: taken_at.to_rfc3339() })?;
        for table in TABLES.iter().filter(|table| table.is_kept()) {
            file.table(&mut tx, table).await?;
        }
        tx.commit().await?;
        let rows = file.rows.values().sum();
        let digest = file.chain.0.clone();
        file.line(&Line::End { rows, digest })?;
        file.out.flush().map_err(BackupError::Write)?;
        Ok(BackedUp { taken_at, rows: file.rows })
    }
}

/// The number of the last migration.
async fn tables_version(tx: &mut Tx) -> Result<i64, StoreError> {
    let row = sql("SELECT MAX(version) AS version FROM _sqlx_migrations").fetch_first(tx, "_sqlx_migrations").await?;
    row.map_or(Ok(0), |row| row.integer("version"))
}

/// The file, and what has gone into it.
struct Sink<'w, W> {
    out: &'w mut W,
    chain: Chain,
    rows: BTreeMap<&'static str, u64>,
}

impl<W: Write + Send> Sink<'_, W> {
    fn line(&mut self, line: &Line) -> Result<(), BackupError> {
        let text = serde_json::to_string(line).map_err(|error| BackupError::Write(error.into()))?;
        self.chain.add(&text);
        writeln!(self.out, "{text}").map_err(BackupError::Write)
    }

    async fn table(&mut self, tx: &mut Tx, table: &Table) -> Result<(), BackupError> {
        let columns = Columns::of(tx, table).await?;
        let mut after = 0;
        loop {
            let (rows, last) = columns.fetch(tx, after, PAGE).await?;
            for cells in rows {
                self.line(&Line::Row { table: table.name.to_owned(), cells })?;
                *self.rows.entry(table.name).or_default() += 1;
            }
            match last {
                Some(last) => after = last,
                None => return Ok(()),
            }
        }
    }
}
