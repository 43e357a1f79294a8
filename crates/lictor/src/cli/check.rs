//! Is the configuration file right? Every problem, at once.

use std::path::Path;

use clap::Args;
use serde_json::json;

use super::error::CliError;
use super::printed::Printed;
use super::target::Target;
use crate::config::tls::Certificate;
use crate::config::{self, ConfigError, Plan, Problem};
use crate::connect::client_config;
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
            Ok(plan) => Ok(match in_files(&plan).as_slice() {
                [] => Printed::new("OK", json!({ "ok": true, "problems": [] })),
                problems => wrong(&file, problems),
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

/// What is found only where each certificate file can be read: they do not go together, or hold something else.
fn in_files(plan: &Plan) -> Vec<Problem> {
    let of_listener = plan.tls.as_ref().and_then(|tls| tls::load(tls).err());
    let of_listener = of_listener.map(|error| Problem::of(error.key(), error.to_string()));
    let of_header = plan.certificate_header.as_ref().and_then(|passed| tls::load::verifier(&passed.clients).err());
    let of_header = of_header.map(|error| Problem::of(error.key(), error.to_string()));
    let of_authority = plan.tls.as_ref().and_then(|tls| match &tls.certificate {
        Certificate::Acme(acme) => client_config(acme.ca_file.as_deref(), None).err(),
        Certificate::Files { .. } => None,
    });
    let of_authority = of_authority.map(|error| Problem::of("tls.acme.ca_file", error.to_string()));
    let all = plan.workspaces.iter().flat_map(|workspace| workspace.upstreams().map(move |one| (workspace, one)));
    let of_upstreams = all.filter_map(|(workspace, upstream)| {
        let error = tls::upstream::route(upstream).err()?;
        Some(Problem::of(&format!("workspaces.{}.upstream", workspace.name), error.to_string()))
    });
    of_listener.into_iter().chain(of_header).chain(of_authority).chain(of_upstreams).collect()
}
