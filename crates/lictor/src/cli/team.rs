//! Which teams are there, who is in them, and what may they?

use clap::{Args, Subcommand};
use lictor_model::{PrincipalName, Team, TeamGrant, TeamName};
use lictor_store::{Member, Roster};
use serde_json::{Value, json};

use super::error::CliError;
use super::holding::{place, sources, workspace_of};
use super::printed::{Printed, table};
use super::target::Console;

/// `lictor team`
#[derive(Debug, Subcommand)]
pub(crate) enum TeamCommand {
    /// Make a team, with nobody in it.
    #[command(
        after_help = "Example:\n  lictor team add data --description \"Data engineering\"\n  lictor team add-member data alice etl-worker\n  lictor grant add --team data --role developer"
    )]
    Add(Add),
    /// List all teams, with their members and roles.
    List,
    /// Show one team: who is in it, since when, and who says so; and its roles.
    Show(Named),
    /// Remove a team: what it gave its members stops holding within a second, on open websockets too.
    Remove(Named),
    /// Put users or service accounts into a team.
    #[command(after_help = "Example:\n  lictor team add-member data alice etl-worker")]
    AddMember(Members),
    /// Take users or service accounts out of a team: what it gave them stops holding within a second, on open websockets
    /// too.
    RemoveMember(Members),
}

/// A team's name.
#[derive(Debug, Args)]
pub(crate) struct Named {
    /// The team, as `lictor team list` prints it.
    name: String,
}

/// `lictor team add`
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// 1 to 48 of a-z, 0-9 and -, beginning with a letter.
    name: String,
    /// One sentence for lists.
    #[arg(long, default_value = "")]
    description: String,
}

/// `lictor team add-member` and `lictor team remove-member`
#[derive(Debug, Args)]
pub(crate) struct Members {
    /// The team, as `lictor team list` prints it.
    team: String,
    /// Users or service accounts: all of them, or none if there is a mistake.
    #[arg(value_name = "PRINCIPAL", required = true)]
    names: Vec<String>,
}

impl TeamCommand {
    /// Runs it.
    pub(crate) async fn run(self, console: &Console) -> Result<Printed, CliError> {
        match self {
            Self::Add(add) => add.run(console).await,
            Self::List => list(console).await,
            Self::Show(named) => show(console, &named).await,
            Self::Remove(named) => {
                let team = console.admin.remove_team(&console.team(&named.name).await?.name).await?;
                let json = json!({ "id": team.id, "name": team.name, "change": "removed" });
                Ok(Printed::new(format!("removed team {}", team.name), json))
            }
            Self::AddMember(members) => members.add(console).await,
            Self::RemoveMember(members) => members.remove(console).await,
        }
    }
}

impl Add {
    async fn run(self, console: &Console) -> Result<Printed, CliError> {
        let name = TeamName::parse(&self.name)?;
        let team = console.admin.add_team(name, &self.description).await?;
        let text = format!("added team {}; put somebody in: lictor team add-member {} NAME", team.name, team.name);
        Ok(Printed::new(text, as_json(&team)))
    }
}

impl Members {
    async fn add(self, console: &Console) -> Result<Printed, CliError> {
        let (team, names) = self.read(console).await?;
        let added = console.admin.add_members(&team.name, &names).await?;
        let text = if added.is_empty() {
            format!("all of them are in team {} already", team.name)
        } else {
            format!("{} in team {} now", are(&added), team.name)
        };
        Ok(Printed::new(text, json!({ "team": team.name, "members": names, "added": added, "change": "added" })))
    }

    async fn remove(self, console: &Console) -> Result<Printed, CliError> {
        let (team, names) = self.read(console).await?;
        console.admin.remove_members(&team.name, &names).await?;
        let mut text = format!("{} no longer in team {}", are(&names), team.name);
        let roster = console.admin.roster(&team.name).await?;
        let stay: Vec<Member> =
            roster.members.into_iter().filter(|member| names.contains(&member.principal.name)).collect();
        if !stay.is_empty() {
            text = format!("{} no longer in team {} by hand", are(&names), team.name);
        }
        for member in &stay {
            text += &format!(
                "\n{} stays in it by {}; `lictor user disable {}` stops them at once",
                member.principal.name,
                said_by(member),
                member.principal.name
            );
        }
        let stay: Vec<Value> = stay.iter().map(member_json).collect();
        let json = json!({ "team": team.name, "members": names, "stay_by_rule": stay, "change": "removed" });
        Ok(Printed::new(text, json))
    }

