//! What is wrong in the configuration? One problem per key, gathered until all are known.

use std::cell::RefCell;
use std::path::Path;

/// One thing to put right.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub(crate) struct Problem {
    /// The line it is on, where there is one.
    pub(crate) line: Option<usize>,
    /// The key it is under, as `workspaces.main.upstream`; empty for the file as a whole.
    pub(crate) key: String,
    /// What is wrong and what to write instead.
    pub(crate) what: String,
}

impl Problem {
    /// A problem with what a key leads to.
    pub(crate) fn of(key: &str, what: impl Into<String>) -> Self {
        Self { line: None, key: key.to_owned(), what: what.into() }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.what)
    }
}

/// The problems found so far; shared by all sections of one file.
#[derive(Debug, Default)]
pub(crate) struct Problems(RefCell<Vec<Problem>>);

impl Problems {
    /// Notes a problem.
    pub(crate) fn note(&self, key: &str, line: Option<usize>, what: impl Into<String>) {
        self.0.borrow_mut().push(Problem { line, key: key.to_owned(), what: what.into() });
    }

    /// All problems, in the order of the file; those without a line come first.
    pub(crate) fn into_sorted(self) -> Vec<Problem> {
        let mut problems = self.0.into_inner();
        problems.sort();
        problems
    }
}

/// All problems as text for a person: one line each.
pub(crate) fn render(path: &Path, problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(|problem| format!("{}: {problem}", path.display())).collect();
    lines.join("\n")
}
