//! Which roles are there? The built-in ones, and those that an owner made.

use clap::{Args, Subcommand};
use lictor_model::{Permission, PermissionSet, Role, RoleName};
use serde_json::{Value, json};

use super::error::CliError;
use super::printed::{Printed, table};
use super::target::Console;

/// `lictor role`
#[derive(Debug, Subcommand)]
pub(crate) enum RoleCommand {
    /// List all roles.
    List,
    /// Show what a role allows.
    Show(Named),
    /// Make a role of your own.
    #[command(
        after_help = "Example:\n  lictor role add deployer --permission see_flows --permission see_deployments --permission write_deployments\n\nPermissions are spelled as Prefect Cloud's scopes; `lictor role show owner` lists them all."
    )]
    Add(Add),
    /// Remove a role of your own; refused while somebody has it.
    Remove(Named),
}

/// A role's name.
#[derive(Debug, Args)]
pub(crate) struct Named {
    /// The role, as `lictor role list` prints it.
    name: String,
}

/// `lictor role add`
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// 1 to 48 of a-z, 0-9 and -, beginning with a letter.
    name: String,
    /// What it allows; give it as often as needed.
    #[arg(long = "permission", value_name = "PERMISSION", required = true, value_parser = permission)]
    permissions: Vec<Permission>,
    /// One sentence for lists.
    #[arg(long, default_value = "")]
    description: String,
}

/// A text that is no permission.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0:?} is no permission; `lictor role show owner` lists them all")]
pub(crate) struct PermissionError(String);

pub(crate) fn permission(text: &str) -> Result<Permission, PermissionError> {
    Permission::parse(text).ok_or_else(|| PermissionError(text.to_owned()))
}

impl RoleCommand {
    /// Runs it.
    pub(crate) async fn run(self, console: &Console) -> Result<Printed, CliError> {
        match self {
            Self::List => list(console).await,
            Self::Show(named) => show(console, &named).await,
            Self::Add(add) => add.run(console).await,
            Self::Remove(named) => {
                let name = RoleName::parse(&named.name)?;
                console.store.remove_role(&console.by, &name).await?;
                Ok(Printed::new(format!("removed role {name}"), json!({ "name": name, "change": "removed" })))
            }
        }
    }
}

impl Add {
    async fn run(self, console: &Console) -> Result<Printed, CliError> {
        let role = Role {
            name: RoleName::parse(&self.name)?,
            description: self.description,
            base: None,
            permissions: self.permissions.into_iter().collect::<PermissionSet>(),
            built_in: false,
        };
        console.store.add_role(&console.by, role.clone()).await?;
        Ok(Printed::new(format!("added role {}", role.name), as_json(&role)))
    }
}

/// Every role: built in first.
async fn all(console: &Console) -> Result<Vec<Role>, CliError> {
    let mut roles = lictor_authz::roles::built_in().to_vec();
    roles.extend(console.store.list_roles().await?);
    Ok(roles)
}

async fn list(console: &Console) -> Result<Printed, CliError> {
    let roles = all(console).await?;
    let row = |role: &Role| {
        let made = if role.built_in { "built-in" } else { "custom" };
        vec![
            role.name.to_string(),
            made.to_owned(),
            role.permissions.iter().count().to_string(),
            role.description.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = roles.iter().map(row).collect();
    let json = roles.iter().map(as_json).collect();
    Ok(Printed::new(table(&["ROLE", "KIND", "PERMISSIONS", "DESCRIPTION"], &rows), Value::Array(json)))
}

async fn show(console: &Console, named: &Named) -> Result<Printed, CliError> {
    let role = all(console).await?.into_iter().find(|role| role.name.as_str() == named.name);
    let role = role.ok_or_else(|| CliError::NoSuch { kind: "role", name: named.name.clone() })?;
    let permissions: Vec<&str> = role.permissions.iter().map(Permission::as_str).collect();
    let text = format!("{}: {}\n  {}\n", role.name, role.description, permissions.join("\n  "));
    Ok(Printed::new(text, as_json(&role)))
}

fn as_json(role: &Role) -> Value {
    json!({
        "name": role.name,
        "description": role.description,
        "built_in": role.built_in,
        "permissions": role.permissions.iter().map(Permission::as_str).collect::<Vec<_>>(),
    })
}
