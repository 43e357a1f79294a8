//! Who is signed in?

use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use lictor_model::CredentialId;
use lictor_store::{Owned, SessionFilter, SessionRow};
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::Early;
use crate::api::asker::Asker;
use crate::api::body::Asked;
use crate::api::page::{Page, Turn};
use crate::api::refusal::Refusals;

/// A signed-in browser.
#[derive(Serialize, ToSchema)]
pub(crate) struct Session {
    id: String,
    /// Whose.
    r#for: String,
    #[schema(format = DateTime)]
    created_at: String,
    /// Some seconds late.
    #[schema(format = DateTime)]
    last_seen_at: String,
    #[schema(format = DateTime)]
    expires_at: String,
    /// From where it was begun.
    client_ip: String,
    /// By which browser.
    user_agent: String,
    /// Whether it is the one that asks.
    current: bool,
}

/// All sessions that have not ended, oldest first.
#[utoipa::path(get, path = "/sessions", operation_id = "list_sessions", tag = "sessions", params(Turn),
    responses((status = 200, body = Page<Session>), Refusals))]
pub(crate) async fn list(asked: Asked<Turn>) -> Result<Response, Early> {
    let asker = &asked.asker;
    let bounds = asked.query.bounds().map_err(|error| asker.fail(&error))?;
    let filter = SessionFilter { bounds, ..SessionFilter::default() };
    let listed = asker.admin.page_of_sessions(filter).await.map_err(|error| asker.fail(&error))?;
    let show = |Owned { row: session, owner, .. }: Owned<SessionRow>| Session {
        id: session.id.to_string(),
        r#for: owner.to_string(),
        created_at: session.created_at.to_rfc3339(),
        last_seen_at: session.last_seen_at.to_rfc3339(),
        expires_at: session.expires_at.to_rfc3339(),
        client_ip: session.client_ip.clone(),
        user_agent: session.user_agent.clone(),
        current: session.id == asker.identity.credential.id,
    };
    Ok(asker.answer(StatusCode::OK, &Page::of(listed, show)))
}

/// End a session: its browser is signed out within a second.
#[utoipa::path(delete, path = "/sessions/{id}", operation_id = "end_session", tag = "sessions",
    params(("id" = String, Path)), responses((status = 204), Refusals))]
pub(crate) async fn end(Path(id): Path<String>, asker: Asker) -> Result<Response, Early> {
    asker.admin.end_session(&CredentialId::from(id)).await.map_err(|error| asker.fail(&error))?;
    Ok(asker.done().await)
}
