//! What could go wrong in production? Each finding is ok, a warning or a failure, and says what to do.

pub(crate) mod acme;
pub(crate) mod answers;
pub(crate) mod gateway;
pub(crate) mod handshake;
pub(crate) mod issuers;
pub(crate) mod keys;
pub(crate) mod mail;
pub(crate) mod providers;
pub(crate) mod store;
pub(crate) mod tls;
pub(crate) mod upstream;

use serde::Serialize;

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// As it should be.
    Ok,
    /// It works, and should be changed.
    Warn,
    /// It does not work.
    Fail,
}

impl Level {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        }
    }
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// How it went.
    pub(crate) level: Level,
    /// What was checked, as `upstream main`.
    pub(crate) check: String,
    /// What was found, and what to do about it.
    pub(crate) found: String,
}

/// All checks so far.
#[derive(Debug, Default)]
pub(crate) struct Report(Vec<Finding>);

impl Report {
    /// Notes a check that went well.
    pub(crate) fn ok(&mut self, check: &str, found: impl Into<String>) {
        self.note(Level::Ok, check, found.into());
    }

    /// Notes something to change.
    pub(crate) fn warn(&mut self, check: &str, found: impl Into<String>) {
        self.note(Level::Warn, check, found.into());
    }

    /// Notes something that does not work.
    pub(crate) fn fail(&mut self, check: &str, found: impl Into<String>) {
        self.note(Level::Fail, check, found.into());
    }

    /// The findings, in the order of the checks.
    pub(crate) fn findings(&self) -> &[Finding] {
        &self.0
    }

    /// Whether anything does not work.
    pub(crate) fn has_failed(&self) -> bool {
        self.0.iter().any(|finding| finding.level == Level::Fail)
    }

    /// One line a check.
    pub(crate) fn as_text(&self) -> String {
        let line = |finding: &Finding| format!("{:<4}  {}: {}\n", finding.level.as_str(), finding.check, finding.found);
        self.0.iter().map(line).collect()
    }

    fn note(&mut self, level: Level, check: &str, found: String) {
        self.0.push(Finding { level, check: check.to_owned(), found });
    }
}
