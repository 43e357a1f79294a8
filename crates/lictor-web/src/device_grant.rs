//! How does a program ask for a key, and fetch it? The two endpoints of RFC 8628; a person decides in between.

use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{FromRequestParts, State};
use axum::response::Response;
use http::request::Parts;
use http::{StatusCode, header};
use lictor_authn::devices::{LIFE, PAUSE};
use lictor_model::{ApiKey, Principal, Reason, Timestamp};
use lictor_store::{DeviceAnswer, KeyRow};
use serde_json::json;

use crate::router::WebState;
use crate::visit::Visit;
use crate::{device_page, oauth, workspaces};

/// The only client there is: it has no secret, since everybody can read its source.
const CLIENT: &str = "lictor";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// A program, and no page that a browser shows: another site must not begin a request in a visitor's name.
pub(crate) struct Program(Visit);

impl<S: Send + Sync> FromRequestParts<S> for Program {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let is_page = parts.headers.contains_key("sec-fetch-site") || parts.headers.contains_key(header::ORIGIN);
        let visit = Visit::from_request_parts(parts, state).await?;
        if is_page {
            let detail = "This is for programs, such as `lictor login`; a page cannot ask for a key.";
            return Err(visit.say(StatusCode::FORBIDDEN, Reason::CrossOrigin, detail));
        }
        Ok(Self(visit))
    }
}

/// What a program says when it begins.
#[derive(serde::Deserialize)]
pub(crate) struct Begin {
    client_id: String,
    #[serde(default)]
    label: String,
    #[serde(default)]
    machine: String,
}

/// What it says when it asks.
#[derive(serde::Deserialize)]
pub(crate) struct Ask {
    client_id: String,
    grant_type: String,
    device_code: String,
}

/// `POST /lictor/device/code`
pub(crate) async fn begin(
    State(web): State<WebState>,
    Program(visit): Program,
    form: Result<Form<Begin>, FormRejection>,
) -> Response {
    let Ok(Form(begin)) = form else { return malformed("client_id") };
    if let Some(refusal) = refused(&web, &visit, &begin.client_id) {
        return refusal;
    }
    match web.auth.begin_device_request(&begin.label, &begin.machine, &visit.caller.as_origin()).await {
        Ok(codes) => {
            let page = format!("{}{}", visit.caller.home(), device_page::PATH);
            let facts = json!({
                "device_code": codes.device_code.expose(),
                "user_code": codes.user_code,
                "verification_uri": page,
                "verification_uri_complete": format!("{page}?code={}", codes.user_code),
                "expires_in": LIFE,
                "interval": PAUSE,
            });
            oauth::told(StatusCode::OK, &facts)
        }
        Err(reason) => visit.refuse(reason),
    }
}

/// `POST /lictor/device/token`
pub(crate) async fn answer(
    State(web): State<WebState>,
    Program(visit): Program,
    form: Result<Form<Ask>, FormRejection>,
) -> Response {
    let Ok(Form(ask)) = form else { return malformed("client_id, grant_type and device_code") };
    if let Some(refusal) = refused(&web, &visit, &ask.client_id) {
        return refusal;
    }
    if ask.grant_type != GRANT {
        let description = format!("Send grant_type={GRANT}.");
        return oauth::error(StatusCode::BAD_REQUEST, "unsupported_grant_type", &description);
    }
    let asked = web.auth.ask_device_request(&ask.device_code, &visit.caller.as_origin(), &visit.caller.request).await;
    let no = |code: &str, description: &str| oauth::error(StatusCode::BAD_REQUEST, code, description);
    let answered = match asked {
        Ok(answered) => answered,
        Err(reason) => return visit.refuse(reason),
    };
    match answered.answer {
        DeviceAnswer::Allowed { key, owner } => handed_out(&web, &visit, &answered.secret, &key, &owner),
        DeviceAnswer::Pending => no("authorization_pending", "Nobody has allowed it yet."),
        DeviceAnswer::TooSoon(pause) => {
            let description = format!("Leave {pause} seconds between two questions.");
            no("slow_down", &description)
        }
        DeviceAnswer::Denied => no("access_denied", "It was denied."),
        DeviceAnswer::Expired => no("expired_token", "The code is over: begin again."),
        DeviceAnswer::Unknown => no("invalid_grant", "The code was used, is over, or never was: begin again."),
    }
}

fn malformed(fields: &str) -> Response {
    let description = format!("Send {fields}, once each, as application/x-www-form-urlencoded.");
    oauth::error(StatusCode::BAD_REQUEST, "invalid_request", &description)
}

/// A key does not travel where a password may not.
fn refused(web: &WebState, visit: &Visit, client: &str) -> Option<Response> {
    if client != CLIENT {
        let description = "There is one client here: send client_id=lictor.";
        return Some(oauth::error(StatusCode::UNAUTHORIZED, "invalid_client", description));
    }
    let detail =
        "A key is handed out over TLS: see [tls], trusted_proxies and allow_plain_http_sessions in lictor.toml.";
    let may = visit.may_sign_in(web.allow_plain_http);
    (!may).then(|| visit.say(StatusCode::FORBIDDEN, Reason::CrossOrigin, detail))
}

fn handed_out(web: &WebState, visit: &Visit, secret: &ApiKey, key: &KeyRow, owner: &Principal) -> Response {
    let (mine, now) = (workspaces::of(web, visit, &owner.id), web.clock.now());
    let workspace = workspaces::first_choice(&mine, visit, key.narrowing.as_ref());
    let api = workspace.and_then(|one| one.api(visit)).unwrap_or_else(|| format!("{}/api", visit.caller.home()));
    let facts = json!({
        "access_token": secret.expose(),
        "token_type": "Bearer",
        "expires_in": key.expires_at.map(|end| now.seconds_until(end)),
        "id": key.id,
        "label": key.label,
        "name": owner.name,
        "expires_at": key.expires_at.map(Timestamp::to_rfc3339),
        "api_url": api,
    });
    oauth::told(StatusCode::OK, &facts)
}
