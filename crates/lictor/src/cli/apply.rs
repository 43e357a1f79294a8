//! How is access kept in a file? Applied as a whole, after a look at what it would change; and written from what there is.

use std::io::Read;
use std::path::PathBuf;

use clap::Args;
use lictor_manage::ManageError;
use lictor_manage::policy::{Plan, PolicyError, Verb};
use lictor_store::StoreError;
use serde_json::{Value, json};

use super::error::CliError;
use super::printed::{Printed, plain};
use super::target::Console;

/// How often a plan is made anew when somebody else changes something meanwhile.
const TRIES: usize = 5;

/// A file that was not applied.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApplyError {
    /// It cannot be read.
    #[error("{}: {source}", file.display())]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What is wrong with it.
    #[error("{}: {source}", file.display())]
    Policy {
        /// Which.
        file: PathBuf,
        /// What.
        source: PolicyError,
    },
    /// It could not be done as a whole.
    #[error("nothing was changed: {0}")]
    NotDone(#[source] ManageError),
}

/// `lictor apply`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lictor export > access.toml\n  lictor apply access.toml --dry-run\n  lictor apply access.toml\n\nWhat the file lists is as it says. What it listed when it was applied last and lists no more is removed. What it never listed stays."
)]
pub(crate) struct Apply {
    /// The file; - for standard input.
    file: PathBuf,
    /// Show what would change, and whether it could be; change nothing.
    #[arg(long)]
    dry_run: bool,
}

/// `lictor export`
#[derive(Debug, Args)]
pub(crate) struct Export {}

impl Apply {
    /// Runs it.
    pub(crate) async fn run(self, console: &Console) -> Result<Printed, CliError> {
        let text = self.read()?;
        let mut tries = 0;
        loop {
            let planned = console.admin.plan(&text).await;
            let plan = planned.map_err(|source| ApplyError::Policy { file: self.file.clone(), source })?;
            let done =
                if self.dry_run { console.admin.rehearse(&plan).await } else { console.admin.apply(&plan).await };
            tries += 1;
            match done {
                Err(ManageError::Store(StoreError::Moved)) if tries < TRIES => {}
                done => {
                    done.map_err(ApplyError::NotDone)?;
                    return Ok(printed(&plan, self.dry_run));
                }
            }
        }
    }

    fn read(&self) -> Result<String, ApplyError> {
        let mut text = String::new();
        let read = if self.file.as_os_str() == "-" {
            std::io::stdin().lock().read_to_string(&mut text).map(|_| text)
        } else {
            std::fs::read_to_string(&self.file)
        };
        read.map_err(|source| ApplyError::Unreadable { file: self.file.clone(), source })
    }
}

impl Export {
    /// Runs it.
    pub(crate) async fn run(self, console: &Console) -> Result<Printed, CliError> {
        Ok(Printed::new(console.admin.export().await?, Value::Null))
    }
}

fn printed(plan: &Plan, dry_run: bool) -> Printed {
    let lines = plan.steps().iter().map(|step| format!("{} {}\n", step.verb.sign(), plain(&step.what)));
    let count = |verb| plan.count(verb);
    let (added, changed, removed) = (count(Verb::Add), count(Verb::Change), count(Verb::Remove));
    let summary = match (plan.steps().is_empty(), dry_run) {
        (true, _) => "nothing to change: all is as the file says".to_owned(),
        (false, true) => format!("would add {added}, change {changed}, remove {removed}; nothing was changed"),
        (false, false) => format!("added {added}, changed {changed}, removed {removed}"),
    };
    let steps: Vec<Value> =
        plan.steps().iter().map(|step| json!({ "change": step.verb.as_str(), "what": step.what })).collect();
    Printed::new(lines.collect::<String>() + &summary, json!({ "dry_run": dry_run, "changes": steps }))
}
