//! What do users and service accounts have in common on the command line?

pub(crate) mod email;
pub(crate) mod show;

use clap::Args;
use lictor_authz::AccessView;
use lictor_model::{AccountRole, Principal, PrincipalKind, PrincipalName, RoleName, Scope};
use lictor_store::NewPrincipal;
use serde_json::{Value, json};

use super::error::CliError;
use super::holding::{self, scope};
use super::key::{HEADER, Keyring};
use super::printed::{Printed, plain, table};
use super::target::Console;

/// A name.
#[derive(Debug, Args)]
pub(crate) struct Named {
    /// Its name.
    pub(crate) name: String,
}

/// A role to begin with.
#[derive(Debug, Args)]
pub(crate) struct FirstRole {
    /// A role to begin with, as `lictor role list` prints it (viewer, runner, developer, owner, worker, or your own).
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
    /// Only in this workspace; otherwise in all of them.
    #[arg(long, value_name = "WORKSPACE", requires = "role")]
    workspace: Option<String>,
}

impl FirstRole {
    /// The role and where it holds.
    pub(crate) fn read(&self) -> Result<Option<(RoleName, Scope)>, CliError> {
        let Some(role) = &self.role else { return Ok(None) };
        Ok(Some((RoleName::parse(role)?, scope(self.workspace.as_deref()))))
    }
}

/// `lictor user set-account-role`, and of service accounts
#[derive(Debug, Args)]
pub(crate) struct SetAccountRole {
    /// Whose.
    name: String,
    /// An owner is made by `lictor grant add NAME --role owner`.
    #[arg(value_parser = account_role)]
    role: AccountRole,
}

fn account_role(text: &str) -> Result<AccountRole, String> {
    let known = [AccountRole::Admin, AccountRole::Member].into_iter().find(|role| role.as_str() == text);
    known.ok_or_else(|| "write admin or member; an owner is made by `lictor grant add NAME --role owner`".to_owned())
}

impl SetAccountRole {
    /// Runs it.
    pub(crate) async fn run(self, console: &Console, kind: PrincipalKind) -> Result<Printed, CliError> {
        let principal = find(console, kind, &Named { name: self.name }).await?;
        console.admin.set_account_role(kind, &principal.name, self.role).await?;
        let role = access(console).await?.account_role(&principal.id);
        let json = json!({ "id": principal.id, "name": principal.name, "kind": principal.kind, "account_role": role, "change": "set-account-role" });
        Ok(Printed::new(format!("{} {} is {role} of the account", noun(kind), principal.name), json))
    }
}

/// The word of the command line for a kind.
pub(crate) const fn noun(kind: PrincipalKind) -> &'static str {
    match kind {
        PrincipalKind::User => "user",
        PrincipalKind::ServiceAccount => "service-account",
    }
}

/// Adds one.
pub(crate) async fn add(console: &Console, new: NewPrincipal) -> Result<Printed, CliError> {
    let lonely = new.role.is_none();
    let principal = console.admin.add_principal(new).await?;
    let access = access(console).await?;
    let mut text = format!("added {} {}", noun(principal.kind), principal.name);
    if lonely {
        text += &format!("; it may do nothing yet: lictor grant add {} --role viewer", principal.name);
    }
    Ok(Printed::new(text, as_json(&principal, &access)))
}

/// Lists all of a kind.
pub(crate) async fn list(console: &Console, kind: PrincipalKind) -> Result<Printed, CliError> {
    let principals = console.admin.list_principals(Some(kind)).await?;
    let access = access(console).await?;
    let row = |principal: &Principal| {
        let state = if principal.disabled { "disabled" } else { "enabled" };
        vec![
            principal.name.to_string(),
            state.to_owned(),
            access.account_role(&principal.id).to_string(),
            holding::as_text(&access.holdings(&principal.id)),
            principal.created_at.to_rfc3339(),
        ]
    };
    let rows: Vec<Vec<String>> = principals.iter().map(row).collect();
    let json: Vec<Value> = principals.iter().map(|principal| as_json(principal, &access)).collect();
    Ok(Printed::new(table(&["NAME", "STATE", "ACCOUNT", "ROLES", "CREATED"], &rows), Value::Array(json)))
}

/// Shows one, with its keys.
pub(crate) async fn show(console: &Console, kind: PrincipalKind, named: &Named) -> Result<Printed, CliError> {
    let principal = find(console, kind, named).await?;
    let access = access(console).await?;
    let keys = Keyring::of(console, Some(&principal.name)).await?;
    let email = console.store.mail_addresses().await?.remove(&principal.id);
    let mut json = as_json(&principal, &access);
    if let Some(object) = json.as_object_mut() {
        object.insert("email".to_owned(), email.clone().map_or(Value::Null, Value::from));
        object.insert("keys".to_owned(), keys.as_json());
    }
    let mut text = format!(
        "name     {}\nkind     {}\nid       {}\nstate    {}\naccount  {}\nroles    {}\ncreated  {}\n",
        principal.name,
        noun(principal.kind),
        principal.id,
        if principal.disabled { "disabled" } else { "enabled" },
        access.account_role(&principal.id),
        holding::as_text(&access.holdings(&principal.id)),
        principal.created_at,
    );
    if let Some(email) = email {
        text += &format!("email    {}\n", plain(&email));
    }
    if !keys.is_empty() {
        text += &format!("\n{}", table(HEADER, &keys.rows()));
    }
    Ok(Printed::new(text, json))
}

/// Disables or enables one.
pub(crate) async fn set_disabled(
    console: &Console,
    kind: PrincipalKind,
    named: &Named,
    disabled: bool,
) -> Result<Printed, CliError> {
    let principal = find(console, kind, named).await?;
    console.admin.set_disabled(kind, &principal.name, disabled).await?;
    let done = if disabled { "disabled" } else { "enabled" };
    changed(&principal, done)
}

/// Removes one, with its keys, sessions, grants and memberships.
pub(crate) async fn remove(console: &Console, kind: PrincipalKind, named: &Named) -> Result<Printed, CliError> {
    let principal = find(console, kind, named).await?;
    console.admin.remove_principal(kind, &principal.name).await?;
    changed(&principal, "removed")
}

/// The answer of a change that has no more to say.
pub(crate) fn changed(principal: &Principal, done: &str) -> Result<Printed, CliError> {
    let json = json!({ "id": principal.id, "name": principal.name, "kind": principal.kind, "change": done });
    Ok(Printed::new(format!("{done} {} {}", noun(principal.kind), principal.name), json))
}

/// The one of that kind and name.
pub(crate) async fn find(console: &Console, kind: PrincipalKind, named: &Named) -> Result<Principal, CliError> {
    let name = PrincipalName::parse(&named.name)?;
    let found = console.store.find_principal(&name).await?.filter(|principal| principal.kind == kind);
    found.ok_or_else(|| CliError::NoSuch { kind: noun(kind), name: name.to_string() })
}

async fn access(console: &Console) -> Result<AccessView, CliError> {
    Ok(AccessView::build(&console.store.load_assignments().await?))
}

fn as_json(principal: &Principal, access: &AccessView) -> Value {
    json!({
        "id": principal.id,
        "name": principal.name,
        "kind": principal.kind,
        "disabled": principal.disabled,
        "created_at": principal.created_at.to_rfc3339(),
        "account_role": access.account_role(&principal.id),
        "roles": access.holdings(&principal.id).iter().map(holding::as_json).collect::<Vec<_>>(),
    })
}
