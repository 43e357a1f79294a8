//! Who answers for what runs by itself, and may they still do what it does?

use std::collections::BTreeMap;

use clap::Args;
use lictor_authz::ownership::Lapse;
use lictor_manage::Answered;
use lictor_model::{Demands, Permission, PermissionSet, WorkspaceName, id::canonical_uuid};
use lictor_store::AutomationRow;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cli::error::CliError;
use crate::cli::on_store;
use crate::cli::printed::{Printed, table};
use crate::cli::target::{Console, Target};
use crate::cli::upstreams::upstreams;
use crate::config::Workspace;
use crate::probe::{self, ProbeError};
use lictor_manage::written::demands_as_json;

pub(super) const HELP: &str = "\
The owner of an automation is whoever made it through Lictor, or last changed what it does;
enabling and disabling change no owner. What its actions need was held against the owner
when it was saved. It has lapsed when the owner could not save it today: was disabled or
removed, or lost a permission. Prefect runs it all the same, until somebody disables it.

With --upstream Prefect is asked as well: which of them are enabled, and which have no owner
on record (made before Lictor, or without it).

Exit code with --lapsed: 0 when there is none, 3 when there is one.

Examples:
  lictor audit automations
  lictor audit automations --lapsed --upstream --config lictor.toml";

/// Automations of one answer of Prefect's.
const PAGE: usize = 100;
const FOUND: u8 = 3;

/// `lictor audit automations`
#[derive(Debug, Args)]
pub(crate) struct Automations {
    /// Only of this workspace.
    #[arg(long, value_name = "WORKSPACE")]
    workspace: Option<String>,
    /// Only those whose owner could not save them today, and those that have no owner.
    #[arg(long)]
    lapsed: bool,
    /// Ask Prefect as well.
    #[arg(long)]
    upstream: bool,
}

/// Prefect could not be asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AutomationsError {
    /// Nothing usable came back.
    #[error("workspace {workspace}: Prefect cannot be asked for its automations: {source}")]
    Probe {
        /// Which.
        workspace: WorkspaceName,
        /// Why.
        source: ProbeError,
    },
    /// It answered something else.
    #[error("workspace {workspace}: asked for its automations, Prefect answers HTTP {status}")]
    Answer {
        /// Which.
        workspace: WorkspaceName,
        /// How.
        status: u16,
    },
    /// It cannot be read.
    #[error("workspace {workspace}: Prefect's list of automations cannot be read: {source}")]
    Unreadable {
        /// Which.
        workspace: WorkspaceName,
        /// Why.
        source: serde_json::Error,
    },
}

/// An automation as Prefect has it.
#[derive(Debug, Clone, Deserialize)]
struct There {
    id: String,
    name: String,
    enabled: bool,
}

/// How it stands with an automation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Its owner could save it today.
    Held,
    /// Its owner could not.
    Lapsed,
    /// There is no owner on record.
    Unowned,
    /// Prefect has no such automation any more.
    Gone,
}

impl Standing {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Lapsed => "lapsed",
            Self::Unowned => "unowned",
            Self::Gone => "gone",
        }
    }
}

/// One line of the list.
struct Listed {
    workspace: WorkspaceName,
    id: String,
    name: String,
    /// Whether Prefect runs it, where Prefect was asked.
    enabled: Option<bool>,
    recorded: Option<AutomationRow>,
    standing: Standing,
    why: String,
    lacking: PermissionSet,
}

impl Automations {
    /// Lists them.
    pub(crate) fn run(self, target: &Target) -> Result<Printed, CliError> {
        let only = self.workspace.as_deref().map(|name| target.workspace(name)).transpose()?;
        let asked = if self.upstream { Some(upstreams(target, self.workspace.as_deref())?) } else { None };
        on_store(target, async |console| self.list(&console, only.as_ref(), asked).await)
    }

    async fn list(
        &self,
        console: &Console,
        only: Option<&WorkspaceName>,
        asked: Option<Vec<Workspace>>,
    ) -> Result<Printed, CliError> {
        let recorded = console.admin.list_automations(only).await?;
        let mut listed: Vec<Listed> = recorded.into_iter().map(Listed::recorded).collect();
        for workspace in asked.iter().flatten() {
            hold_against(&mut listed, &workspace.name, all_of(workspace).await?);
        }
        listed.retain(|one| !self.lapsed || matches!(one.standing, Standing::Lapsed | Standing::Unowned));
        listed.sort_by(|one, other| {
            (&one.workspace, &one.name, &one.id).cmp(&(&other.workspace, &other.name, &other.id))
        });
        let rows: Vec<Vec<String>> = listed.iter().map(Listed::row).collect();
        let header = &["AUTOMATION", "WHERE", "ENABLED", "OWNER", "STANDING", "NEEDS", "ID"];
        let json = listed.iter().map(Listed::as_json).collect();
        let code = if self.lapsed && !listed.is_empty() { FOUND } else { 0 };
        Ok(Printed::new(table(header, &rows), Value::Array(json)).with_code(code))
    }
}

impl Listed {
    fn recorded(Answered { automation: row, lapse, .. }: Answered) -> Self {
        let (standing, why, lacking) = match lapse {
            None => (Standing::Held, String::new(), PermissionSet::EMPTY),
            Some(Lapse { why, lacking }) => (Standing::Lapsed, why, lacking),
        };
        Self {
            workspace: row.workspace.clone(),
            id: row.id.clone(),
            name: row.name.clone(),
            enabled: None,
            recorded: Some(row),
            standing,
            why,
            lacking,
        }
    }

