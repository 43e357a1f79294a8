//! Which Prefect Servers does a command ask? Those of the configuration, or that of the data directory.

use std::path::Path;

use super::error::CliError;
use super::target::{Place, Target};
use super::up;
use crate::config::{self, Workspace, workspace};
use crate::supervise::running;

/// No server to ask.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamsError {
    /// `lictor up` does not run, or never did.
    #[error(
        "no Prefect Server is known for the data directory {}: start `lictor up` on it, or give --config FILE",
        .0.display()
    )]
    Unknown(std::path::PathBuf),
}

/// The servers, with Lictor's credential for each: all of them, or that of one workspace.
pub(crate) fn upstreams(target: &Target, only: Option<&str>) -> Result<Vec<Workspace>, CliError> {
    let only = only.map(|name| target.workspace(name)).transpose()?;
    let mut found = match target.place()? {
        Place::Config(file) => config::read_workspaces(&file)?,
        Place::Data(data) => vec![of_data(&data)?],
    };
    found.retain(|workspace| only.as_ref().is_none_or(|only| *only == workspace.name));
    Ok(found)
}

/// The server of a data directory: `lictor up`'s own while it runs, or the one that it stands in front of.
pub(crate) fn of_data(data: &Path) -> Result<Workspace, CliError> {
    if !data.is_dir() {
        return Err(super::target::TargetError::Absent(data.to_path_buf()).into());
    }
    if let Some(own) = running::find(data).map_err(up::UpError::from)? {
        return Ok(own);
    }
    let elsewhere = running::find_elsewhere(data).ok_or_else(|| UpstreamsError::Unknown(data.to_path_buf()))?;
    Ok(workspace::only(elsewhere, up::upstream_auth_string(None)?))
}
