//! What may somebody, where, and what gives it to them? The whole answer on one page.

use clap::Subcommand;
use lictor_authz::{AccessView, Holding};
use lictor_model::{KeyAges, MaxKeyAge, Permission, Principal, Source, Team, WorkspaceName};
use serde_json::{Value, json};

use super::{Named, noun};
use crate::cli::error::CliError;
use crate::cli::holding::{self, place, sources};
use crate::cli::key::{HEADER, Keyring};
use crate::cli::printed::{Printed, table};
use crate::cli::target::Console;

/// `lictor principal`
#[derive(Debug, Subcommand)]
pub(crate) enum PrincipalCommand {
    /// Show a user or a service account: teams, grants with where each comes from, what they may in each workspace and
    /// what gives it, and keys with their limits.
    #[command(after_help = "Example:\n  lictor principal show alice")]
    Show(Named),
}

/// Somebody, with all that says what they may.
struct Whole {
    principal: Principal,
    access: AccessView,
    workspaces: Vec<WorkspaceName>,
    key_age: Option<MaxKeyAge>,
}

impl PrincipalCommand {
    /// Runs it. The workspaces are all that there are.
    pub(crate) async fn run(self, console: &Console, workspaces: Vec<WorkspaceName>) -> Result<Printed, CliError> {
        let Self::Show(named) = self;
        let principal = console.principal(&named.name).await?;
        let assignments = console.store.load_assignments().await?;
        let (access, key_age) = (AccessView::build(&assignments), KeyAges::work_out(&assignments));
        let keys = Keyring::of(console, Some(&principal.name)).await?;
        let key_age = key_age.of(&principal.id).cloned();
        let whole = Whole { principal, access, workspaces, key_age };
        let mut text = whole.text();
        if !keys.is_empty() {
            text += &format!("\n{}", table(HEADER, &keys.rows()));
        }
        let mut json = whole.as_json();
        if let Some(object) = json.as_object_mut() {
            object.insert("keys".to_owned(), keys.as_json());
        }
        Ok(Printed::new(text, json))
    }
}

impl Whole {
    fn text(&self) -> String {
        let principal = &self.principal;
        let state = if principal.disabled { "disabled: may do nothing" } else { "enabled" };
        let teams: Vec<String> = self.access.teams(&principal.id).map(team).collect();
        let age = self.key_age.as_ref().map_or_else(
            || "grow as old as they are made for".to_owned(),
            |age| format!("end after {} at the latest (role {})", age.in_words(), age.role),
        );
        let mut text = format!(
            "name     {}\nkind     {}\nid       {}\nstate    {state}\nteams    {}\ncreated  {}\nkeys     {age}\n",
            principal.name,
            noun(principal.kind),
            principal.id,
            if teams.is_empty() { "-".to_owned() } else { teams.join(", ") },
            principal.created_at,
        );
        let row = |holding: &Holding| {
            let (role, from) = (holding.role.to_string(), holding.origin.to_string());
            vec![role, place(&holding.scope), from, holding.grant.to_string()]
        };
        let rows: Vec<Vec<String>> = self.access.holdings(&principal.id).iter().map(row).collect();
        text += &format!("\n{}", table(&["ROLE", "WHERE", "FROM", "GRANT"], &rows));
        for workspace in &self.workspaces {
            text += &self.text_in(workspace);
        }
        text
    }

    fn text_in(&self, workspace: &WorkspaceName) -> String {
        let effective = self.effective(workspace);
        if effective.is_empty() {
            return format!("\nin {workspace}: nothing\n");
        }
        let row = |(permission, given_by): &(Permission, Vec<Holding>)| {
            let given_by: Vec<String> =
                given_by.iter().map(|holding| format!("{} ({})", holding.role, holding.origin)).collect();
            vec![permission.to_string(), given_by.join(", ")]
        };
        let rows: Vec<Vec<String>> = effective.iter().map(row).collect();
        format!("\nin {workspace}:\n{}", table(&["PERMISSION", "GIVEN BY"], &rows))
    }

    /// What the principal may in the workspace, each with all that gives it; nothing while it is disabled.
    fn effective(&self, workspace: &WorkspaceName) -> Vec<(Permission, Vec<Holding>)> {
        if self.principal.disabled {
            return Vec::new();
        }
        let holdings = self.access.explain(&self.principal.id, workspace);
        let permissions = self.access.permissions(&self.principal.id, workspace).unwrap_or_default();
        let given_by = |permission: Permission| -> Vec<Holding> {
            holdings.iter().filter(|holding| holding.permissions.contains(permission)).cloned().collect()
        };
        permissions.iter().map(|permission| (permission, given_by(permission))).collect()
    }

    fn as_json(&self) -> Value {
        let principal = &self.principal;
        let teams = self.access.teams(&principal.id);
        let teams = teams.map(|(team, all)| json!({ "name": team.name, "sources": sources(all) }));
        let workspaces = self.workspaces.iter().map(|workspace| {
            let permission = |(permission, given_by): (Permission, Vec<Holding>)| {
                let given_by: Vec<Value> = given_by.iter().map(holding::as_json).collect();
                json!({ "permission": permission.as_str(), "given_by": given_by })
            };
            let permissions: Vec<Value> = self.effective(workspace).into_iter().map(permission).collect();
            json!({ "workspace": workspace, "permissions": permissions })
        });
        json!({
            "id": principal.id,
            "name": principal.name,
            "kind": principal.kind,
            "disabled": principal.disabled,
            "created_at": principal.created_at.to_rfc3339(),
            "teams": teams.collect::<Vec<_>>(),
            "max_key_age": self.key_age.as_ref().map(|age| json!({ "role": age.role, "seconds": age.seconds })),
            "grants": self.access.holdings(&principal.id).iter().map(holding::as_json).collect::<Vec<_>>(),
            "workspaces": workspaces.collect::<Vec<_>>(),
        })
    }
}

/// A team, and who says so where it is not by hand.
fn team((team, all): (&Team, &[Source])) -> String {
    if all.contains(&Source::ByHand) {
        return team.name.to_string();
    }
    let all: Vec<String> = all.iter().map(ToString::to_string).collect();
    format!("{} ({})", team.name, all.join(", "))
}
