//! How is a backup put back? All of it or nothing, in one transaction; what was revoked since stays revoked, and the record
//! is only added to.

use std::collections::BTreeMap;
use std::io::BufRead;

use super::read::Lines;
use super::row::{Checked, Columns};
use super::tables::{Kind, TABLES, Table};
use super::{BackupError, Restored, tables_version};
use crate::error::StoreError;
use crate::pool::Tx;
use crate::statement::{Row, sql};
use crate::{By, Store};

impl Store {
    /// Puts a backup into an empty store, or with `replace` in the place of what is there. Everybody is signed out. A key
    /// that was revoked since the backup stays revoked, and no event of the record is lost.
    ///
    /// # Errors
    /// [`BackupError`]; then nothing was changed.
    pub async fn restore<R: BufRead + Send>(&self, by: &By, from: R, replace: bool) -> Result<Restored, BackupError> {
        let (mut lines, theirs, taken_at) = Lines::begin(from)?;
        let mut tx = self.write().await?;
        sql("UPDATE changes SET version = version + 1").execute(&mut tx).await?;
        let ours = tables_version(&mut tx).await?;
        if theirs > ours {
            return Err(BackupError::Newer { theirs, ours });
        }
        let principals = count(&mut tx, "SELECT COUNT(*) AS count FROM principals").await?;
        if principals > 0 && !replace {
            return Err(BackupError::NotEmpty(principals));
        }
        let revoked = sql("SELECT id, revoked_at FROM api_keys WHERE revoked_at IS NOT NULL");
        let revoked = revoked.fetch(&mut tx, "api_keys").await?;
        let serve_from = serve_from(&mut tx).await?;
        clear(&mut tx).await?;
        let rows = fill(&mut tx, &mut lines).await?;
        // That is about the tables as they are, not as they were when the backup was taken.
        sql("DELETE FROM meta WHERE name = 'tables-serve-from'").execute(&mut tx).await?;
        if let Some(version) = serve_from {
            let keep = sql("INSERT INTO meta (name, value) VALUES ('tables-serve-from', $1)").bind(version.as_str());
            keep.execute(&mut tx).await?;
        }
        let still_revoked = revoke_again(&mut tx, &revoked).await?;
        let object = format!("as of {taken_at}{}", if replace { ", replacing what was there" } else { "" });
        self.record(&mut tx, by, "store.restore", &object).await?;
        tx.commit().await?;
        Ok(Restored { taken_at, rows, still_revoked })
    }
}

async fn count(tx: &mut Tx, statement: &'static str) -> Result<i64, StoreError> {
    let row = sql(statement).fetch_first(tx, "principals").await?;
    row.map_or(Ok(0), |row| row.integer("count"))
}

async fn serve_from(tx: &mut Tx) -> Result<Option<String>, StoreError> {
    let row = sql("SELECT value FROM meta WHERE name = 'tables-serve-from'").fetch_first(tx, "meta").await?;
    row.map(|row| row.text("value")).transpose()
}

/// Empties every table that can be; the record cannot.
async fn clear(tx: &mut Tx) -> Result<(), StoreError> {
    for table in TABLES.iter().rev().filter(|table| matches!(table.kind, Kind::Whole | Kind::Passing)) {
        let mut statement = sql("DELETE FROM ");
        statement.push(table.name);
        statement.execute(tx).await?;
    }
    Ok(())
}

async fn revoke_again(tx: &mut Tx, revoked: &[Row]) -> Result<u64, StoreError> {
    let mut still = 0;
    for row in revoked {
        still += sql("UPDATE api_keys SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL")
            .bind(row.moment("revoked_at")?)
            .bind(row.text("id")?.as_str())
            .execute(tx)
            .await?;
    }
    Ok(still)
}

/// Adds every row of the file; answers how many there are now of each table.
async fn fill<R: BufRead + Send>(
    tx: &mut Tx,
    lines: &mut Lines<R>,
) -> Result<BTreeMap<&'static str, u64>, BackupError> {
    let mut rows: BTreeMap<&'static str, u64> = BTreeMap::new();
    let mut filling: Option<Filling> = None;
    while let Some((name, cells)) = lines.row()? {
        let table = TABLES.iter().find(|table| table.is_kept() && table.name == name);
        let table = table.ok_or_else(|| lines.damaged(format!("a backup has no table {name:?}")))?;
        let mut current = match filling.take() {
            Some(current) if current.table == *table => current,
            before => {
                // Whole before the next begins: that may refer to it.
                if let Some(before) = before {
                    before.end(tx, &mut rows).await?;
                }
                Filling::begin(tx, table).await?
            }
        };
        let row = current.columns.check(cells).map_err(|what| lines.damaged(what))?;
        current.add(tx, row).await?;
        filling = Some(current);
    }
    if let Some(last) = filling {
        last.end(tx, &mut rows).await?;
    }
    Ok(rows)
}

/// A table that is being filled, some rows at a time.
struct Filling {
    table: Table,
    columns: Columns,
    held: Vec<Checked>,
    added: u64,
}

impl Filling {
    async fn begin(tx: &mut Tx, table: &Table) -> Result<Self, StoreError> {
        Ok(Self { table: *table, columns: Columns::of(tx, table).await?, held: Vec::new(), added: 0 })
    }

    async fn add(&mut self, tx: &mut Tx, row: Checked) -> Result<(), StoreError> {
        let is_other = self.held.first().is_some_and(|first| !first.is_like(&row));
        if is_other || self.held.len() >= self.columns.rows_at_once() {
            self.added += self.columns.insert(tx, std::mem::take(&mut self.held)).await?;
        }
        self.held.push(row);
        Ok(())
    }

    async fn end(mut self, tx: &mut Tx, rows: &mut BTreeMap<&'static str, u64>) -> Result<(), StoreError> {
        self.added += self.columns.insert(tx, self.held).await?;
        *rows.entry(self.table.name).or_default() += self.added;
        Ok(())
    }
}
