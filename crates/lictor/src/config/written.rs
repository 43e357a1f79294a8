//! What was written? The TOML table with its lines, read key by key; what nobody asked for is an unknown key.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::Problems;

/// A value that was written, with where.
#[derive(Debug, Clone)]
pub(crate) struct Found<'p, T> {
    /// What was written.
    pub(crate) value: T,
    /// The full key, as `limits.sockets`.
    pub(crate) key: String,
    line: Option<usize>,
    problems: &'p Problems,
}

impl<'p, T> Found<'p, T> {
    /// Notes a problem with this value.
    pub(crate) fn problem(&self, what: impl Into<String>) {
        self.problems.note(&self.key, self.line, what);
    }

    /// The value made into something else; a failure is noted as a problem here.
    pub(crate) fn read<U>(self, make: impl FnOnce(T) -> Result<U, String>) -> Option<Found<'p, U>> {
        match make(self.value) {
            Ok(value) => Some(Found { value, key: self.key, line: self.line, problems: self.problems }),
            Err(what) => {
                self.problems.note(&self.key, self.line, what);
                None
            }
        }
    }
}

/// One table of the file.
#[derive(Debug)]
pub(crate) struct Section<'p> {
    path: String,
    line: Option<usize>,
    entries: BTreeMap<String, Entry>,
    known: Vec<&'static str>,
    problems: &'p Problems,
}

#[derive(Debug)]
struct Entry {
    line: usize,
    value: Value,
}

#[derive(Debug)]
enum Value {
    Text(String),
    Integer(Option<u64>),
    Boolean(bool),
    Array(Vec<Entry>),
    Table(BTreeMap<String, Entry>),
    Other(&'static str),
}

impl Value {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::Boolean(_) => "a boolean",
            Self::Array(_) => "a list",
            Self::Table(_) => "a table",
            Self::Other(kind) => kind,
        }
    }
}

/// The whole file; `None` when it is not TOML.
pub(crate) fn root<'p>(text: &str, problems: &'p Problems) -> Option<Section<'p>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        problems.note("", error.span().map(|span| line_of(text, span.start)), error.message());
    }
    let root = Section {
        path: String::new(),
        line: None,
        entries: entries(text, table.get_ref()),
        known: Vec::new(),
        problems,
    };
    errors.is_empty().then_some(root)
}

