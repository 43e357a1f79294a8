//! What did the form say? Small, URL-encoded, sent by one of our own pages, each field once.

use axum::Form;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::Response;
use http::StatusCode;
use lictor_model::Reason;

use crate::same_origin;
use crate::visit::Visit;

/// Largest form, in bytes.
pub(crate) const LIMIT: usize = 16 * 1024;

/// A form and who sent it.
pub(crate) struct Sent {
    /// Who.
    pub(crate) visit: Visit,
    fields: Vec<(String, String)>,
}

impl Sent {
    /// The field's value; empty when it was not sent.
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    /// All fields, as they were sent.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let visit = Visit::from_request_parts(&mut parts, state).await?;
        // No form at all is nobody's act, and is told so without asking where it came from.
        if !parts.headers.contains_key(http::header::CONTENT_TYPE) {
            return Err(refuse(&visit, StatusCode::BAD_REQUEST));
        }
        same_origin::check(&parts.headers, &visit.caller.origin).map_err(|reason| visit.refuse(reason))?;
        let read = Form::<Vec<(String, String)>>::from_request(Request::from_parts(parts, body), state).await;
        let Form(fields) = read.map_err(|rejection| refuse(&visit, rejection.status()))?;
        // Which of two a reader takes is its own affair.
        let twice =
            fields.iter().enumerate().any(|(at, (name, _))| fields.iter().skip(at + 1).any(|(other, _)| other == name));
        if twice {
            return Err(refuse(&visit, StatusCode::BAD_REQUEST));
        }
        Ok(Self { visit, fields })
    }
}

fn refuse(visit: &Visit, status: StatusCode) -> Response {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => visit.say(status, Reason::BodyTooLarge, "The form is larger than 16 KiB."),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            visit.say(status, Reason::MalformedBody, "Send the form as application/x-www-form-urlencoded.")
        }
        _ => visit.say(StatusCode::BAD_REQUEST, Reason::MalformedBody, "The form is malformed, or has a field twice."),
    }
}
