//! Who, or which team, has which role where?

use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use lictor_manage::{GrantLine, Holder};
use lictor_model::{GrantId, PrincipalName, RoleName, Scope, Source, TeamName};
use lictor_store::GrantFilter;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::Early;
use crate::api::asker::Asker;
use crate::api::body::{Asked, Sent};
use crate::api::page::{Page, Turn};
use crate::api::refusal::Refusals;

/// A grant.
#[derive(Serialize, ToSchema)]
pub(crate) struct Grant {
    id: String,
    /// The user or service account; null when it is a team's.
    r#for: Option<String>,
    /// The team; null when it is somebody's own.
    team: Option<String>,
    role: String,
    /// Null: in all workspaces.
    workspace: Option<String>,
    /// `by-hand`, or `sso:` and the provider whose rules say so.
    source: String,
    #[schema(format = DateTime)]
    created_at: String,
}

/// A role to give, to one of the two.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewGrant {
    /// To this user or service account.
    r#for: Option<String>,
    /// To this team.
    team: Option<String>,
    role: String,
    /// Where; without one, in all workspaces.
    workspace: Option<String>,
}

/// The workspace of a scope; `None` is all.
pub(crate) fn workspace_of(scope: &Scope) -> Option<String> {
    match scope {
        Scope::Everywhere => None,
        Scope::Workspace(name) => Some(name.to_string()),
    }
}

/// A source in JSON.
pub(crate) fn source(source: &Source) -> String {
    match source {
        Source::ByHand => "by-hand".to_owned(),
        Source::SignIn(_) => source.to_text(),
    }
}

fn shown(line: &GrantLine) -> Grant {
    Grant {
        id: line.id.to_string(),
        r#for: line.holder.principal().map(str::to_owned),
        team: line.holder.team().map(str::to_owned),
        role: line.role.to_string(),
        workspace: workspace_of(&line.scope),
        source: source(&line.source),
        created_at: line.since.to_rfc3339(),
    }
}

fn holder(asker: &Asker, body: &NewGrant) -> Result<Holder, Early> {
    match (&body.r#for, &body.team) {
        (Some(name), None) => {
            PrincipalName::parse(name).map(Holder::Principal).map_err(|error| asker.unusable(&error.to_string()))
        }
        (None, Some(team)) => {
            TeamName::parse(team).map(Holder::Team).map_err(|error| asker.unusable(&error.to_string()))
        }
        _ => Err(asker.unusable("A role is given to one of the two: name `for` or `team`.")),
    }
}

/// All grants that you may see, in the order of their ids: an owner of workspaces sees those that hold there.
#[utoipa::path(get, path = "/grants", operation_id = "list_grants", tag = "grants", params(Turn),
    responses((status = 200, body = Page<Grant>), Refusals))]
pub(crate) async fn list(asked: Asked<Turn>) -> Result<Response, Early> {
    let asker = &asked.asker;
    let bounds = asked.query.bounds().map_err(|error| asker.fail(&error))?;
    let filter = GrantFilter { bounds, ..GrantFilter::default() };
    let listed = asker.admin.page_of_grants(filter).await.map_err(|error| asker.fail(&error))?;
    Ok(asker.answer(StatusCode::OK, &Page::of(listed, |line| shown(&line))))
}

/// Give a role. Giving what is there by hand already changes nothing.
#[utoipa::path(post, path = "/grants", operation_id = "add_grant", tag = "grants", request_body = NewGrant,
    responses((status = 201, body = Grant), Refusals))]
pub(crate) async fn add(sent: Sent<NewGrant>) -> Result<Response, Early> {
    let Sent { asker, body } = sent;
    let holder = holder(&asker, &body)?;
    let role = RoleName::parse(&body.role).map_err(|error| asker.unusable(&error.to_string()))?;
    let scope = body.workspace.as_deref().map_or(Scope::Everywhere, |name| Scope::Workspace(name.into()));
    let line = asker.admin.add_grant(&holder, role, scope).await.map_err(|error| asker.fail(&error))?;
    Ok(asker.changed(StatusCode::CREATED, &shown(&line)).await)
}

/// One grant.
#[utoipa::path(get, path = "/grants/{id}", operation_id = "show_grant", tag = "grants", params(("id" = String, Path)),
    responses((status = 200, body = Grant), Refusals))]
pub(crate) async fn show(Path(id): Path<String>, asker: Asker) -> Result<Response, Early> {
    let line = asker.admin.grant(&GrantId::from(id)).await.map_err(|error| asker.fail(&error))?;
    Ok(asker.answer(StatusCode::OK, &shown(&line)))
}

/// Take a role away: it stops holding within a second, on open websockets too.
#[utoipa::path(delete, path = "/grants/{id}", operation_id = "remove_grant", tag = "grants",
    params(("id" = String, Path)), responses((status = 204), Refusals))]
pub(crate) async fn remove(Path(id): Path<String>, asker: Asker) -> Result<Response, Early> {
    asker.admin.remove_grant_by_id(&GrantId::from(id)).await.map_err(|error| asker.fail(&error))?;
    Ok(asker.done().await)
}
