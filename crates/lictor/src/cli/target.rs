//! Which store does a command work on? That of a data directory, or that of a configuration file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use lictor_manage::Administration;
use lictor_model::{Clock, Principal, PrincipalName, Secret, Team, TeamName, WorkspaceName};
use lictor_store::{By, Store};

use super::error::CliError;
use crate::config;

/// `--data` or `--config`, on every command.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// The data directory of `lictor up` [env: LICTOR_DATA; default: ~/.local/share/lictor].
    #[arg(long, global = true, value_name = "DIR", conflicts_with = "config")]
    pub(crate) data: Option<PathBuf>,
    /// The configuration file of `lictor serve` [env: LICTOR_CONFIG].
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// What was named, or is the default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// A data directory.
    Data(PathBuf),
    /// A configuration file.
    Config(PathBuf),
}

/// No usable store was named.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TargetError {
    /// Two places.
    #[error("LICTOR_DATA and LICTOR_CONFIG are both set: unset one, or give --data or --config")]
    Both,
    /// No home directory either.
    #[error("there is no data directory: give --data DIR or set LICTOR_DATA (HOME is not set)")]
    NoHome,
    /// The directory is not there.
    #[error("the data directory {} does not exist: start `lictor up` on it first, or give another --data", .0.display())]
    Absent(PathBuf),
    /// No workspace of that name.
    #[error("there is no workspace {name:?}; there is {known}")]
    NoSuchWorkspace {
        /// What was named.
        name: String,
        /// What there is.
        known: String,
    },
    /// The command needs a file.
    #[error("this command needs a configuration file: give --config FILE or set LICTOR_CONFIG")]
    NeedsConfig,
    /// The command needs a directory.
    #[error(
        "`lictor up` takes --data DIR; the gateway of a configuration file is started with `lictor serve --config FILE`"
    )]
    NeedsData,
}

impl Target {
    /// The place that was named: by an option, else by the environment, else the default data directory.
    pub(crate) fn place(&self) -> Result<Place, TargetError> {
        let env = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        match (&self.data, &self.config) {
            (Some(data), _) => return Ok(Place::Data(data.clone())),
            (None, Some(config)) => return Ok(Place::Config(config.clone())),
            (None, None) => {}
        }
        match (env("LICTOR_DATA"), env("LICTOR_CONFIG")) {
            (Some(_), Some(_)) => Err(TargetError::Both),
            (Some(data), None) => Ok(Place::Data(data.into())),
            (None, Some(config)) => Ok(Place::Config(config.into())),
            (None, None) => {
                let shared = env("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
                let home = || env("HOME").map(|home| PathBuf::from(home).join(".local").join("share"));
                shared.or_else(home).map(|path| Place::Data(path.join("lictor"))).ok_or(TargetError::NoHome)
            }
        }
    }

    /// The configuration file, for commands that cannot do without.
    pub(crate) fn config_file(&self) -> Result<PathBuf, TargetError> {
        if self.config.is_none() && self.data.is_none() {
            let file = std::env::var_os("LICTOR_CONFIG").filter(|value| !value.is_empty());
            return file.map(PathBuf::from).ok_or(TargetError::NeedsConfig);
        }
        self.config.clone().ok_or(TargetError::NeedsConfig)
    }

    /// All workspaces.
    pub(crate) fn workspaces(&self) -> Result<Vec<WorkspaceName>, CliError> {
        Ok(match self.place()? {
            Place::Data(_) => vec![WorkspaceName::from("default")],
            Place::Config(file) => config::read_workspace_names(&file)?,
        })
    }

    /// The workspace that was named on the command line, if there is one of that name.
    pub(crate) fn workspace(&self, name: &str) -> Result<WorkspaceName, CliError> {
        let known = self.workspaces()?;
        let found = known.iter().find(|workspace| workspace.as_str() == name).cloned();
        found.ok_or_else(|| {
            let known: Vec<&str> = known.iter().map(WorkspaceName::as_str).collect();
            TargetError::NoSuchWorkspace { name: name.to_owned(), known: known.join(", ") }.into()
        })
    }

    /// The data directory, for `lictor up`.
    pub(crate) fn data_folder(&self) -> Result<PathBuf, TargetError> {
        if self.config.is_some() {
            return Err(TargetError::NeedsData);
        }
        if let Some(data) = std::env::var_os("LICTOR_DATA").filter(|_| self.data.is_none()) {
            return Ok(data.into());
        }
        match self.place()? {
            Place::Data(data) => Ok(data),
            Place::Config(_) => Err(TargetError::NeedsData),
        }
    }
}

/// The store's URL in a data directory.
pub(crate) fn store_url_in(data: &Path) -> Secret {
    let data = std::path::absolute(data).unwrap_or_else(|_| data.to_path_buf());
    Secret::new(format!("sqlite://{}", data.join("lictor.db").display()))
}

/// An open store, and who acts on it: the console.
#[derive(Debug)]
pub(crate) struct Console {
    /// The store.
    pub(crate) store: Store,
    /// For the record.
    pub(crate) by: By,
    /// What is done here is done as over the network, by somebody who may do everything.
    pub(crate) admin: Administration,
    /// The time.
    pub(crate) clock: Clock,
}

impl Console {
    /// Opens the store that the command names.
    pub(crate) async fn open(target: &Target) -> Result<Self, CliError> {
        let url = match target.place()? {
            Place::Config(file) => config::read_store_url(&file)?,
            Place::Data(data) if !data.is_dir() => return Err(TargetError::Absent(data).into()),
            Place::Data(data) => store_url_in(&data),
        };
        Self::open_url(&url, target.workspaces()?.into()).await
    }

    /// The same, where a data directory that is not there yet is made.
    pub(crate) async fn open_or_make(target: &Target) -> Result<Self, CliError> {
        match target.place()? {
            Place::Data(data) => Self::open_url(&store_url_in(&data), target.workspaces()?.into()).await,
            Place::Config(_) => Self::open(target).await,
        }
    }

    /// Opens a store.
    pub(crate) async fn open_url(url: &Secret, workspaces: Arc<[WorkspaceName]>) -> Result<Self, CliError> {
        let clock = Clock::system();
        let store = Store::open(url.expose(), clock.clone()).await?;
        let admin = Administration::at_console(store.clone(), clock.clone(), workspaces);
        Ok(Self { store, by: By::console(), admin, clock })
    }

    /// The principal of that name, of any kind.
    pub(crate) async fn principal(&self, name: &str) -> Result<Principal, CliError> {
        let name = PrincipalName::parse(name)?;
        let found = self.store.find_principal(&name).await?;
        found.ok_or_else(|| CliError::NoSuch { kind: "user", name: name.to_string() })
    }

    /// The team of that name.
    pub(crate) async fn team(&self, name: &str) -> Result<Team, CliError> {
        let name = TeamName::parse(name)?;
        let found = self.store.find_team(&name).await?;
        found.ok_or_else(|| CliError::NoSuch { kind: "team", name: name.to_string() })
    }
}
