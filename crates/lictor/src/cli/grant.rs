//! Who has which role, and where?

use clap::{Args, Subcommand};
use lictor_authz::{AccessView, Origin};
use lictor_model::{
    Assignments, Grant, GrantId, Principal, PrincipalName, RoleName, Scope, Source, TeamGrant, TeamName, Timestamp,
};
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

/// Whose grant it is.
#[derive(PartialEq, Eq)]
enum Holder {
    Principal(PrincipalName),
    Team(TeamName),
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
        let line = match self.whose.find(console).await? {
            Holder::Principal(name) => {
                let grant = console.store.add_grant(&console.by, &name, role, scope).await?;
                Line::of_principal(grant, name)
            }
            Holder::Team(name) => {
                let grant = console.store.add_team_grant(&console.by, &name, role, scope).await?;
                Line::of_team(grant, name)
            }
        };
        Ok(Printed::new(format!("{} is {} {}", line.holder, line.role, place(&line.scope)), line.as_json()))
    }

    async fn remove(self, console: &Console) -> Result<Printed, CliError> {
        let (role, scope) = (RoleName::parse(&self.role)?, scope(self.workspace.as_deref()));
        let holder = self.whose.find(console).await?;
        match &holder {
            Holder::Principal(name) => {
                let removed = console.store.remove_grant(&console.by, name, &role, &scope).await;
                if matches!(removed, Err(StoreError::NotFound { what: "grant", .. })) {
                    refuse_through_team(console, name, &role, &scope).await?;
                }
                removed?;
            }
            Holder::Team(name) => console.store.remove_team_grant(&console.by, name, &role, &scope).await?,
        }
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
        let all = console.store.load_assignments().await?;
        let mut lines = lines(all, &console.store.list_principals(None).await?);
        if self.whose.name.is_some() || self.whose.team.is_some() {
            let holder = self.whose.find(console).await?;
            lines.retain(|line| line.holder == holder);
        }
        let rows: Vec<Vec<String>> = lines.iter().map(Line::as_row).collect();
        let json = lines.iter().map(Line::as_json).collect();
        Ok(Printed::new(table(&["NAME", "ROLE", "WHERE", "BY", "SINCE"], &rows), Value::Array(json)))
    }
}

impl Holder {
    fn principal(&self) -> Option<&str> {
        match self {
            Self::Principal(name) => Some(name.as_str()),
            Self::Team(_) => None,
        }
    }

    fn team(&self) -> Option<&str> {
        match self {
            Self::Principal(_) => None,
            Self::Team(name) => Some(name.as_str()),
        }
    }
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Principal(name) => write!(f, "{name}"),
            Self::Team(name) => write!(f, "team {name}"),
        }
    }
}

/// A grant, of a principal or of a team.
struct Line {
    id: GrantId,
    holder: Holder,
    role: RoleName,
    scope: Scope,
    source: Source,
    since: Timestamp,
}

/// All grants, those of teams last.
fn lines(all: Assignments, principals: &[Principal]) -> Vec<Line> {
    let principal = |grant: &Grant| principals.iter().find(|principal| principal.id == grant.principal);
    let own = all.grants.into_iter().filter_map(|grant| {
        let name = principal(&grant)?.name.clone();
        Some(Line::of_principal(grant, name))
    });
    let of_teams = all.team_grants.into_iter().filter_map(|grant| {
        let name = all.teams.iter().find(|team| team.id == grant.team)?.name.clone();
        Some(Line::of_team(grant, name))
    });
    own.chain(of_teams).collect()
}

impl Line {
    fn of_principal(grant: Grant, name: PrincipalName) -> Self {
        let Grant { id, role, scope, source, created_at: since, .. } = grant;
        Self { id, holder: Holder::Principal(name), role, scope, source, since }
    }

    fn of_team(grant: TeamGrant, name: TeamName) -> Self {
        let TeamGrant { id, role, scope, created_at: since, .. } = grant;
        Self { id, holder: Holder::Team(name), role, scope, source: Source::ByHand, since }
    }

    fn as_row(&self) -> Vec<String> {
        let (holder, role) = (self.holder.to_string(), self.role.to_string());
        vec![holder, role, place(&self.scope), self.source.to_string(), self.since.to_rfc3339()]
    }

    fn as_json(&self) -> Value {
        json!({
            "id": self.id,
            "for": self.holder.principal(),
            "team": self.holder.team(),
            "role": self.role,
            "workspace": workspace_of(&self.scope),
            "source": source(&self.source),
            "created_at": self.since.to_rfc3339(),
        })
    }
}
