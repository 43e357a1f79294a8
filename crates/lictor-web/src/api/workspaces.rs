//! Which workspaces are there? As the configuration names them.

use axum::response::Response;
use http::StatusCode;
use lictor_authz::Deed;
use lictor_model::WorkspaceName;
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::Early;
use crate::api::body::Asked;
use crate::api::page::{Page, Turn, turn};
use crate::api::refusal::Refusals;

/// A workspace: one Prefect Server behind this gateway.
#[derive(Serialize, ToSchema)]
pub(crate) struct Workspace {
    name: String,
}

/// All workspaces, by name.
#[utoipa::path(get, path = "/workspaces", operation_id = "list_workspaces", tag = "workspaces", params(Turn),
    responses((status = 200, body = Page<Workspace>), Refusals))]
pub(crate) async fn list(asked: Asked<Turn>) -> Result<Response, Early> {
    let asker = &asked.asker;
    asker.admin.look(&Deed::See).map_err(|error| asker.fail(&error))?;
    let show = |name: &WorkspaceName| Workspace { name: name.to_string() };
    let page = turn(&asked.query, asker.admin.workspaces().to_vec(), WorkspaceName::as_str, show);
    Ok(asker.answer(StatusCode::OK, &page.map_err(|error| asker.fail(&error))?))
}
