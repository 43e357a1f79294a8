//! How is a statement run, and how is a row read, on either database?

use std::borrow::Cow;

use lictor_model::{Source, Timestamp};
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row as _};

use crate::error::StoreError;
use crate::pool::{Tx, on_either};

/// A value for a `$n`: the two types that both databases share.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Text(Option<String>),
    Integer(Option<i64>),
}

/// A statement and its values.
#[derive(Debug)]
pub(crate) struct Statement {
    text: Cow<'static, str>,
    values: Vec<Value>,
}

/// Begins a statement.
pub(crate) fn sql(text: &'static str) -> Statement {
    Statement { text: Cow::Borrowed(text), values: Vec::new() }
}

impl Statement {
    /// Gives the next `$n` its value.
    pub(crate) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Adds to the text; only the program's own text can be given.
    pub(crate) fn push(&mut self, text: &'static str) {
        self.text.to_mut().push_str(text);
    }

    /// Adds the name of a column as the database itself told it.
    pub(crate) fn push_name(&mut self, name: &str) {
        let text = self.text.to_mut();
        text.push('"');
        text.push_str(&name.replace('"', "\"\""));
        text.push('"');
    }

    /// Adds `$n` to the text, and its value.
    pub(crate) fn push_bind(&mut self, value: impl Into<Value>) {
        self.values.push(value.into());
        let place = format!("${}", self.values.len());
        self.text.to_mut().push_str(&place);
    }

    /// Runs it; answers how many rows it touched.
    pub(crate) async fn execute(self, tx: &mut Tx) -> Result<u64, StoreError> {
        on_either!(tx, |inner, Database| {
            let query = sqlx::query::<Database>(AssertSqlSafe(self.text));
            let query = self.values.into_iter().fold(query, |query, value| match value {
                Value::Text(text) => query.bind(text),
                Value::Integer(integer) => query.bind(integer),
            });
            Ok(query.execute(&mut **inner).await?.rows_affected())
        })
    }

    /// Runs it; answers its rows, all of one table. The first column names the row, should it not read.
    pub(crate) async fn fetch(self, tx: &mut Tx, table: &'static str) -> Result<Vec<Row>, StoreError> {
        on_either!(tx, |inner, Database| {
            let query = sqlx::query::<Database>(AssertSqlSafe(self.text));
            let query = self.values.into_iter().fold(query, |query, value| match value {
                Value::Text(text) => query.bind(text),
                Value::Integer(integer) => query.bind(integer),
            });
            let rows = query.fetch_all(&mut **inner).await?;
            Ok(rows.into_iter().map(|row| Row { table, cells: row.into() }).collect())
        })
    }

    /// Runs it; answers its first row.
    pub(crate) async fn fetch_first(self, tx: &mut Tx, table: &'static str) -> Result<Option<Row>, StoreError> {
        Ok(self.fetch(tx, table).await?.into_iter().next())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        // PostgreSQL has no NUL in text, and callers choose some of it (a user agent, a claimed name).
        Self::Text(Some(text.replace('\0', "\u{fffd}")))
    }
}

impl From<Option<&str>> for Value {
    fn from(text: Option<&str>) -> Self {
        text.map_or(Self::Text(None), Self::from)
    }
}

impl From<i64> for Value {
    fn from(integer: i64) -> Self {
        Self::Integer(Some(integer))
    }
}

impl From<bool> for Value {
    fn from(yes: bool) -> Self {
        Self::from(i64::from(yes))
    }
}

impl From<Timestamp> for Value {
    fn from(at: Timestamp) -> Self {
        Self::from(at.as_micros())
    }
}

impl From<Option<Timestamp>> for Value {
    fn from(at: Option<Timestamp>) -> Self {
        Self::Integer(at.map(Timestamp::as_micros))
    }
}

enum Cells {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl From<SqliteRow> for Cells {
    fn from(row: SqliteRow) -> Self {
        Self::Sqlite(row)
    }
}

impl From<PgRow> for Cells {
    fn from(row: PgRow) -> Self {
        Self::Postgres(row)
    }
}

/// A row of a table; a cell that does not read is [`StoreError::Corrupt`].
pub(crate) struct Row {
    table: &'static str,
    cells: Cells,
}

impl Row {
    /// A text, or nothing.
    pub(crate) fn maybe_text(&self, column: &'static str) -> Result<Option<String>, StoreError> {
        let cell = match &self.cells {
            Cells::Sqlite(row) => row.try_get(column),
            Cells::Postgres(row) => row.try_get(column),
        };
        cell.map_err(|_| self.corrupt(column))
    }

    /// An integer, or nothing.
    pub(crate) fn maybe_integer(&self, column: &'static str) -> Result<Option<i64>, StoreError> {
        let cell = match &self.cells {
            Cells::Sqlite(row) => row.try_get(column),
            Cells::Postgres(row) => row.try_get(column),
        };
        cell.map_err(|_| self.corrupt(column))
    }

    /// A text.
    pub(crate) fn text(&self, column: &'static str) -> Result<String, StoreError> {
        self.maybe_text(column)?.ok_or_else(|| self.corrupt(column))
    }

    /// An integer.
    pub(crate) fn integer(&self, column: &'static str) -> Result<i64, StoreError> {
        self.maybe_integer(column)?.ok_or_else(|| self.corrupt(column))
    }

    /// A text, or nothing, of a column whose name the database told.
    pub(crate) fn cell_text(&self, column: &str) -> Result<Option<String>, StoreError> {
        let cell = match &self.cells {
            Cells::Sqlite(row) => row.try_get(column),
            Cells::Postgres(row) => row.try_get(column),
        };
        Ok(cell?)
    }

    /// An integer, or nothing, of a column whose name the database told.
    pub(crate) fn cell_integer(&self, column: &str) -> Result<Option<i64>, StoreError> {
        let cell = match &self.cells {
            Cells::Sqlite(row) => row.try_get(column),
            Cells::Postgres(row) => row.try_get(column),
        };
        Ok(cell?)
    }

    /// A text that `read` understands.
    pub(crate) fn read<T>(&self, column: &'static str, read: impl FnOnce(&str) -> Option<T>) -> Result<T, StoreError> {
        read(&self.text(column)?).ok_or_else(|| self.corrupt(column))
    }

    /// 0 or 1.
    pub(crate) fn boolean(&self, column: &'static str) -> Result<bool, StoreError> {
        match self.integer(column)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.corrupt(column)),
        }
    }

    /// Who says so.
    pub(crate) fn source(&self, column: &'static str) -> Result<Source, StoreError> {
        self.read(column, |text| Source::parse(text).ok())
    }

    /// A moment.
    pub(crate) fn moment(&self, column: &'static str) -> Result<Timestamp, StoreError> {
        self.integer(column).map(Timestamp::from_micros)
    }

    /// A moment, or nothing.
    pub(crate) fn maybe_moment(&self, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.maybe_integer(column)?.map(Timestamp::from_micros))
    }

    /// That this row's cell does not read.
    pub(crate) fn corrupt(&self, column: &'static str) -> StoreError {
        let id: Option<String> = match &self.cells {
            Cells::Sqlite(row) => row.try_get(0).ok(),
            Cells::Postgres(row) => row.try_get(0).ok(),
        };
        StoreError::Corrupt { table: self.table, id: id.unwrap_or_default(), column }
    }
}
