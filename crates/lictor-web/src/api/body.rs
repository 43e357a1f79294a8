//! What does the body say? One JSON object that reads one way, with the fields that are asked for and no other.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::Response;
use http::{HeaderMap, StatusCode, header};
use lictor_model::{Reason, strict_json};
use serde::de::DeserializeOwned;

use crate::api::asker::Asker;
use crate::router::WebState;
use crate::visit::Visit;

/// Who asks, and for what. Whether they may is the operation's affair, which puts a refusal on record.
pub(crate) struct Sent<T> {
    pub(crate) asker: Asker,
    pub(crate) body: T,
}

/// Who asks, and how their list is to be: the query, in which no unknown name may stand.
pub(crate) struct Asked<T> {
    pub(crate) asker: Asker,
    pub(crate) query: T,
}

impl<T: DeserializeOwned + Send> FromRequest<WebState> for Sent<T> {
    type Rejection = Response;

    async fn from_request(request: Request, web: &WebState) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let asker = Asker::from_request_parts(&mut parts, web).await?;
        if !is_json(&parts.headers) {
            let detail = "Send the body as application/json.";
            return Err(asker.visit.tell(StatusCode::UNSUPPORTED_MEDIA_TYPE, Reason::MalformedBody, detail));
        }
        let read = Bytes::from_request(Request::from_parts(parts, body), web).await;
        let bytes = read.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                let detail = "The body is larger than 16 KiB.";
                asker.visit.tell(StatusCode::PAYLOAD_TOO_LARGE, Reason::BodyTooLarge, detail)
            }
            _ => malformed(&asker.visit, Reason::MalformedBody.advice()),
        })?;
        let value = strict_json::read(&bytes).ok_or_else(|| malformed(&asker.visit, Reason::MalformedBody.advice()))?;
        let body = serde_json::from_value(value)
            .map_err(|error| malformed(&asker.visit, &format!("The body is not as described: {error}.")))?;
        Ok(Self { asker, body })
    }
}

fn malformed(visit: &Visit, detail: &str) -> Response {
    visit.tell(StatusCode::BAD_REQUEST, Reason::MalformedBody, detail)
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut kinds = headers.get_all(header::CONTENT_TYPE).iter();
    let only = kinds.next().filter(|_| kinds.next().is_none()).and_then(|kind| kind.to_str().ok());
    let essence = only.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

impl<T: DeserializeOwned + Send> FromRequestParts<WebState> for Asked<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut http::request::Parts, web: &WebState) -> Result<Self, Response> {
        let asker = Asker::from_request_parts(parts, web).await?;
        let read = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        let axum::extract::Query(query) = read.map_err(|rejection| {
            let detail = format!("The query is not as described: {}.", rejection.body_text());
            asker.visit.tell(StatusCode::BAD_REQUEST, Reason::MalformedQuery, &detail)
        })?;
        Ok(Self { asker, query })
    }
}
