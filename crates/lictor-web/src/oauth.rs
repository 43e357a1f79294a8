//! How does OAuth say no to a program? As RFC 6749 section 5.2 has it, with a code of its own and a sentence.

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::{Value, json};

use crate::answer;

/// `{"error": …, "error_description": …}`
pub(crate) fn error(status: StatusCode, code: &str, description: &str) -> Response {
    told(status, &json!({ "error": code, "error_description": description }))
}

/// Facts for a program, which nobody keeps.
pub(crate) fn told(status: StatusCode, facts: &Value) -> Response {
    let mut response = (status, [(header::CONTENT_TYPE, "application/json")], facts.to_string()).into_response();
    answer::seal(response.headers_mut());
    response
}
