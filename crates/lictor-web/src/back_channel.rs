//! What does a provider tell us behind the browser's back? Whose sessions are over (OpenID Connect Back-Channel Logout 1.0).

use axum::Form;
use axum::extract::rejection::{FormRejection, PathRejection};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use lictor_authn::oidc::SignOnError;
use lictor_model::Reason;

use crate::router::WebState;
use crate::visit::{self, Visit};

/// `POST /lictor/sso/{provider}/back-channel-logout`
///
/// Nobody is signed in here, and no page of ours sent it: the token alone proves who speaks.
pub(crate) async fn submit(
    State(web): State<WebState>,
    visit: Visit,
    provider: Result<Path<String>, PathRejection>,
    form: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Response {
    let Ok(Path(provider)) = provider else { return visit.refuse(Reason::NotFound) };
    let fields = form.map(|Form(fields)| fields).unwrap_or_default();
    let mut tokens = fields.iter().filter(|(name, _)| name == "logout_token").map(|(_, value)| value);
    let (Some(token), None) = (tokens.next(), tokens.next()) else {
        return refused(Reason::SignOnRejected, "The form must have one logout_token.");
    };
    let (origin, request) = (visit.caller.as_origin(), &visit.caller.request);
    match web.sign_on.end_by_provider(&provider, token, &origin, request).await {
        Ok(ended) => {
            tracing::info!(provider, ended, "a provider ended sessions");
            (StatusCode::OK, [(header::CACHE_CONTROL, "no-store")]).into_response()
        }
        Err(SignOnError::UnknownProvider) => visit.refuse(Reason::NotFound),
        Err(error) => {
            tracing::warn!(provider, %error, "a provider's logout token was not accepted");
            refused(error.reason(), &error.to_string())
        }
    }
}

/// As §2.8 of the specification wants it: 400 with an error in JSON, or 503 when it cannot be judged now.
fn refused(reason: Reason, detail: &str) -> Response {
    let status = if reason.status() == 503 { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::BAD_REQUEST };
    let body = serde_json::json!({"error": "invalid_request", "error_description": detail, "reason": reason.code()});
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    let mut response = (status, headers, body.to_string()).into_response();
    visit::mark(&mut response, reason, None);
    response
}
