//! How is a leaked key killed by whoever finds it? By its text, without a credential.

use axum::Form;
use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request, State};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use lictor_model::Reason;

use crate::answer;
use crate::router::WebState;
use crate::visit::Visit;

/// Largest report, in bytes: a key has 45.
const LIMIT: usize = 1024;

/// A report, as JSON or as a form.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Report {
    key: String,
}

/// `POST /lictor/report-leak`. Known and unknown keys get the same answer.
pub(crate) async fn submit(State(web): State<WebState>, visit: Visit, request: Request) -> Response {
    let Some(report) = read(request).await else {
        let detail = "Send {\"key\": \"lictor_…\"} as JSON, or the form field key, in at most 1 KiB.";
        return visit.say(StatusCode::BAD_REQUEST, Reason::MalformedBody, detail);
    };
    match web.auth.report_leak(report.key.trim(), &visit.caller.as_origin(), &visit.caller.request).await {
        Ok(()) => accepted(),
        Err(Reason::MistypedKey) => {
            let detail = "This is no whole API key: its check characters do not fit. Report it again as it was found.";
            visit.say(StatusCode::BAD_REQUEST, Reason::MistypedKey, detail)
        }
        Err(reason) => visit.refuse(reason),
    }
}

/// Nothing when it is too large, or not one key.
async fn read(request: Request) -> Option<Report> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, LIMIT).await.ok()?;
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.starts_with("application/x-www-form-urlencoded") {
        let form = Form::<Report>::from_request(Request::from_parts(parts, Body::from(body)), &()).await;
        return form.ok().map(|Form(report)| report);
    }
    serde_json::from_slice(&body).ok()
}

fn accepted() -> Response {
    let body = "{\"detail\":\"Thank you. If this key was good here, it is revoked now.\"}";
    let mut response = (StatusCode::ACCEPTED, [(header::CONTENT_TYPE, "application/json")], body).into_response();
    answer::seal(response.headers_mut());
    response
}
