//! Who did what?

pub(crate) mod automations;

use clap::{Args, Subcommand};
use lictor_manage::written::as_json;
use lictor_model::AuditEvent;
use lictor_store::AuditFilter;
use serde_json::Value;

use super::error::CliError;
use super::moment::{Moment, moment};
use super::on_store;
use super::printed::{Printed, table};
use super::target::{Console, Target};

/// `lictor audit`
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// List audit events, the newest first.
    #[command(
        after_help = "Examples:\n  lictor audit list --since 1h\n  lictor audit list --actor alice --operation \"POST /flow_runs/{id}/set_state\" --json"
    )]
    List(List),
    /// List the automations that run by themselves, and who answers for each.
    #[command(after_help = automations::HELP)]
    Automations(automations::Automations),
}

/// `lictor audit list`
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only what this user or service account did (`console`: the command line).
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// Only this operation, as the list prints it.
    #[arg(long)]
    operation: Option<String>,
    /// Not older than this: 1h, 7d, or an RFC 3339 time.
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    since: Option<Moment>,
    /// Older than this.
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    until: Option<Moment>,
    /// At most so many.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
}

impl Audit {
    /// Runs it.
    pub(crate) fn run(self, target: &Target) -> Result<Printed, CliError> {
        match self {
            Self::List(list) => on_store(target, async |console| list.run(&console).await),
            Self::Automations(automations) => automations.run(target),
        }
    }
}

impl List {
    async fn run(self, console: &Console) -> Result<Printed, CliError> {
        let now = console.clock.now();
        let filter = AuditFilter {
            actor: self.actor,
            operation: self.operation,
            since: self.since.map(|since| since.before(now)),
            until: self.until.map(|until| until.before(now)),
            limit: self.limit,
            ..AuditFilter::default()
        };
        let events = console.store.list_audit(filter).await?;
        let rows: Vec<Vec<String>> = events.iter().map(row).collect();
        let header = &["WHEN", "WHO", "FROM", "WHAT", "ON", "OUTCOME", "STATUS"];
        Ok(Printed::new(table(header, &rows), Value::Array(events.iter().map(as_json).collect())))
    }
}

fn row(event: &AuditEvent) -> Vec<String> {
    let outcome = match event.reason.as_str() {
        "" => event.outcome.as_str().to_owned(),
        reason => format!("{}: {reason}", event.outcome.as_str()),
    };
    vec![
        event.at.to_rfc3339(),
        event.actor.name.clone(),
        or_dash(&event.client_ip),
        event.operation.clone(),
        or_dash(&event.object),
        outcome,
        if event.status == 0 { "-".to_owned() } else { event.status.to_string() },
    ]
}

fn or_dash(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { text.to_owned() }
}
