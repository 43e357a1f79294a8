//! What key is this? Whoever presents one is told whose it is and what it is good for, and may end it.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use lictor_model::{CredentialKind, Identity, Reason, Timestamp, WorkspaceName};
use lictor_store::KeyRow;
use serde_json::{Value, json};

use crate::answer::Early;
use crate::router::WebState;
use crate::sessions::away;
use crate::visit::Visit;
use crate::workspaces::{mine, names};
use crate::{me, oauth};

/// `GET /lictor/keys/current`
pub(crate) async fn show(State(web): State<WebState>, visit: Visit) -> Result<Response, Early> {
    let identity = presented(&visit)?;
    let key = find(&web, &visit, identity).await?;
    let facts = json!({
        "name": identity.principal.name,
        "kind": identity.principal.kind,
        "gateway": visit.caller.home(),
        "workspaces": names(&mine(&web, &visit, identity)).iter().map(|workspace| place(&web, identity, workspace)).collect::<Vec<_>>(),
        "key": shown(&key),
    });
    Ok(oauth::told(StatusCode::OK, &facts))
}

/// `POST /lictor/keys/revoke`
pub(crate) async fn revoke(State(web): State<WebState>, visit: Visit) -> Result<Response, Early> {
    let identity = presented(&visit)?;
    let key = find(&web, &visit, identity).await?;
    let revoked = web.store.revoke_key(&visit.by(identity), key.id.as_str()).await;
    let revoked = revoked.map_err(|error| away(&visit, &error))?;
    web.auth.refresh().await;
    Ok(oauth::told(StatusCode::OK, &json!({ "id": revoked.id, "label": revoked.label, "change": "revoked" })))
}

/// The caller, who came with a key. A browser does not send one unasked, so no page of others' makes it act.
fn presented(visit: &Visit) -> Result<&Identity, Early> {
    match &visit.caller.identity {
        Some(identity) if identity.credential.kind == CredentialKind::Key => Ok(identity),
        Some(_) => {
            let detail = "This is about the API key that a program presents: send one, as `Authorization: Bearer`.";
            Err(visit.say(StatusCode::FORBIDDEN, Reason::PermissionDenied, detail).into())
        }
        None => match &visit.caller.rejection {
            Some(rejection) => Err(visit.reject(rejection).into()),
            None => Err(visit.refuse(Reason::AuthenticationRequired).into()),
        },
    }
}

async fn find(web: &WebState, visit: &Visit, identity: &Identity) -> Result<KeyRow, Early> {
    let keys = web.store.list_keys(Some(&identity.principal.name)).await.map_err(|error| away(visit, &error))?;
    let found = keys.into_iter().find(|key| key.id == identity.credential.id);
    found.ok_or_else(|| visit.refuse(Reason::RevokedKey).into())
}

fn place(web: &WebState, identity: &Identity, workspace: &WorkspaceName) -> Value {
    json!({ "workspace": workspace.as_str(), "roles": me::roles(web, &identity.principal, workspace) })
}

fn shown(key: &KeyRow) -> Value {
    json!({
        "id": key.id,
        "label": key.label,
        "created_at": key.created_at.to_rfc3339(),
        "expires_at": key.expires_at.map(Timestamp::to_rfc3339),
        "limits": key.narrowing.as_ref().map(ToString::to_string),
    })
}
