//! Who has which role, and where?

use clap::{Args, Subcommand};
use lictor_model::{Grant, RoleName};
use serde_json::{Value, json};

use super::error::CliError;
use super::principal::{scope, workspace_of};
use super::printed::{Printed, table};
use super::target::{Console, Target};

/// `lictor grant`
#[derive(Debug, Subcommand)]
pub(crate) enum GrantCommand {
    /// Give a role, in all workspaces or in one.
    #[command(
        after_help = "Examples:\n  lictor grant add alice --role viewer\n  lictor grant add alice --role developer --workspace research"
    )]
    Add(Change),
    /// List all grants, or those of one user or service account.
    List(List),
    /// Take a role away: it stops holding within a second, on open websockets too.
    Remove(Change),
}

/// `lictor grant add` and `lictor grant remove`
#[derive(Debug, Args)]
pub(crate) struct Change {
    /// A user or a service account.
    name: String,
    /// The role, as `lictor role list` prints it.
    #[arg(long, value_name = "ROLE")]
    role: String,
    /// Only in this workspace; otherwise the grant that holds in all of them.
    #[arg(long, value_name = "WORKSPACE")]
    workspace: Option<String>,
}

/// `lictor grant list`
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only the grants of this user or service account.
    name: Option<String>,
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

impl Change {
    async fn add(self, console: &Console) -> Result<Printed, CliError> {
        let (principal, role) = (console.principal(&self.name).await?, RoleName::parse(&self.role)?);
        let scope = scope(self.workspace.as_deref());
        let grant = console.store.add_grant(&console.by, &principal.name, role, scope).await?;
        Ok(Printed::new(format!("{} is {} {}", self.name, grant.role, place(&grant)), as_json(&grant, &self.name)))
    }

    async fn remove(self, console: &Console) -> Result<Printed, CliError> {
        let (principal, role) = (console.principal(&self.name).await?, RoleName::parse(&self.role)?);
        let scope = scope(self.workspace.as_deref());
        console.store.remove_grant(&console.by, &principal.name, &role, &scope).await?;
        let json = json!({ "for": principal.name, "role": role, "workspace": self.workspace, "change": "removed" });
        Ok(Printed::new(format!("{} is no longer {role}", principal.name), json))
    }
}

impl List {
    async fn run(self, console: &Console) -> Result<Printed, CliError> {
        let only = match &self.name {
            Some(name) => Some(console.principal(name).await?.id),
            None => None,
        };
        let principals = console.store.list_principals(None).await?;
        let name_of = |grant: &Grant| {
            let owner = principals.iter().find(|principal| principal.id == grant.principal);
            owner.map(|owner| owner.name.to_string()).unwrap_or_default()
        };
        let mut grants = console.store.list_grants().await?;
        grants.retain(|grant| only.as_ref().is_none_or(|only| *only == grant.principal));
        let row =
            |grant: &Grant| vec![name_of(grant), grant.role.to_string(), place(grant), grant.created_at.to_rfc3339()];
        let rows: Vec<Vec<String>> = grants.iter().map(row).collect();
        let json = grants.iter().map(|grant| as_json(grant, &name_of(grant))).collect();
        Ok(Printed::new(table(&["NAME", "ROLE", "WHERE", "SINCE"], &rows), Value::Array(json)))
    }
}

fn place(grant: &Grant) -> String {
    workspace_of(&grant.scope).map_or_else(|| "everywhere".to_owned(), |name| format!("in {name}"))
}

fn as_json(grant: &Grant, name: &str) -> Value {
    json!({
        "id": grant.id,
        "for": name,
        "role": grant.role,
        "workspace": workspace_of(&grant.scope),
        "created_at": grant.created_at.to_rfc3339(),
    })
}
