//! What does lictor.toml say, and what is true? In two steps: what was written, then the [`Plan`] it makes.
//!
//! All problems are reported at once, each with its key and line, so that a file is put right in one go.

pub(crate) mod acme;
pub(crate) mod certificate_header;
pub(crate) mod decide;
mod doors;
pub(crate) mod edges;
pub(crate) mod factors;
pub(crate) mod issuer_rules;
pub(crate) mod issuers;
pub(crate) mod limits;
mod load_balancer;
pub(crate) mod mail;
pub(crate) mod plan;
pub(crate) mod problem;
pub(crate) mod providers;
pub(crate) mod rules;
mod secret;
pub(crate) mod sign_in;
pub(crate) mod store;
pub(crate) mod tls;
pub(crate) mod units;
pub(crate) mod workspace;
pub(crate) mod written;

use std::path::{Path, PathBuf};

use lictor_authn::mtls::Rule;
use lictor_model::{Secret, WorkspaceName};

pub(crate) use plan::{LogFormat, Plan, PublicUrl};
pub(crate) use problem::{Problem, Problems};
pub(crate) use sign_in::ProvidersFile;
pub(crate) use tls::Tls;
pub(crate) use workspace::{Upstream, Via, Workspace};

use written::Section;

/// Where values that a file only points at come from: the environment, and the folder the file is in.
#[derive(Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    /// Looks up an environment variable.
    pub(crate) env: &'a dyn Fn(&str) -> Option<String>,
    /// Relative paths in the file are relative to this folder.
    pub(crate) folder: &'a Path,
}

impl Surroundings<'_> {
    /// The path as the file means it.
    pub(crate) fn resolve(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read at all.
    #[error("cannot read the configuration {}: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file was read, and something in it is wrong.
    #[error("{}", problem::render(path, problems))]
    Wrong {
        /// Which file.
        path: PathBuf,
        /// All that is wrong with it.
        problems: Vec<Problem>,
    },
}

/// Reads a configuration file and everything that it points at.
///
/// # Errors
/// [`ConfigError`] with every problem of the file.
pub(crate) fn read(path: &Path) -> Result<Plan, ConfigError> {
    let mut plan = read_with(path, Plan::from_written)?;
    plan.file = Some(path.to_path_buf());
    plan.sign_in.read_from = Some(ProvidersFile { path: path.to_path_buf(), workspace: None });
    Ok(plan)
}

/// Reads only where the store is, so that an administrator needs none of the gateway's other secrets.
///
/// # Errors
/// [`ConfigError`] when the file cannot be parsed or names no store.
pub(crate) fn read_store_url(path: &Path) -> Result<Secret, ConfigError> {
    read_with(path, store::url)
}

/// Reads only which workspace is the default: the one without hosts, or the only one.
///
/// # Errors
/// [`ConfigError`] when the file cannot be parsed.
pub(crate) fn read_default_workspace(path: &Path) -> Result<Option<WorkspaceName>, ConfigError> {
    read_with(path, |section, _| Some(workspace::default_name(section)))
}

/// Reads only the names of the workspaces.
///
/// # Errors
/// [`ConfigError`] when the file cannot be parsed.
pub(crate) fn read_workspace_names(path: &Path) -> Result<Vec<WorkspaceName>, ConfigError> {
    read_with(path, |section, _| Some(workspace::names(section)))
}

/// Reads only whose client certificates are whose.
///
/// # Errors
/// [`ConfigError`] when the file cannot be parsed, or a rule not be read.
pub(crate) fn read_certificate_rules(path: &Path) -> Result<Vec<Rule>, ConfigError> {
    read_with(path, |section, _| Some(tls::rules(section, true)))
}

/// Reads only the workspaces, and what they point at.
///
/// # Errors
/// [`ConfigError`] when the file cannot be parsed, or something is wrong with a workspace.
pub(crate) fn read_workspaces(path: &Path) -> Result<Vec<Workspace>, ConfigError> {
    read_with(path, |section, surroundings| Some(workspace::all(section, surroundings)))
}

/// Reads only how mail is sent.
///
/// # Errors
/// [`ConfigError`] when the file cannot be parsed, or something is wrong with `[mail]`.
pub(crate) fn read_mail(path: &Path) -> Result<Option<mail::Mail>, ConfigError> {
    read_with(path, |section, surroundings| Some(mail::read(section.section("mail"), surroundings)))
}

/// Reads only how people spell the gateway.
///
/// # Errors
/// [`ConfigError`] when the file cannot be parsed, or says neither.
pub(crate) fn read_address(path: &Path) -> Result<String, ConfigError> {
    read_with(path, |section, _| plan::address(section))
}

fn read_with<T>(
    path: &Path,
    from_written: impl FnOnce(&mut Section<'_>, Surroundings<'_>) -> Option<T>,
) -> Result<T, ConfigError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.to_path_buf(), source })?;
    let env = |name: &str| std::env::var(name).ok();
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    parse(&text, Surroundings { env: &env, folder }, from_written)
        .map_err(|problems| ConfigError::Wrong { path: path.to_path_buf(), problems })
}

/// Reads a configuration's text.
///
/// # Errors
/// Every problem, in the order of the lines.
pub(crate) fn parse<T>(
    text: &str,
    surroundings: Surroundings<'_>,
    from_written: impl FnOnce(&mut Section<'_>, Surroundings<'_>) -> Option<T>,
) -> Result<T, Vec<Problem>> {
    let problems = Problems::default();
    let made = written::root(text, &problems).and_then(|mut root| from_written(&mut root, surroundings));
    let problems = problems.into_sorted();
    match made {
        Some(value) if problems.is_empty() => Ok(value),
        _ => Err(problems),
    }
}

#[cfg(test)]
mod tests;
