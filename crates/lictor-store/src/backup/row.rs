//! How is a row of any table read and written? By its columns, as the database itself names them.

use serde_json::{Map, Value};

use super::tables::{Kind, Table};
use crate::error::StoreError;
use crate::pool::Tx;
use crate::statement::{self, Statement, sql};

/// So many values are bound at most in one statement; both databases take more.
const VALUES: usize = 900;

/// The columns of a table. Their names are the database's own word, never a file's.
#[derive(Debug)]
pub(super) struct Columns {
    table: Table,
    names: Vec<(String, CellKind)>,
}

/// What a column holds: the two types that both databases share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CellKind {
    Text,
    Integer,
}

impl Columns {
    /// Asks the database.
    pub(super) async fn of(tx: &mut Tx, table: &Table) -> Result<Self, StoreError> {
        let ask = match tx {
            Tx::Sqlite(_) => sql("SELECT name, type FROM pragma_table_info($1) ORDER BY cid"),
            Tx::Postgres(_) => {
                sql("SELECT column_name::text AS name, data_type::text AS type FROM information_schema.columns \
                                    WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position")
            }
        };
        let mut names = Vec::new();
        for row in ask.bind(table.name).fetch(tx, table.name).await? {
            let kind = match row.text("type")?.to_ascii_lowercase().as_str() {
                "text" => CellKind::Text,
                "integer" | "bigint" => CellKind::Integer,
                _ => return Err(row.corrupt("type")),
            };
            names.push((row.text("name")?, kind));
        }
        Ok(Self { table: *table, names })
    }

    /// The rows after the given place, so many at most where the table is read by pages, and the place to go on from.
    pub(super) async fn fetch(
        &self,
        tx: &mut Tx,
        after: i64,
        most: i64,
    ) -> Result<(Vec<Map<String, Value>>, Option<i64>), StoreError> {
        let is_paged = self.table.kind == Kind::Record;
        let mut statement = sql("SELECT ");
        self.push_names(&mut statement, true);
        statement.push(" FROM ");
        statement.push(self.table.name);
        if is_paged {
            statement.push(" WHERE seq > ");
            statement.push_bind(after);
            statement.push(" ORDER BY seq LIMIT ");
            statement.push_bind(most);
        }
        let rows = statement.fetch(tx, self.table.name).await?;
        let last = match rows.last() {
            Some(row) if is_paged => Some(row.integer("seq")?),
            _ => None,
        };
        let mut read = Vec::with_capacity(rows.len());
        for row in &rows {
            let mut cells = Map::new();
            for (name, kind) in self.written() {
                let cell = match kind {
                    CellKind::Text => row.cell_text(name)?.map(Value::String),
                    CellKind::Integer => row.cell_integer(name)?.map(Value::from),
                };
                cells.insert(name.clone(), cell.unwrap_or(Value::Null));
            }
            read.push(cells);
        }
        Ok((read, last))
    }

    /// What a row of a file says for each column; a column that it does not name is left to its default.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn check(&self, mut cells: Map<String, Value>) -> Result<Checked, String> {
        let mut values = Vec::new();
        for (name, kind) in self.written() {
            let Some(cell) = cells.remove(name) else { continue };
            let value = match (cell, kind) {
                (Value::Null, CellKind::Text) => statement::Value::Text(None),
                (Value::Null, CellKind::Integer) => statement::Value::Integer(None),
                (Value::String(text), CellKind::Text) => statement::Value::from(text.as_str()),
                (Value::Number(number), CellKind::Integer) if number.is_i64() => {
                    statement::Value::Integer(number.as_i64())
                }
                _ => {
                    return Err(format!(
                        "column {name:?} of table {:?} holds something of another kind",
                        self.table.name
                    ));
                }
            };
            values.push((name.clone(), value));
        }
        match cells.keys().next() {
            Some(unknown) => Err(format!("table {:?} has no column {unknown:?}", self.table.name)),
            None if values.is_empty() => Err("the row is empty".to_owned()),
            None => Ok(Checked(values)),
        }
    }

    /// How many rows go into one statement.
    pub(super) fn rows_at_once(&self) -> usize {
        (VALUES / self.names.len().max(1)).clamp(1, 64)
    }

    /// Adds rows that name the same columns; of the record, those that are not there. Answers how many.
    pub(super) async fn insert(&self, tx: &mut Tx, rows: Vec<Checked>) -> Result<u64, StoreError> {
        let Some(first) = rows.first() else { return Ok(0) };
        let mut statement = sql("INSERT INTO ");
        statement.push(self.table.name);
        statement.push(" (");
        for (at, (name, _)) in first.0.iter().enumerate() {
            statement.push(if at == 0 { "" } else { ", " });
            statement.push_name(name);
        }
        statement.push(") VALUES ");
        for (at, row) in rows.into_iter().enumerate() {
            statement.push(if at == 0 { "(" } else { ", (" });
            for (at, (_, value)) in row.0.into_iter().enumerate() {
                statement.push(if at == 0 { "" } else { ", " });
                statement.push_bind(value);
            }
            statement.push(")");
        }
        if self.table.kind == Kind::Record {
            statement.push(" ON CONFLICT (id) DO NOTHING");
        }
        statement.execute(tx).await
    }

    fn push_names(&self, statement: &mut Statement, with_place: bool) {
        let is_shown = |name: &String| with_place || name != "seq" || self.table.kind != Kind::Record;
        for (at, (name, _)) in self.names.iter().filter(|(name, _)| is_shown(name)).enumerate() {
            statement.push(if at == 0 { "" } else { ", " });
            statement.push_name(name);
        }
    }

    /// The columns that a file has: the record's numbers are given anew.
    fn written(&self) -> impl Iterator<Item = &(String, CellKind)> {
        let is_record = self.table.kind == Kind::Record;
        self.names.iter().filter(move |(name, _)| !(is_record && name == "seq"))
    }
}

/// A row whose cells fit their columns.
#[derive(Debug)]
pub(super) struct Checked(Vec<(String, statement::Value)>);

impl Checked {
    /// Whether another row names the same columns.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(|((one, _), (other, _))| one == other)
    }
}
