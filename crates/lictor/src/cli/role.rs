//! Which roles are there? The built-in ones, and those that an owner made.

use clap::{Args, Subcommand};
use lictor_authz::roles::permissions_of;
use lictor_model::{Permission, PermissionSet, Role, RoleName};
use serde_json::{Value, json};

use super::error::CliError;
use super::key_age::SetMaxKeyAge;
use super::printed::{Printed, table};
use super::second_factor::SetSecondFactor;
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
        after_help = "Examples:\n  lictor role add deployer --permission see_flows --permission see_deployments --permission write_deployments\n  lictor role add auditor --based-on viewer --permission see_workspace_settings\n\nA role that is based on a built-in one follows it: what that one gains with a new version of Lictor, it gains too.\nPermissions are spelled as Prefect Cloud's scopes; `lictor role show owner` lists them all."
    )]
    Add(Add),
    /// Remove a role of your own; refused while somebody has it.
    Remove(Named),
    /// Demand a second factor of those who have a role: at once they can do nothing in a browser without one.
    #[command(
        after_help = "Examples:\n  lictor role set-second-factor owner required\n  lictor role set-second-factor owner none\n\nBuilt-in roles and your own, anywhere, held by oneself or through a team. Whoever has none is led to add one at sign-in."
    )]
    SetSecondFactor(SetSecondFactor),
    /// Let no key of those who have a role grow older than this; keys that are older have expired at once.
    #[command(
        after_help = "Examples:\n  lictor role set-max-key-age developer 90d\n  lictor role set-max-key-age developer none\n\nBuilt-in roles and your own. Of several roles that somebody has, of their own or through a team, the strictest counts."
    )]
    SetMaxKeyAge(SetMaxKeyAge),
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
    /// What it allows, besides what the role that it is based on allows; give it as often as needed.
    #[arg(
        long = "permission",
        value_name = "PERMISSION",
        required_unless_present = "based_on",
        value_parser = permission
    )]
    permissions: Vec<Permission>,
    /// The built-in role to build on: viewer, runner, developer, owner or worker.
    #[arg(long, value_name = "ROLE")]
    based_on: Option<String>,
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
            Self::SetMaxKeyAge(set) => set.run(console).await,
            Self::SetSecondFactor(set) => set.run(console).await,
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
            base: self.based_on.as_deref().map(RoleName::parse).transpose()?,
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
            role.base.as_ref().map_or("-", RoleName::as_str).to_owned(),
            permissions_of(role).iter().count().to_string(),
            role.description.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = roles.iter().map(row).collect();
    let json = roles.iter().map(as_json).collect();
    Ok(Printed::new(table(&["ROLE", "KIND", "BASED ON", "PERMISSIONS", "DESCRIPTION"], &rows), Value::Array(json)))
}

async fn show(console: &Console, named: &Named) -> Result<Printed, CliError> {
    let role = all(console).await?.into_iter().find(|role| role.name.as_str() == named.name);
    let role = role.ok_or_else(|| CliError::NoSuch { kind: "role", name: named.name.clone() })?;
    let assignments = console.store.load_assignments().await?;
    let needs_factor = assignments.factor_roles.contains(&role.name);
    let age = assignments.key_ages.into_iter().find(|age| age.role == role.name);
    let mut text = role.name.to_string();
    if !role.description.is_empty() {
        text += &format!(": {}", role.description);
    }
    text.push('\n');
    if let Some(base) = &role.base {
        let added =
            if role.permissions.is_empty() { "nothing".to_owned() } else { spelled(role.permissions).join(", ") };
        text += &format!("based on {base}, which it follows, and adds: {added}\nallows\n");
    }
    text += &format!("  {}\n", spelled(permissions_of(&role)).join("\n  "));
    let mut json = as_json(&role);
    if let Some(age) = age {
        text += &format!("keys end after {} at the latest\n", age.in_words());
        json.as_object_mut().map(|object| object.insert("max_key_age_seconds".to_owned(), age.seconds.into()));
    }
    if needs_factor {
        text += "a second factor is required\n";
        json.as_object_mut().map(|object| object.insert("second_factor_required".to_owned(), true.into()));
    }
    Ok(Printed::new(text, json))
}

fn as_json(role: &Role) -> Value {
    json!({
        "name": role.name,
        "description": role.description,
        "built_in": role.built_in,
        "based_on": role.base,
        "added_permissions": role.base.as_ref().map(|_| spelled(role.permissions)),
        "permissions": spelled(permissions_of(role)),
    })
}

fn spelled(permissions: PermissionSet) -> Vec<&'static str> {
    permissions.iter().map(Permission::as_str).collect()
}
