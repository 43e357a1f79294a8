//! Who has which role, and where?

use clap::{Args, Subcommand};
use lictor_authz::{AccessView, Origin};
use lictor_manage::{GrantLine, Holder, ManageError};
use lictor_model::{PrincipalName, RoleName, Scope};
use lictor_store::StoreError;
use serde_json::{Value, json};

use super::error::CliError;
use super::holding::{place, scope, source, workspace_of};
use super::printed::{Printed, table};
use super::target::{Console, Target};

/// `lictor grant`
#[derive(Debug, Subcommand)]
pub(crate) enum GrantCommand {
    /// Give a role to somebody or to a team, in all workspaces or in one.
    #[command(
        after_help = "Examples:\n  lictor grant add alice --role viewer\n  lictor grant add alice --role developer --workspace research\n  lictor grant add --team data --role developer"
    )]
    Add(Change),
    /// List all grants, or those of one user, service account or team. What somebody holds through teams is in `lictor
    /// principal show`.
    List(List),
    /// Take a role away: it stops holding within a second, on open websockets too.
    Remove(Change),
}

/// `lictor grant add` and `lictor grant remove`
#[derive(Debug, Args)]
#[group(id = "whom", required = true, multiple = false, args = ["name", "team"])]
pub(crate) struct Change {
    #[command(flatten)]
    whose: Whose,
    /// The role, as `lictor role list` prints it.
    #[arg(long, value_name = "ROLE")]
    role: String,
    /// Only in this workspace; otherwise the grant that holds in all of them.
    #[arg(long, value_name = "WORKSPACE")]
    workspace: Option<String>,
}

/// A name or a team: the two may be spelled alike.
#[derive(Debug, Args)]
struct Whose {
    /// A user or a service account.
    name: Option<String>,
    /// A team instead: its grants hold for all of its members.
    #[arg(long, value_name = "TEAM", conflicts_with = "name")]
    team: Option<String>,
}

/// `lictor grant list`
#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    whose: Whose,
}

impl GrantCommand {
    /// Refuses to give a role where there is no workspace. One that is gone may still be taken out of grants.
    pub(crate) fn check(&self, target: &Target) -> Result<(), CliError> {
        match self {
            Self::Add(Change { workspace: Some(name), .. }) => target.workspace(name).map(drop),
            _ => Ok(()),
        }
    }

    /// Runs it.
    pub(crate) async fn run(self, console: &Console) -> Result<Printed, CliError> {
        match self {
            Self::Add(change) => change.add(console).await,
            Self::List(list) => list.run(console).await,
            Self::Remove(change) => change.remove(console).await,
        }
    }
}

impl Whose {
    /// The one that was named, which must be there.
    async fn find(&self, console: &Console) -> Result<Holder, CliError> {
        match (&self.name, &self.team) {
            (Some(name), _) => Ok(Holder::Principal(console.principal(name).await?.name)),
            (None, team) => Ok(Holder::Team(console.team(team.as_deref().unwrap_or_default()).await?.name)),
        }
    }
}

impl Change {
    async fn add(self, console: &Console) -> Result<Printed, CliError> {
        let (role, scope) = (RoleName::parse(&self.role)?, scope(self.workspace.as_deref()));
        let line = console.admin.add_grant(&self.whose.find(console).await?, role, scope).await?;
        Ok(Printed::new(format!("{} is {} {}", line.holder, line.role, place(&line.scope)), as_json(&line)))
    }

    async fn remove(self, console: &Console) -> Result<Printed, CliError> {
        let (role, scope) = (RoleName::parse(&self.role)?, scope(self.workspace.as_deref()));
        let holder = self.whose.find(console).await?;
        let removed = console.admin.remove_grant(&holder, &role, &scope).await;
        if let (Holder::Principal(name), Err(ManageError::Store(StoreError::NotFound { what: "grant", .. }))) =
            (&holder, &removed)
        {
            refuse_through_team(console, name, &role, &scope).await?;
        }
        removed?;
        let json = json!({
            "for": holder.principal(), "team": holder.team(), "role": role, "workspace": self.workspace, "change": "removed",
        });
        Ok(Printed::new(format!("{holder} is no longer {role} {}", place(&scope)), json))
    }
}

/// Names the team that somebody has the role through, where the grant is no grant of theirs.
async fn refuse_through_team(
    console: &Console,
    name: &PrincipalName,
    role: &RoleName,
    scope: &Scope,
) -> Result<(), CliError> {
    let access = AccessView::build(&console.store.load_assignments().await?);
    let holdings = access.holdings(&console.principal(name.as_str()).await?.id);
    let through = holdings.into_iter().filter(|holding| holding.role == *role && holding.scope == *scope);
    let mut teams = through.filter_map(|holding| match holding.origin {
        Origin::Team(team, _) => Some(team),
        Origin::Own(_) => None,
    });
    match teams.next() {
        Some(team) => Err(CliError::ThroughTeam { name: name.clone(), role: role.clone(), team }),
        None => Ok(()),
    }
}

impl List {
    async fn run(self, console: &Console) -> Result<Printed, CliError> {
        let mut lines = console.admin.list_grants().await?;
        if self.whose.name.is_some() || self.whose.team.is_some() {
            let holder = self.whose.find(console).await?;
            lines.retain(|line| line.holder == holder);
        }
        let rows: Vec<Vec<String>> = lines.iter().map(as_row).collect();
        let json = lines.iter().map(as_json).collect();
        Ok(Printed::new(table(&["NAME", "ROLE", "WHERE", "BY", "SINCE"], &rows), Value::Array(json)))
    }
}

fn as_row(line: &GrantLine) -> Vec<String> {
    let (holder, role) = (line.holder.to_string(), line.role.to_string());
    vec![holder, role, place(&line.scope), line.source.to_string(), line.since.to_rfc3339()]
}

fn as_json(line: &GrantLine) -> Value {
    json!({
        "id": line.id,
        "for": line.holder.principal(),
        "team": line.holder.team(),
        "role": line.role,
        "workspace": workspace_of(&line.scope),
        "source": source(&line.source),
        "created_at": line.since.to_rfc3339(),
    })
}
