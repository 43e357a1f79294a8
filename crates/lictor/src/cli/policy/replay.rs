//! What would a changed policy have denied? The record of a time, decided again.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use lictor_authz::AccessView;
use lictor_model::{Timestamp, WorkspaceName};
use lictor_store::AuditFilter;
use serde_json::{Value, json};

use super::PolicyError;
use super::changes::{Changes, Known};
use super::rulings::{Change, Kind, People, Rulings, Tally};
use crate::cli::error::CliError;
use crate::cli::moment::{Moment, moment};
use crate::cli::printed::{Printed, table};
use crate::cli::target::Console;

pub(super) const HELP: &str = "\
The file is TOML: changes on top of the roles and grants that there are, not a whole policy.

  [[role]]                   # made, or written anew
  name = \"deployer\"
  based_on = \"runner\"        # a built-in role, and ...
  permissions = [\"write_deployments\"]    # ... these; either may be left out

  [[role]]
  name = \"operator\"
  remove = true              # and nobody has it any more

  [[grant]]
  principal = \"alice\"        # a user or a service account; or team = \"data\"
  role = \"deployer\"
  workspace = \"main\"         # left out: the grant that holds everywhere

  [[grant]]
  principal = \"alice\"
  role = \"developer\"
  remove = true

  [[member]]                 # of a team that there is
  principal = \"alice\"
  team = \"data\"

Nothing is changed by this. Only what is on record is decided again: changes, refused
attempts at them, opened sockets and revealed secrets; reads are not on record.

Exit code 0: nothing would be decided otherwise; 3: something would.

Example:
  lictor policy replay --since 7d --with changes.toml --config lictor.toml";

/// Events of one page of the record.
const PAGE: u32 = 2_000;
const CHANGED: u8 = 3;

/// `lictor policy replay`
#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// Not older than this: 1h, 7d, or an RFC 3339 time.
    #[arg(long, value_name = "WHEN", value_parser = moment, default_value = "7d")]
    since: Moment,
    /// Older than this; otherwise until now.
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    until: Option<Moment>,
    /// The file of changes.
    #[arg(long = "with", value_name = "FILE")]
    with: PathBuf,
}

struct Period {
    since: Timestamp,
    until: Timestamp,
}

impl Replay {
    /// Decides it all again.
    pub(crate) async fn run(self, console: &Console, workspaces: &[WorkspaceName]) -> Result<Printed, CliError> {
        let changes = Changes::read(&self.with)?;
        let directory = console.store.load_directory().await?;
        let known = Known { principals: &directory.principals, workspaces };
        let then = changes.apply(&directory.assignments, known).map_err(PolicyError::from)?;
        let people = People {
            principals: directory.principals.into_iter().map(|one| (one.id.clone(), Arc::new(one))).collect(),
            limits: directory.keys.into_iter().filter_map(|key| Some((key.id, Arc::new(key.narrowing?)))).collect(),
        };
        let now = console.clock.now();
        let until = self.until.map_or(now, |until| until.before(now));
        let period = Period { since: self.since.before(now), until };
        let views = [&directory.assignments, &then].map(AccessView::build);
        let rulings = read_record(console, &period, &people, &views).await?;
        Ok(printed(&rulings, &period))
    }
}

async fn read_record(
    console: &Console,
    period: &Period,
    people: &People,
    [today, then]: &[AccessView; 2],
) -> Result<Rulings, CliError> {
    let mut rulings = Rulings::default();
    let mut before = None;
    loop {
        let filter = AuditFilter {
            since: Some(period.since),
            until: Some(period.until),
            limit: PAGE,
            before: before.take(),
            ..AuditFilter::default()
        };
        let events = console.store.list_audit(filter).await?;
        events.iter().for_each(|event| rulings.judge(event, people, today, then));
        match events.last() {
            Some(last) => before = Some(last.id.clone()),
            None => return Ok(rulings),
        }
    }
}

fn printed(rulings: &Rulings, period: &Period) -> Printed {
    let rows: Vec<Vec<String>> = rulings.changes.iter().map(|(kind, tally)| row(kind, tally)).collect();
    let mut text = String::new();
    if !rows.is_empty() {
        text += &table(&["WOULD BE", "WHO", "WHERE", "WHAT", "TIMES", "FIRST", "LAST", "BECAUSE"], &rows);
    }
    let otherwise: u64 = rulings.changes.values().map(|tally| tally.count).sum();
    text += &format!(
        "{otherwise} of {} events on record since {} would be decided otherwise\n",
        rulings.judged,
        period.since.to_rfc3339()
    );
    for note in notes(rulings) {
        text += &format!("note: {note}\n");
    }
    let json = json!({
        "since": period.since.to_rfc3339(),
        "until": period.until.to_rfc3339(),
        "judged": rulings.judged,
        "otherwise": otherwise,
        "changes": rulings.changes.iter().map(|(kind, tally)| as_json(kind, tally)).collect::<Vec<_>>(),
        "not_judged": rulings.unknown,
        "different_today": rulings.already,
        "body_not_on_record": rulings.bodies_unknown,
        "notes": notes(rulings),
    });
    Printed::new(text, json).with_code(if otherwise == 0 { 0 } else { CHANGED })
}

/// What the figures do not say.
fn notes(rulings: &Rulings) -> Vec<String> {
    let mut notes = vec![
        "reads, logs, events and polls are not on record, so what would be denied of these is not known".to_owned(),
    ];
    for (count, what) in [
        (
            rulings.already,
            "ended otherwise than today's policy would decide, whatever the file says: roles have changed since",
        ),
        (rulings.bodies_unknown, "were judged by their operation alone: what their bodies needed is not on record"),
        (rulings.unknown, "were not judged: their operation or path is not in this program's table"),
    ] {
        if count > 0 {
            notes.push(format!("{count} events {what}"));
        }
    }
    notes
}

fn row(kind: &Kind, tally: &Tally) -> Vec<String> {
    vec![
        kind.change.as_str().to_owned(),
        kind.actor.clone(),
        kind.workspace.clone(),
        kind.operation.clone(),
        tally.count.to_string(),
        tally.first.to_rfc3339(),
        tally.last.to_rfc3339(),
        because(kind),
    ]
}

fn because(kind: &Kind) -> String {
    let lacking = kind.lacking.join(", ");
    match kind.change {
        Change::Denied | Change::Masked if lacking.is_empty() => kind.reason.to_owned(),
        Change::Denied | Change::Masked => format!("lacking {lacking}"),
        Change::Allowed if lacking.is_empty() => format!("{} today", kind.reason),
        Change::Allowed => format!("lacking {lacking} today"),
    }
}

fn as_json(kind: &Kind, tally: &Tally) -> Value {
    json!({
        "would_be": kind.change.as_str(),
        "who": { "id": kind.actor_id, "name": kind.actor },
        "workspace": kind.workspace,
        "operation": kind.operation,
        "reason": kind.reason,
        "lacking": kind.lacking,
        "count": tally.count,
        "first": tally.first.to_rfc3339(),
        "last": tally.last.to_rfc3339(),
    })
}
