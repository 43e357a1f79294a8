//! What does Prefect's own app say? Its whole list of routes, sockets included, asked of the Python that runs the server.

use std::collections::BTreeSet;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::process::Command;

use super::Route;

const PROGRAM: &str = include_str!("dump_routes.py");
/// Importing Prefect's server takes seconds, and many on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// What the app said.
#[derive(Debug)]
pub(crate) struct App {
    /// Prefect's version there.
    pub(crate) version: String,
    /// Its routes.
    pub(crate) routes: BTreeSet<Route>,
}

/// No list.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppError {
    /// It cannot be run.
    #[error("cannot run {}: {source}", python.display())]
    Run {
        /// Which.
        python: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No folder for its settings.
    #[error("cannot make a temporary folder for Prefect: {0}")]
    Folder(#[source] std::io::Error),
    /// It is not that of a Prefect Server.
    #[error("{} does not say Prefect's routes: give the Python that runs the server; it said: {said}", python.display())]
    NotPrefect {
        /// Which.
        python: PathBuf,
        /// Its last line.
        said: String,
    },
    /// Too slow.
    #[error("{} did not say Prefect's routes within {} s", .0.display(), PATIENCE.as_secs())]
    Late(PathBuf),
}

#[derive(Deserialize)]
struct Said {
    version: String,
    routes: Vec<(String, String)>,
}

/// Asks the app, in a folder of its own: none of this machine's Prefect settings count, and nothing of them is touched.
///
/// # Errors
/// [`AppError`].
pub(crate) async fn ask(python: &Path) -> Result<App, AppError> {
    let name = lictor_model::key::random_text(16).map_err(|error| AppError::Folder(std::io::Error::other(error)))?;
    let folder = std::env::temp_dir().join(format!("lictor-verify-{name}"));
    std::fs::DirBuilder::new().mode(0o700).create(&folder).map_err(AppError::Folder)?;
    let said = run(python, &folder).await;
    // What is left behind is of no use to anybody, and holds nothing secret.
    let _ = std::fs::remove_dir_all(&folder);
    said
}

async fn run(python: &Path, home: &Path) -> Result<App, AppError> {
    let mut command = Command::new(python);
    command.args(["-c", PROGRAM]).stdin(Stdio::null()).kill_on_drop(true).current_dir(home);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PREFECT_")) {
        command.env_remove(name);
    }
    command.env("HOME", home).env("PREFECT_HOME", home).env("PREFECT_SERVER_ANALYTICS_ENABLED", "false");
    let output = tokio::time::timeout(PATIENCE, command.output()).await;
    let output = output.map_err(|_| AppError::Late(python.to_path_buf()))?;
    let output = output.map_err(|source| AppError::Run { python: python.to_path_buf(), source })?;
    let text = String::from_utf8_lossy(&output.stdout);
    let said = text.lines().last().and_then(|line| serde_json::from_str::<Said>(line).ok());
    let Some(said) = said else {
        let complaints = String::from_utf8_lossy(&output.stderr);
        let said = complaints.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("nothing").to_owned();
        return Err(AppError::NotPrefect { python: python.to_path_buf(), said });
    };
    let routes = said.routes.iter().map(|(verb, path)| Route::at(verb, path)).collect();
    Ok(App { version: said.version, routes })
}
