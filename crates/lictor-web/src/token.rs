//! How does a token become a key? By exchange (RFC 8693), for clients that cannot send a token everywhere.

use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use lictor_authn::Rejection;
use lictor_authn::jwt::{Exchanged, Wish};
use lictor_model::{Permission, PermissionSet, Reason, WorkspaceName};
use serde_json::json;

use crate::answer;
use crate::router::WebState;
use crate::visit::{self, Visit};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// What a token may be called. Whatever it is called, it must be an access token or a workload's.
const SUBJECT_TOKENS: [&str; 3] =
    [ACCESS_TOKEN, "urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:id_token"];

/// The form's fields, each once.
struct Fields(Vec<(String, String)>);

/// A "no" as RFC 6749 §5.2 has it.
struct Refused {
    error: &'static str,
    what: String,
    reason: Reason,
}

/// `POST /lictor/token`
pub(crate) async fn submit(
    State(web): State<WebState>,
    visit: Visit,
    form: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Response {
    match exchange(&web, &visit, form).await {
        Ok(given) => given,
        Err(refused) => refused.into_response(),
    }
}

async fn exchange(
    web: &WebState,
    visit: &Visit,
    form: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Result<Response, Refused> {
    // The token is all the proof there is: nobody is a client here, and a second credential would be of somebody else.
    if visit.caller.identity.is_some() || visit.caller.rejection.is_some() {
        return Err(malformed("Send the token as subject_token, and no other credential beside it."));
    }
    let Form(fields) = form.map_err(|_| malformed("Send a form (application/x-www-form-urlencoded)."))?;
    let fields = Fields::read(fields)?;
    let wish = wish(&fields, &web.workspaces)?;
    let (origin, request) = (visit.caller.as_origin(), &visit.caller.request);
    let permissions = wish.permissions;
    match web.auth.exchange(wish, &origin, request).await {
        Ok(exchanged) => Ok(given(&exchanged, permissions)),
        Err(rejection) => {
            web.auth.audit_refusal(&rejection, &origin, request);
            Err(Refused::from(rejection))
        }
    }
}

fn wish<'f>(fields: &'f Fields, workspaces: &[WorkspaceName]) -> Result<Wish<'f>, Refused> {
    match fields.get("grant_type") {
        Some(GRANT) => {}
        Some(_) => return Err(refused("unsupported_grant_type", &format!("The grant_type here is {GRANT}."))),
        None => return Err(malformed("grant_type is missing.")),
    }
    let token = fields.get("subject_token").ok_or_else(|| malformed("subject_token is missing."))?;
    if !fields.get("subject_token_type").is_some_and(|kind| SUBJECT_TOKENS.contains(&kind)) {
        return Err(malformed(&format!("subject_token_type must be one of {}.", SUBJECT_TOKENS.join(", "))));
    }
    if fields.get("requested_token_type").is_some_and(|kind| kind != ACCESS_TOKEN) {
        return Err(malformed(&format!("requested_token_type, if any, must be {ACCESS_TOKEN}.")));
    }
    if fields.get("actor_token").is_some() || fields.get("actor_token_type").is_some() {
        return Err(malformed("actor_token is not taken: nobody acts for another here."));
    }
    if fields.get("resource").is_some() {
        return Err(refused("invalid_target", "Leave resource out; audience names a workspace of this gateway."));
    }
    let permissions = fields.get("scope").map(permissions).transpose()?;
    let workspace = fields.get("audience").map(|name| {
        let known = workspaces.iter().find(|known| known.as_str() == name).cloned();
        known.ok_or_else(|| refused("invalid_target", "audience, if any, names a workspace of this gateway."))
    });
    Ok(Wish { token, permissions, workspace: workspace.transpose()? })
}

/// `see_flows run_deployments`: what the key may do at most.
fn permissions(scope: &str) -> Result<PermissionSet, Refused> {
    let one = |name: &str| {
        let what = "scope names permissions, as \"see_flows run_deployments\", separated by spaces; leave it out for all of the account's.";
        Permission::parse(name).ok_or_else(|| refused("invalid_scope", what))
    };
    scope.split(' ').filter(|name| !name.is_empty()).map(one).collect()
}

fn given(exchanged: &Exchanged, permissions: Option<PermissionSet>) -> Response {
    let mut body = json!({
        "access_token": exchanged.key.expose(),
        "issued_token_type": ACCESS_TOKEN,
        "token_type": "Bearer",
        "expires_in": exchanged.seconds,
    });
    if let (Some(permissions), Some(members)) = (permissions, body.as_object_mut()) {
        let names: Vec<&str> = permissions.iter().map(Permission::as_str).collect();
        members.insert("scope".to_owned(), names.join(" ").into());
    }
    let kind = [(header::CONTENT_TYPE, "application/json")];
    let mut response = (StatusCode::OK, kind, body.to_string()).into_response();
    answer::seal(response.headers_mut());
    response
}

impl Fields {
    /// A parameter that stands twice would be read by each in his own way; one without a value was not sent (RFC 6749 §3.2).
    fn read(fields: Vec<(String, String)>) -> Result<Self, Refused> {
        let twice =
            fields.iter().enumerate().any(|(at, (name, _))| fields.iter().skip(at + 1).any(|(other, _)| other == name));
        if twice { Err(malformed("A parameter stands twice.")) } else { Ok(Self(fields)) }
    }

    fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(field, _)| field == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }
}

fn refused(error: &'static str, what: &str) -> Refused {
    Refused { error, what: what.to_owned(), reason: Reason::MalformedBody }
}

fn malformed(what: &str) -> Refused {
    refused("invalid_request", what)
}

impl From<Rejection> for Refused {
    /// A token that is not accepted is `invalid_request` (RFC 8693 §2.2.2).
    fn from(Rejection { reason, detail, .. }: Rejection) -> Self {
        let error = if reason.status() == 503 { "temporarily_unavailable" } else { "invalid_request" };
        let what = detail.map_or_else(|| reason.advice().to_owned(), |detail| format!("{} {detail}", reason.advice()));
        Self { error, what, reason }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let is_ours = self.reason.status() == 503;
        let status = if is_ours { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::BAD_REQUEST };
        let body = json!({ "error": self.error, "error_description": self.what, "reason": self.reason.code() });
        let kind = [(header::CONTENT_TYPE, "application/json")];
        let mut response = (status, kind, body.to_string()).into_response();
        answer::seal(response.headers_mut());
        visit::mark(&mut response, self.reason, None);
        response
    }
}
