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
    let all = || std::iter::once(&header).chain(rows);
    let widths: Vec<usize> = (0..header.len())
        .map(|at| all().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max().unwrap_or_default())
        .collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    all().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = [vec!["a".to_owned(), "longer".to_owned()], vec!["bb".to_owned(), "x".to_owned()]];
        assert_eq!(table(&["NAME", "ROLE"], &rows), "NAME  ROLE\na     longer\nbb    x\n");
    }
}
