//! How does a machine without Prefect get one? A virtual environment in the data directory, by pip.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use super::find::{self, Found, Looked};
use super::{log, say};

/// What is installed: tried together. Prefect 3.8.8 does not start with the newest FastAPI that it allows.
const PACKAGES: &[&str] = &["prefect==3.8.8", "fastapi<0.150"];

/// Why there is no Prefect.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InstallError {
    /// No Python.
    #[error(
        "cannot install Prefect: there is no python3 on PATH; install Python 3.10 or newer (`apt install python3 python3-venv`), or run Prefect elsewhere and use --upstream URL"
    )]
    NoPython,
    /// A Python without venv.
    #[error("cannot make a Python environment for Prefect ({0}): `apt install python3-venv`, then try again")]
    NoVenv(ExitStatus),
    /// pip did not manage.
    #[error("pip could not install Prefect ({status}); its output is in {}:\n    {}", log.display(), tail.join("\n    "))]
    Pip {
        /// How it ended.
        status: ExitStatus,
        /// Where all it said is.
        log: std::path::PathBuf,
        /// The end of it.
        tail: Vec<String>,
    },
    /// Installed, and yet it does not run.
    #[error("Prefect was installed in {} but does not run: remove that folder and try again", .0.display())]
    DoesNotRun(std::path::PathBuf),
    /// The system's.
    #[error("cannot install Prefect: {0}")]
    Io(#[from] std::io::Error),
}

/// The installation in the data directory, made now when there is none.
///
/// # Errors
/// [`InstallError`], which says what to install first.
pub(crate) fn own(data: &Path) -> Result<Found, InstallError> {
    let program = find::own_program(data);
    if let Looked::Usable(found) = find::look(&program) {
        return Ok(found);
    }
    let folder = data.join("prefect");
    say(&format!("installing Prefect into {} (once; a minute or two)", folder.display()));
    make_environment(&folder)?;
    run_pip(data, &folder)?;
    match find::look(&program) {
        Looked::Usable(found) => Ok(found),
        Looked::Other(_) | Looked::Nothing => Err(InstallError::DoesNotRun(folder)),
    }
}

fn make_environment(folder: &Path) -> Result<(), InstallError> {
    let mut command = Command::new("python3");
    command.args(["-m", "venv", "--clear"]).arg(folder).stdin(Stdio::null()).stdout(Stdio::null());
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(InstallError::NoVenv(status)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(InstallError::NoPython),
        Err(error) => Err(InstallError::Io(error)),
    }
}

fn run_pip(data: &Path, folder: &Path) -> Result<(), InstallError> {
    let log_path = data.join("prefect-install.log");
    let mut log = log::Log::open(&log_path, log::ROTATE_AT)?;
    let mut command = Command::new(folder.join("bin").join("python"));
    command
        .args(["-m", "pip", "install", "--progress-bar", "off", "--disable-pip-version-check"])
        .args(PACKAGES)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::from(std::fs::OpenOptions::new().append(true).open(&log_path)?));
    let mut pip = command.spawn()?;
    if let Some(output) = pip.stdout.take() {
        for line in BufReader::new(output).lines() {
            let line = line?;
            log.write(format!("{line}\n").as_bytes())?;
            if let Some(progress) = condensed(&line) {
                say(&progress);
            }
        }
    }
    let status = pip.wait()?;
    if status.success() {
        return Ok(());
    }
    let tail = log::last_lines(&log_path, 3);
    Err(InstallError::Pip { status, log: log_path, tail })
}

/// The lines of pip that show that it moves, without their details.
fn condensed(line: &str) -> Option<String> {
    let (verb, rest) = line.trim_start().split_once(' ')?;
    match verb {
        "Collecting" => Some(format!("  fetching {}", rest.split(['<', '>', '=', '!', '~', '(', ' ']).next()?)),
        "Installing" => Some(format!("  installing {} packages", rest.split(',').count())),
        "Successfully" => Some("  Prefect is installed".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pip_is_condensed_to_what_moves() {
        assert_eq!(
            condensed("Collecting httpx[http2]!=0.23.2,>=0.23 (from prefect)"),
            Some("  fetching httpx[http2]".to_owned())
        );
        assert_eq!(condensed("  Downloading httpx-0.28.1.whl (73 kB)"), None);
        assert_eq!(condensed("Installing collected packages: a, b, c"), Some("  installing 3 packages".to_owned()));
    }
}
