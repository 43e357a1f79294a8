//! What does a command print? Text for a person, or the same facts as JSON; and the exit code.

use serde_json::Value;

/// A command's answer.
#[derive(Debug)]
pub(crate) struct Printed {
    /// For a person.
    pub(crate) text: String,
    /// For a program.
    pub(crate) json: Value,
    /// The exit code.
    pub(crate) code: u8,
}

impl Printed {
    /// An answer of a command that did what it was asked.
    pub(crate) fn new(text: impl Into<String>, json: Value) -> Self {
        Self { text: text.into(), json, code: 0 }
    }

    /// Nothing to say.
    pub(crate) fn nothing() -> Self {
        Self::new("", Value::Null)
    }

    /// The same answer with another exit code.
    pub(crate) fn with_code(self, code: u8) -> Self {
        Self { code, ..self }
    }

    /// What goes to standard output.
    pub(crate) fn into_output(self, json: bool) -> String {
        let text = if json && !self.json.is_null() { format!("{:#}", self.json) } else { self.text };
        if text.is_empty() || text.ends_with('\n') { text } else { text + "\n" }
    }
}

/// Columns, as wide as their widest cell; the last one is not padded.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let header: Vec<String> = header.iter().map(|cell| (*cell).to_owned()).collect();
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| plain(cell)).collect()).collect();
    let all = || std::iter::once(&header).chain(&rows);
    let widths: Vec<usize> = (0..header.len())
        .map(|at| all().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max().unwrap_or_default())
        .collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    all().map(line).collect()
}

/// Text of others' making, without what could move a terminal's cursor or forge a line.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_neither_forges_a_line_nor_moves_the_cursor() {
        let rows = [vec!["a\n\u{1b}[2Jb\u{9b}".to_owned()]];
        assert_eq!(table(&["NAME"], &rows), "NAME\na\u{fffd}\u{fffd}[2Jb\u{fffd}\n");
    }

    #[test]
    fn columns_line_up() {
        let rows = [vec!["a".to_owned(), "longer".to_owned()], vec!["bb".to_owned(), "x".to_owned()]];
        assert_eq!(table(&["NAME", "ROLE"], &rows), "NAME  ROLE\na     longer\nbb    x\n");
    }
}