    /// The team and who it is about, each once.
    async fn read(&self, console: &Console) -> Result<(Team, Vec<PrincipalName>), CliError> {
        let team = console.team(&self.team).await?;
        let mut names: Vec<PrincipalName> = Vec::new();
        for name in &self.names {
            let name = console.principal(name).await?.name;
            if !names.contains(&name) {
                names.push(name);
            }
        }
        Ok((team, names))
    }
}

fn are(names: &[PrincipalName]) -> String {
    let verb = if names.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", names.iter().map(PrincipalName::as_str).collect::<Vec<_>>().join(", "))
}

fn said_by(member: &Member) -> String {
    member.sources.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn member_row(member: &Member) -> Vec<String> {
    let (name, kind) = (member.principal.name.to_string(), member.principal.kind.as_str().to_owned());
    vec![name, kind, said_by(member), member.since.to_rfc3339()]
}

fn member_json(member: &Member) -> Value {
    json!({
        "name": member.principal.name,
        "kind": member.principal.kind,
        "sources": sources(&member.sources),
        "since": member.since.to_rfc3339(),
    })
}

async fn list(console: &Console) -> Result<Printed, CliError> {
    let rosters = console.admin.rosters().await?;
    let row = |roster: &Roster| {
        let roles: Vec<String> =
            roster.grants.iter().map(|grant| format!("{} {}", grant.role, place(&grant.scope))).collect();
        let roles = if roles.is_empty() { "-".to_owned() } else { roles.join(", ") };
        vec![roster.team.name.to_string(), roster.members.len().to_string(), roles, roster.team.description.clone()]
    };
    let rows: Vec<Vec<String>> = rosters.iter().map(row).collect();
    let json = rosters.iter().map(whole).collect();
    Ok(Printed::new(table(&["TEAM", "MEMBERS", "ROLES", "DESCRIPTION"], &rows), Value::Array(json)))
}

async fn show(console: &Console, named: &Named) -> Result<Printed, CliError> {
    let team = console.team(&named.name).await?;
    let roster = console.admin.roster(&team.name).await?;
    let mut text = format!("name         {}\nid           {}\n", team.name, team.id);
    text += &format!("description  {}\ncreated      {}\n", team.description, team.created_at);
    let rows: Vec<Vec<String>> = roster.members.iter().map(member_row).collect();
    text += &format!("\n{}", table(&["MEMBER", "KIND", "BY", "SINCE"], &rows));
    let rows: Vec<Vec<String>> = roster
        .grants
        .iter()
        .map(|grant| vec![grant.role.to_string(), place(&grant.scope), grant.created_at.to_rfc3339()])
        .collect();
    text += &format!("\n{}", table(&["ROLE", "WHERE", "SINCE"], &rows));
    Ok(Printed::new(text, whole(&roster)))
}

/// A team as JSON, with its members and grants.
fn whole(roster: &Roster) -> Value {
    let mut json = as_json(&roster.team);
    let grant = |grant: &TeamGrant| json!({ "id": grant.id, "role": grant.role, "workspace": workspace_of(&grant.scope), "created_at": grant.created_at.to_rfc3339() });
    if let Some(object) = json.as_object_mut() {
        object.insert("members".to_owned(), roster.members.iter().map(member_json).collect());
        object.insert("grants".to_owned(), roster.grants.iter().map(grant).collect());
    }
    json
}

fn as_json(team: &Team) -> Value {
    json!({
        "id": team.id,
        "name": team.name,
        "description": team.description,
        "created_at": team.created_at.to_rfc3339(),
    })
}
