//! How is the gateway of a configuration file started?

use clap::Args;

use super::error::CliError;
use super::printed::Printed;
use super::target::Target;
use crate::{app, config};

/// `lictor serve`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lictor serve --config /etc/lictor/lictor.toml")]
pub(crate) struct Serve {}

impl Serve {
    /// Runs until it is told to stop.
    pub(crate) fn run(&self, target: &Target) -> Result<Printed, CliError> {
        let plan = config::read(&target.config_file()?)?;
        app::run(plan)?;
        Ok(Printed::nothing())
    }
}