    fn unowned(workspace: &WorkspaceName, there: There) -> Self {
        Self {
            workspace: workspace.clone(),
            id: there.id,
            name: there.name,
            enabled: Some(there.enabled),
            recorded: None,
            standing: Standing::Unowned,
            why: "made before Lictor, or without it".to_owned(),
            lacking: PermissionSet::EMPTY,
        }
    }

    fn row(&self) -> Vec<String> {
        let standing = match self.why.as_str() {
            "" => self.standing.as_str().to_owned(),
            why => format!("{}: {why}", self.standing.as_str()),
        };
        vec![
            self.name.clone(),
            self.workspace.to_string(),
            self.enabled.map_or("-", |enabled| if enabled { "yes" } else { "no" }).to_owned(),
            self.recorded.as_ref().map_or_else(|| "-".to_owned(), |row| row.principal_name.clone()),
            standing,
            self.recorded.as_ref().map_or_else(|| "-".to_owned(), |row| needs(&row.demands)),
            self.id.clone(),
        ]
    }

    fn as_json(&self) -> Value {
        json!({
            "workspace": self.workspace,
            "id": self.id,
            "name": self.name,
            "enabled": self.enabled,
            "owner": self.recorded.as_ref().map(|row| json!({ "id": row.principal, "name": row.principal_name })),
            "saved_at": self.recorded.as_ref().map(|row| row.saved_at.to_rfc3339()),
            "needs": self.recorded.as_ref().map(|row| demands_as_json(&row.demands)),
            "standing": self.standing.as_str(),
            "why": self.why,
            "lacking": self.lacking.iter().map(Permission::as_str).collect::<Vec<_>>(),
        })
    }
}

fn needs(demands: &Demands) -> String {
    if demands.is_empty() {
        return "-".to_owned();
    }
    let any_of = |set: PermissionSet| set.iter().map(Permission::as_str).collect::<Vec<_>>().join(" or ");
    demands.iter().map(any_of).collect::<Vec<_>>().join(", ")
}

/// Marks what Prefect has not, and adds what only Prefect has.
fn hold_against(listed: &mut Vec<Listed>, workspace: &WorkspaceName, there: Vec<There>) {
    let mut there: BTreeMap<String, There> = there.into_iter().map(|one| (spelled(&one.id), one)).collect();
    for one in listed.iter_mut().filter(|one| one.workspace == *workspace) {
        match there.remove(&one.id) {
            Some(found) => one.enabled = Some(found.enabled),
            None => {
                one.standing = Standing::Gone;
                one.why = "deleted without Lictor".to_owned();
            }
        }
    }
    listed.extend(there.into_values().map(|one| Listed::unowned(workspace, one)));
}

fn spelled(id: &str) -> String {
    canonical_uuid(id).unwrap_or_else(|| id.to_owned())
}

/// All automations that a Prefect Server has.
async fn all_of(workspace: &Workspace) -> Result<Vec<There>, AutomationsError> {
    let mut all: Vec<There> = Vec::new();
    loop {
        let wanted = json!({ "limit": PAGE, "offset": all.len(), "sort": "NAME_ASC" });
        let asked =
            probe::post(&workspace.upstream, "/api/automations/filter", &wanted, workspace.auth_string.as_ref());
        let name = || workspace.name.clone();
        let answer = asked.await.map_err(|source| AutomationsError::Probe { workspace: name(), source })?;
        if answer.status != 200 {
            return Err(AutomationsError::Answer { workspace: name(), status: answer.status });
        }
        let page: Vec<There> = serde_json::from_slice(&answer.body)
            .map_err(|source| AutomationsError::Unreadable { workspace: name(), source })?;
        let last = page.len() < PAGE;
        all.extend(page);
        if last {
            return Ok(all);
        }
    }
}

#[cfg(test)]
mod tests {
    use lictor_model::{PrincipalId, Timestamp};

    use super::*;

    fn recorded(id: &str, workspace: &str, lapse: Option<Lapse>) -> Answered {
        let automation = AutomationRow {
            id: id.to_owned(),
            workspace: workspace.into(),
            name: "nightly".to_owned(),
            owner_resource: String::new(),
            principal: PrincipalId::from("a"),
            principal_name: "alice".to_owned(),
            demands: Demands::parse("nothing").unwrap(),
            saved_at: Timestamp::default(),
        };
        Answered { automation, owner: None, lapse }
    }

    #[test]
    fn what_prefect_has_is_held_against_what_is_on_record() {
        let id = "0198a6e2-7f31-7c55-9d11-3f2b8f7a1c0e";
        let there = |id: &str, enabled| There { id: id.to_owned(), name: "n".to_owned(), enabled };
        let lapse = Lapse { why: "the owner has no role there".to_owned(), lacking: PermissionSet::EMPTY };
        let all = [recorded(id, "main", None), recorded("gone", "main", None), recorded(id, "other", Some(lapse))];
        let mut listed: Vec<Listed> = all.into_iter().map(Listed::recorded).collect();
        hold_against(&mut listed, &"main".into(), vec![there(&id.to_uppercase(), false), there("strange", true)]);
        let told: Vec<_> = listed.iter().map(|one| (one.standing.as_str(), one.enabled)).collect();
        // The last but one is of a workspace that was not asked.
        assert_eq!(told, [("held", Some(false)), ("gone", None), ("lapsed", None), ("unowned", Some(true))]);
    }
}
