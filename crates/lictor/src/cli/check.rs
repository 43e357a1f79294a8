//! Is the configuration file right? Every problem, at once.

use clap::Args;
use serde_json::json;

use super::error::CliError;
use super::printed::Printed;
use super::target::Target;
use crate::config::{self, ConfigError};

/// `lictor check`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lictor check --config lictor.toml")]
pub(crate) struct Check {}

impl Check {
    /// Reads the file and everything that it points at.
    pub(crate) fn run(&self, target: &Target) -> Result<Printed, CliError> {
        let file = target.config_file()?;
        match config::read(&file) {
            Ok(_) => Ok(Printed::new("OK", json!({ "ok": true, "problems": [] }))),
            Err(error @ ConfigError::Unreadable { .. }) => Err(error.into()),
            Err(ConfigError::Wrong { path, problems }) => {
                let text = config::problem::render(&path, &problems);
                Ok(Printed::new(text, json!({ "ok": false, "problems": problems })).with_code(1))
            }
        }
    }
}
