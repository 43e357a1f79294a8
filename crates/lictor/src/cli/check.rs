//! Is the configuration file right? Every problem, at once.

use std::path::Path;

use clap::Args;
use serde_json::json;

use super::error::CliError;
use super::printed::Printed;
use super::target::Target;
use crate::config::{self, ConfigError, Problem};
use crate::tls;

/// `lictor check`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lictor check --config lictor.toml")]
pub(crate) struct Check {}

impl Check {
    /// Reads the file and everything that it points at.
    pub(crate) fn run(&self, target: &Target) -> Result<Printed, CliError> {
        let file = target.config_file()?;
        match config::read(&file) {
            Ok(plan) => Ok(match plan.tls.as_ref().map(tls::load) {
                // Found only where each of the files can be read: they do not go together, or hold something else.
                Some(Err(error)) => wrong(&file, &[Problem::of(error.key(), error.to_string())]),
                _ => Printed::new("OK", json!({ "ok": true, "problems": [] })),
            }),
            Err(error @ ConfigError::Unreadable { .. }) => Err(error.into()),
            Err(ConfigError::Wrong { path, problems }) => Ok(wrong(&path, &problems)),
        }
    }
}

fn wrong(path: &Path, problems: &[Problem]) -> Printed {
    let text = config::problem::render(path, problems);
    Printed::new(text, json!({ "ok": false, "problems": problems })).with_code(1)
}
