//! Who is signed in here? A few facts for the badge in Prefect's own UI, and for nobody else.

use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use http::header;
use lictor_model::{Principal, Reason, WorkspaceName};

use crate::answer::{self, Early};
use crate::router::WebState;
use crate::visit::Visit;
use crate::workspaces::mine;

/// `GET /lictor/me`: the name, the workspace that this address leads to, the roles held there, and the other workspaces.
pub(crate) async fn show(
    State(web): State<WebState>,
    workspace: Option<Extension<WorkspaceName>>,
    visit: Visit,
) -> Result<Response, Early> {
    let identity = visit.person(&web)?;
    let Some(Extension(workspace)) = workspace else { return Ok(visit.refuse(Reason::NotFound)) };
    let (view, mine) = (web.auth.view(), mine(&web, &visit, identity));
    let held = view.access.explain(&identity.seen_as().id, &workspace);
    // Of several workspaces, one is none of a stranger's business.
    if held.is_empty() && web.workspaces.len() > 1 {
        return Ok(visit.refuse(Reason::NotAMember));
    }
    let workspaces = mine.iter().filter_map(|one| {
        let link = one.link()?;
        Some(serde_json::json!({ "name": one.name.as_str(), "link": link, "is_here": one.name == workspace }))
    });
    let me = serde_json::json!({
        "name": identity.principal.name.as_str(),
        "viewing": identity.viewing.as_ref().map(|viewed| viewed.name.as_str()),
        "workspace": workspace.as_str(),
        "roles": roles(&web, identity.seen_as(), &workspace),
        "workspaces": workspaces.collect::<Vec<_>>(),
        "administers": crate::admin::administers(&web, identity),
    });
    let mut response = ([(header::CONTENT_TYPE, "application/json")], me.to_string()).into_response();
    answer::seal(response.headers_mut());
    Ok(response)
}

/// The names of the roles that somebody has in a workspace, by whatever grant.
pub(crate) fn roles(web: &WebState, principal: &Principal, workspace: &WorkspaceName) -> Vec<String> {
    let held = web.auth.view().access.explain(&principal.id, workspace);
    let mut roles: Vec<String> = held.iter().map(|holding| holding.role.to_string()).collect();
    roles.sort_unstable();
    roles.dedup();
    roles
}