impl<'p> Section<'p> {
    /// Whether nothing is written in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// A string.
    pub(crate) fn text(&mut self, key: &'static str) -> Option<Found<'p, String>> {
        self.take(key, "a string in quotes", |value| match value {
            Value::Text(text) => Ok(text),
            other => Err(other),
        })
    }

    /// A whole number that is not negative.
    pub(crate) fn number(&mut self, key: &'static str) -> Option<Found<'p, u64>> {
        self.take(key, "a whole number that is not negative", |value| match value {
            Value::Integer(Some(number)) => Ok(number),
            other => Err(other),
        })
    }

    /// `true` or `false`.
    pub(crate) fn flag(&mut self, key: &'static str) -> Option<Found<'p, bool>> {
        self.take(key, "true or false", |value| match value {
            Value::Boolean(flag) => Ok(flag),
            other => Err(other),
        })
    }

    /// A list of strings, each with its own line.
    pub(crate) fn texts(&mut self, key: &'static str) -> Option<Vec<Found<'p, String>>> {
        let found = self.take(key, "a list of strings", |value| match value {
            Value::Array(items) => Ok(items),
            other => Err(other),
        })?;
        let (problems, path) = (self.problems, found.key);
        let one = |(at, item): (usize, Entry)| match item.value {
            Value::Text(value) => Some(Found { value, key: format!("{path}[{at}]"), line: Some(item.line), problems }),
            other => {
                problems.note(&format!("{path}[{at}]"), Some(item.line), wrong_kind("a string in quotes", &other));
                None
            }
        };
        Some(found.value.into_iter().enumerate().filter_map(one).collect())
    }

    /// A table inside this one; empty when it was not written.
    pub(crate) fn section(&mut self, key: &'static str) -> Section<'p> {
        let found = self.take(key, "a table", |value| match value {
            Value::Table(entries) => Ok(entries),
            other => Err(other),
        });
        let path = self.full(key);
        match found {
            Some(found) => self.child(path, found.line, found.value),
            None => self.child(path, None, BTreeMap::new()),
        }
    }

    /// A list of tables, as `[[rules]]` writes it; empty when it was not written.
    pub(crate) fn sections(&mut self, key: &'static str) -> Vec<Section<'p>> {
        let found = self.take(key, "a list of tables", |value| match value {
            Value::Array(items) => Ok(items),
            other => Err(other),
        });
        let mut sections = Vec::new();
        for (at, entry) in found.into_iter().flat_map(|found| found.value).enumerate() {
            let path = format!("{}[{at}]", self.full(key));
            match entry.value {
                Value::Table(entries) => sections.push(self.child(path, Some(entry.line), entries)),
                other => self.problems.note(&path, Some(entry.line), wrong_kind("a table", &other)),
            }
        }
        sections
    }

    /// The tables inside this one, whatever their names.
    pub(crate) fn named_sections(&mut self) -> Vec<(String, Section<'p>)> {
        let mut sections = Vec::new();
        for (name, entry) in std::mem::take(&mut self.entries) {
            let path = self.full(&name);
            match entry.value {
                Value::Table(entries) => sections.push((name, self.child(path, Some(entry.line), entries))),
                other => self.problems.note(&path, Some(entry.line), wrong_kind("a table", &other)),
            }
        }
        sections
    }

    /// Notes a problem with the table as a whole, or with a key that is missing in it.
    pub(crate) fn problem(&self, key: &str, what: impl Into<String>) {
        let key = if key.is_empty() { self.path.clone() } else { self.full(key) };
        self.problems.note(&key, self.line, what);
    }

    /// Notes every key that nobody asked for.
    pub(crate) fn finish(&mut self) {
        for (key, entry) in &self.entries {
            let known = self.known.join(", ");
            self.problems.note(&self.full(key), Some(entry.line), format!("unknown key; the keys here are: {known}"));
        }
    }

    fn take<T>(
        &mut self,
        key: &'static str,
        wanted: &str,
        pick: impl FnOnce(Value) -> Result<T, Value>,
    ) -> Option<Found<'p, T>> {
        self.known.push(key);
        let entry = self.entries.remove(key)?;
        let (key, line) = (self.full(key), Some(entry.line));
        match pick(entry.value) {
            Ok(value) => Some(Found { value, key, line, problems: self.problems }),
            Err(other) => {
                self.problems.note(&key, line, wrong_kind(wanted, &other));
                None
            }
        }
    }

    fn child(&self, path: String, line: Option<usize>, entries: BTreeMap<String, Entry>) -> Section<'p> {
        Section { path, line, entries, known: Vec::new(), problems: self.problems }
    }

    fn full(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}

fn wrong_kind(wanted: &str, written: &Value) -> String {
    format!("must be {wanted}, not {}", written.kind())
}

fn entries(text: &str, table: &DeTable<'_>) -> BTreeMap<String, Entry> {
    let one = |(key, value): (&Spanned<std::borrow::Cow<'_, str>>, &Spanned<DeValue<'_>>)| {
        let entry = Entry { line: line_of(text, key.span().start), value: value_of(text, value.get_ref()) };
        (key.get_ref().clone().into_owned(), entry)
    };
    table.iter().map(one).collect()
}

fn value_of(text: &str, value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(value) => Value::Text(value.clone().into_owned()),
        DeValue::Integer(value) => Value::Integer(u64::from_str_radix(value.as_str(), value.radix()).ok()),
        DeValue::Boolean(value) => Value::Boolean(*value),
        DeValue::Array(items) => {
            let one = |item: &Spanned<DeValue<'_>>| Entry {
                line: line_of(text, item.span().start),
                value: value_of(text, item.get_ref()),
            };
            Value::Array(items.iter().map(one).collect())
        }
        DeValue::Table(table) => Value::Table(entries(text, table)),
        DeValue::Float(_) => Value::Other("a decimal number"),
        DeValue::Datetime(_) => Value::Other("a date"),
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}
