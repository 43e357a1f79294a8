//! Which teams are there, who is in them, and what may they?

use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use lictor_authz::Deed;
use lictor_model::{Scope, TeamName};
use lictor_store::Roster;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::Early;
use crate::api::asker::Asker;
use crate::api::body::{Asked, Sent};
use crate::api::grants::{source, workspace_of};
use crate::api::page::{Page, Turn};
use crate::api::refusal::Refusals;

/// A team.
#[derive(Serialize, ToSchema)]
pub(crate) struct Team {
    id: String,
    name: String,
    description: String,
    #[schema(format = DateTime)]
    created_at: String,
    members: Vec<Member>,
    /// What each of its members may through it, as far as whoever asks may see it.
    grants: Vec<TeamGrant>,
}

/// Somebody in a team.
#[derive(Serialize, ToSchema)]
pub(crate) struct Member {
    name: String,
    /// `user` or `service-account`.
    kind: String,
    /// `by-hand`, or `sso:` and the provider whose rules say so.
    sources: Vec<String>,
    #[schema(format = DateTime)]
    since: String,
}

/// A role of a team.
#[derive(Serialize, ToSchema)]
pub(crate) struct TeamGrant {
    id: String,
    role: String,
    /// Null: in all workspaces.
    workspace: Option<String>,
}

/// A team to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTeam {
    /// 1 to 48 of a-z, 0-9 and -, beginning with a letter.
    name: String,
    /// One sentence for lists.
    #[serde(default)]
    #[schema(max_length = 200)]
    description: String,
}

fn shown(roster: &Roster, asker: &Asker) -> Team {
    let team = &roster.team;
    let sees = |role: &lictor_model::RoleName, scope: &Scope| {
        let deed = Deed::Grant(role.clone(), scope.clone());
        asker.admin.look(&Deed::Oversee).is_ok() || asker.admin.look(&deed).is_ok()
    };
    let grants = roster.grants.iter().filter(|grant| sees(&grant.role, &grant.scope)).map(|grant| TeamGrant {
        id: grant.id.to_string(),
        role: grant.role.to_string(),
        workspace: workspace_of(&grant.scope),
    });
    let members = roster.members.iter().map(|member| Member {
        name: member.principal.name.to_string(),
        kind: member.principal.kind.as_str().to_owned(),
        sources: member.sources.iter().map(source).collect(),
        since: member.since.to_rfc3339(),
    });
    Team {
        id: team.id.to_string(),
        name: team.name.to_string(),
        description: team.description.clone(),
        created_at: team.created_at.to_rfc3339(),
        members: members.collect(),
        grants: grants.collect(),
    }
}

/// The team as it is now.
async fn now(asker: &Asker, name: &TeamName) -> Result<Team, Early> {
    let roster = asker.admin.roster(name).await.map_err(|error| asker.fail(&error))?;
    Ok(shown(&roster, asker))
}

/// All teams, by name.
#[utoipa::path(get, path = "/teams", operation_id = "list_teams", tag = "teams", params(Turn),
    responses((status = 200, body = Page<Team>), Refusals))]
pub(crate) async fn list(asked: Asked<Turn>) -> Result<Response, Early> {
    let asker = &asked.asker;
    let bounds = asked.query.bounds().map_err(|error| asker.fail(&error))?;
    let listed = asker.admin.page_of_rosters(&bounds).await.map_err(|error| asker.fail(&error))?;
    Ok(asker.answer(StatusCode::OK, &Page::of(listed, |roster| shown(&roster, asker))))
}

/// Make a team, with nobody in it.
#[utoipa::path(post, path = "/teams", operation_id = "add_team", tag = "teams", request_body = NewTeam,
    responses((status = 201, body = Team), Refusals))]
pub(crate) async fn add(sent: Sent<NewTeam>) -> Result<Response, Early> {
    let Sent { asker, body } = sent;
    let name = TeamName::parse(&body.name).map_err(|error| asker.unusable(&error.to_string()))?;
    asker.admin.add_team(name.clone(), &body.description).await.map_err(|error| asker.fail(&error))?;
    Ok(asker.changed(StatusCode::CREATED, &now(&asker, &name).await?).await)
}

/// One team.
#[utoipa::path(get, path = "/teams/{team}", operation_id = "show_team", tag = "teams", params(("team" = String, Path)),
    responses((status = 200, body = Team), Refusals))]
pub(crate) async fn show(Path(team): Path<String>, asker: Asker) -> Result<Response, Early> {
    let name = asker.team(&team)?;
    Ok(asker.answer(StatusCode::OK, &now(&asker, &name).await?))
}

/// Remove a team: what it gave its members stops holding within a second, on open websockets too.
#[utoipa::path(delete, path = "/teams/{team}", operation_id = "remove_team", tag = "teams",
    params(("team" = String, Path)), responses((status = 204), Refusals))]
pub(crate) async fn remove(Path(team): Path<String>, asker: Asker) -> Result<Response, Early> {
    let name = asker.team(&team)?;
    asker.admin.remove_team(&name).await.map_err(|error| asker.fail(&error))?;
    Ok(asker.done().await)
}

/// Put a user or a service account into a team.
#[utoipa::path(put, path = "/teams/{team}/members/{name}", operation_id = "add_member", tag = "teams",
    params(("team" = String, Path), ("name" = String, Path)), responses((status = 204), Refusals))]
pub(crate) async fn add_member(Path((team, name)): Path<(String, String)>, asker: Asker) -> Result<Response, Early> {
    let (team, name) = (asker.team(&team)?, asker.name(&name)?);
    asker.admin.add_members(&team, &[name]).await.map_err(|error| asker.fail(&error))?;
    Ok(asker.done().await)
}

/// Take a user or a service account out of a team; whom a sign-in rule put there stays.
#[utoipa::path(delete, path = "/teams/{team}/members/{name}", operation_id = "remove_member", tag = "teams",
    params(("team" = String, Path), ("name" = String, Path)), responses((status = 204), Refusals))]
pub(crate) async fn remove_member(Path((team, name)): Path<(String, String)>, asker: Asker) -> Result<Response, Early> {
    let (team, name) = (asker.team(&team)?, asker.name(&name)?);
    asker.admin.remove_members(&team, &[name]).await.map_err(|error| asker.fail(&error))?;
    Ok(asker.done().await)
}
