//! Which Prefect is there already? The one on PATH, when it is a 3.x, or the one of an earlier start.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A Prefect that can be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// The program.
    pub(crate) program: PathBuf,
    /// Its version, as `3.8.8`.
    pub(crate) version: String,
}

/// What a program turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Looked {
    /// A Prefect 3.
    Usable(Found),
    /// A Prefect of another line: its version.
    Other(String),
    /// No such program, or it does not say a version.
    Nothing,
}

/// The `prefect` on PATH.
pub(crate) fn on_path() -> Looked {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let programs = std::env::split_paths(&path).map(|folder| folder.join("prefect"));
    let mut looked = programs.filter(|program| program.is_file()).map(|program| look(&program));
    looked.find(|looked| *looked != Looked::Nothing).unwrap_or(Looked::Nothing)
}

/// The program of the installation in the data directory.
pub(crate) fn own_program(data: &Path) -> PathBuf {
    data.join("prefect").join("bin").join("prefect")
}

/// Asks a program for its version.
pub(crate) fn look(program: &Path) -> Looked {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stderr(Stdio::null());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PREFECT_")) {
        command.env_remove(name);
    }
    let Ok(output) = command.output() else { return Looked::Nothing };
    let text = String::from_utf8_lossy(&output.stdout);
    match version_in(&text) {
        Some(version) if version.starts_with("3.") => {
            Looked::Usable(Found { program: program.to_path_buf(), version: version.to_owned() })
        }
        Some(version) => Looked::Other(version.to_owned()),
        None => Looked::Nothing,
    }
}

/// The version in `3.8.8` or `prefect, version 3.8.8`: the last word of the first line.
fn version_in(text: &str) -> Option<&str> {
    let word = text.lines().next()?.split_whitespace().last()?;
    (word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.')).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_in_either_spelling() {
        assert_eq!(version_in("3.8.8\n"), Some("3.8.8"));
        assert_eq!(version_in("prefect, version 2.20.1\n"), Some("2.20.1"));
        assert_eq!(version_in(""), None);
        assert_eq!(version_in("command not found"), None);
    }

    #[test]
    fn what_is_not_there_is_nothing() {
        assert_eq!(look(Path::new("/nonexistent/prefect")), Looked::Nothing);
    }
}
