//! What does a backup's file say? Its lines, one after the other, held against its own last line.

use std::io::BufRead;

use serde_json::{Map, Value};

use super::{BackupError, Chain, FORM, Line};

/// The longest line that is read: no row is a hundredth of that.
const LONGEST: u64 = 8 * 1024 * 1024;

/// A row as the file has it: its table, and what stands in which column.
pub(super) type FileRow = (String, Map<String, Value>);

/// A file that is being read.
pub(super) struct Lines<R> {
    from: R,
    /// The line that was read last, from 1.
    at: u64,
    chain: Chain,
    rows: u64,
}

impl<R: BufRead> Lines<R> {
    /// Reads the first line: the version of the tables, and when it was taken.
    pub(super) fn begin(from: R) -> Result<(Self, i64, String), BackupError> {
        let mut lines = Self { from, at: 0, chain: Chain::default(), rows: 0 };
        match lines.next()? {
            Line::LictorBackup { form: FORM, tables_version, taken_at } => Ok((lines, tables_version, taken_at)),
            Line::LictorBackup { form, .. } => Err(lines.damaged(format!("its form {form} is not known here"))),
            _ => Err(lines.damaged("it does not begin as a backup does".to_owned())),
        }
    }

    /// The next row; `None` after the last, once the file is found whole.
    pub(super) fn row(&mut self) -> Result<Option<FileRow>, BackupError> {
        let before = self.chain.0.clone();
        match self.next()? {
            Line::Row { table, cells } => {
                self.rows += 1;
                Ok(Some((table, cells)))
            }
            Line::End { rows, digest } if rows == self.rows && digest == before => {
                let rest = self.from.fill_buf().map_err(BackupError::Read)?;
                if rest.is_empty() { Ok(None) } else { Err(self.damaged("something follows its end".to_owned())) }
            }
            Line::End { .. } => Err(self.damaged("what stands before it was changed".to_owned())),
            Line::LictorBackup { .. } => Err(self.damaged("a second beginning".to_owned())),
        }
    }

    /// An error about the line that was read last.
    pub(super) fn damaged(&self, what: String) -> BackupError {
        BackupError::Damaged { line: self.at, what }
    }

    fn next(&mut self) -> Result<Line, BackupError> {
        self.at += 1;
        let mut text = String::new();
        let read = std::io::Read::take(&mut self.from, LONGEST).read_line(&mut text);
        match read {
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                return Err(self.damaged("it is not text".to_owned()));
            }
            other => other.map_err(BackupError::Read)?,
        };
        let Some(line) = text.strip_suffix('\n') else {
            return Err(self.damaged("the file ends before its last line".to_owned()));
        };
        let read = serde_json::from_str(line).map_err(|error| self.damaged(error.to_string()))?;
        self.chain.add(line);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(lines: &[Line]) -> String {
        let mut chain = Chain::default();
        let mut text = String::new();
        for line in lines {
            let line = serde_json::to_string(line).unwrap();
            chain.add(&line);
            text += &format!("{line}\n");
        }
        let rows = u64::try_from(lines.len() - 1).unwrap();
        text + &serde_json::to_string(&Line::End { rows, digest: chain.0 }).unwrap() + "\n"
    }

    fn good() -> String {
        let begin = Line::LictorBackup { form: FORM, tables_version: 8, taken_at: "2026-01-01T00:00:00Z".to_owned() };
        let row = |name: &str| Line::Row {
            table: "meta".to_owned(),
            cells: serde_json::json!({"name": name, "value": "v"}).as_object().unwrap().clone(),
        };
        file(&[begin, row("a"), row("b")])
    }

    fn read(text: &str) -> Result<usize, String> {
        let (mut lines, _, _) = Lines::begin(text.as_bytes()).map_err(|error| error.to_string())?;
        let mut count = 0;
        while lines.row().map_err(|error| error.to_string())?.is_some() {
            count += 1;
        }
        Ok(count)
    }

    #[test]
    fn a_whole_file_reads_and_one_that_was_touched_does_not() {
        let good = good();
        assert_eq!(read(&good), Ok(2));
        let lines: Vec<&str> = good.lines().collect();
        let without = |at: usize| {
            let kept = lines.iter().enumerate().filter(|(index, _)| *index != at);
            kept.map(|(_, line)| format!("{line}\n")).collect::<String>()
        };
        for (bad, line) in [
            (String::new(), 1),
            ("{}\n".to_owned(), 1),
            (without(0), 1),
            (without(1), 3),
            (without(3), 4),
            (good.replace("\"v\"", "\"w\""), 4),
            (good.trim_end().to_owned(), 4),
            (format!("{good}\n"), 4),
            (good.replacen("\"form\":1", "\"form\":2", 1), 1),
            (good.replacen("\"table\":\"meta\"", "\"table\":\"meta\",\"more\":1", 1), 2),
        ] {
            let error = read(&bad).unwrap_err();
            assert!(error.starts_with(&format!("line {line} ")), "{error}\n{bad}");
        }
    }
}
