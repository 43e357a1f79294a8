//! Who is signed in here? A few facts for the badge in Prefect's own UI, and for nobody else.

use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use http::header;
use lictor_model::WorkspaceName;

use crate::answer::{self, Early};
use crate::router::WebState;
use crate::visit::Visit;

/// `GET /lictor/me`: the name, the workspace that this host name leads to, and the roles held there.
pub(crate) async fn show(
    State(web): State<WebState>,
    Extension(workspace): Extension<WorkspaceName>,
    visit: Visit,
) -> Result<Response, Early> {
    let principal = &visit.person(&web)?.principal;
    let held = web.auth.view().access.explain(&principal.id, &workspace);
    let mut roles: Vec<&str> = held.iter().map(|holding| holding.role.as_str()).collect();
    roles.sort_unstable();
    roles.dedup();
    let me = serde_json::json!({
        "name": principal.name.as_str(),
        "workspace": workspace.as_str(),
        "roles": roles,
    });
    let mut response = ([(header::CONTENT_TYPE, "application/json")], me.to_string()).into_response();
    answer::seal(response.headers_mut());
    Ok(response)
}
