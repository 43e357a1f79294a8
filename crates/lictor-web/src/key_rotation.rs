//! How does a machine replace its own key? It presents the old one and gets the new one, once.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use lictor_model::{ApiKey, CredentialKind, Identity, PrincipalKind, Reason, Timestamp};
use lictor_store::Rotation;
use serde_json::json;

use crate::answer::{self, Early};
use crate::router::WebState;
use crate::same_origin;
use crate::visit::Visit;

/// `POST /lictor/keys/rotate`
pub(crate) async fn submit(State(web): State<WebState>, visit: Visit, headers: HeaderMap) -> Result<Response, Early> {
    if lictor_authn::session::is_presented(&headers, visit.caller.secure) {
        same_origin::check(&headers, &visit.caller.origin).map_err(|reason| visit.refuse(reason))?;
    }
    let identity = machine(&visit)?;
    let rotated = web.auth.rotate_own_key(identity, &visit.by(identity)).await;
    let (secret, rotation) = rotated.map_err(|reason| visit.refuse(reason))?;
    Ok(made(&secret, &rotation))
}

/// The machine whose key was presented. A person's key is theirs to rotate: whoever stole one must not make it last.
fn machine(visit: &Visit) -> Result<&Identity, Early> {
    let Some(identity) = &visit.caller.identity else {
        let reason =
            visit.caller.rejection.as_ref().map_or(Reason::AuthenticationRequired, |rejection| rejection.reason);
        return Err(visit.refuse(reason).into());
    };
    let is_machine = identity.principal.kind == PrincipalKind::ServiceAccount;
    if is_machine && identity.credential.kind == CredentialKind::Key {
        return Ok(identity);
    }
    let detail = "A service account rotates its own key here, presenting that key. Others use `lictor key rotate`.";
    Err(visit.say(StatusCode::FORBIDDEN, Reason::PermissionDenied, detail).into())
}

fn made(secret: &ApiKey, rotation: &Rotation) -> Response {
    let (old, new) = (&rotation.old, &rotation.new);
    let body = json!({
        "key": secret.expose(),
        "id": new.id,
        "expires_at": new.expires_at.map(Timestamp::to_rfc3339),
        "replaces": { "id": old.id, "good_until": old.expires_at.map(Timestamp::to_rfc3339) },
    });
    let kind = [(header::CONTENT_TYPE, "application/json")];
    let mut response = (StatusCode::CREATED, kind, body.to_string()).into_response();
    answer::seal(response.headers_mut());
    response
}
