//! What does Prefect's own UI need from us? Settings that point back here, headers, a script, and a few answers of our own.

mod forward;
mod page;
pub(crate) mod prefix;

use bytes::Bytes;
use http::Response;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use lictor_authz::{BasePath, Matched, Operation, surface};
use lictor_model::{CredentialKind, Identity, Reason};
use serde_json::Value;

use crate::body::ResponseBody;

/// Found to break nothing on the pages of UI v1 and v2: `unsafe-eval` is for the run graph, inline styles for both UIs.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data: blob: https://cdn.sanity.io https://raw.githubusercontent.com; font-src 'self' data:; \
     connect-src 'self'; worker-src 'self' blob:; manifest-src 'self'; frame-ancestors 'none'; base-uri 'self'; \
     form-action 'self'; object-src 'none'",
);
/// `/docs` and `/redoc` of FastAPI load their scripts from a public network and have an inline one.
const DOCUMENTS_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; script-src 'self' 'unsafe-inline' https://cdn.jsdelivr.net; \
     style-src 'self' 'unsafe-inline' https://cdn.jsdelivr.net https://fonts.googleapis.com; \
     font-src 'self' https://fonts.gstatic.com; img-src 'self' data: https://fastapi.tiangolo.com; \
     worker-src 'self' blob:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; \
     object-src 'none'",
);
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Without a hash in its name, a file changes with Prefect's version.
const FOR_A_DAY: HeaderValue = HeaderValue::from_static("public, max-age=86400");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// The headers of pages, settings and documents.
pub(crate) fn dress(operation: &Operation, headers: &mut HeaderMap) {
    let policy = if *operation == surface::ROOT_DOCUMENT { DOCUMENTS_POLICY } else { POLICY };
    harden(headers, policy);
    headers.insert(header::CACHE_CONTROL, NO_STORE);
    // Without validators a browser asks anew, and so learns that its session has ended.
    headers.remove(header::ETAG);
    headers.remove(header::LAST_MODIFIED);
}

/// The headers of a static file. Those under `assets` carry a hash of their content in their name.
fn dress_asset(path: &str, status: u16, headers: &mut HeaderMap) {
    let keep = match status {
        200 | 304 if path.contains("/assets/") => IMMUTABLE,
        200 | 304 => FOR_A_DAY,
        // What is not there today may be there tomorrow.
        _ => NO_STORE,
    };
    headers.insert(header::CACHE_CONTROL, keep);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

fn is_html(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}

fn harden(headers: &mut HeaderMap, policy: HeaderValue) {
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin"));
}

/// Prefect's `/ui-settings` with the API at our own origin and without its password prompt (`server/schemas/ui.py`).
///
/// `None` when it is not the JSON object that it should be.
#[must_use]
fn rewrite_settings(body: &[u8], base: &BasePath) -> Option<Bytes> {
    let mut settings: serde_json::Map<String, Value> = serde_json::from_slice(body).ok()?;
    settings.insert("api_url".to_owned(), Value::from(base.prepended("/api")));
    settings.insert("auth".to_owned(), Value::Null);
    serde_json::to_vec(&settings).ok().map(Bytes::from)
}

/// Whether this is Prefect's UI asking for the server's settings on behalf of a person who may not see them.
pub(crate) fn is_start(matched: &Matched, identity: &Identity, reason: Reason) -> bool {
    identity.credential.kind == CredentialKind::Session
        && reason == Reason::PermissionDenied
        && matched.operation().name() == "GET /admin/settings"
}

/// What a person without `see_workspace_settings` gets for `GET /api/admin/settings`: a 403 would break the UI's start and its
/// settings page, the real answer shows the server's hosts and paths.
#[must_use]
pub(crate) fn reduced_settings() -> Response<ResponseBody> {
    let body = r#"{"server":{"analytics_enabled":false,"ui":{"show_promotional_content":false}}}"#;
    let mut response = Response::new(ResponseBody::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_uis_settings_point_back_here_and_ask_for_no_password() {
        let body = br#"{"api_url":"http://10.0.0.9:4200/api","csrf_enabled":true,"auth":"BASIC","flags":[]}"#;
        let rewritten = String::from_utf8(rewrite_settings(body, &BasePath::default()).unwrap().to_vec()).unwrap();
        assert!(rewritten.contains(r#""api_url":"/api""#) && rewritten.contains(r#""auth":null"#));
        assert!(rewritten.contains(r#""csrf_enabled":true"#));
        assert_eq!(rewrite_settings(b"<html>", &BasePath::default()), None);
        let prefixed = rewrite_settings(body, &BasePath::parse("/prefect/").unwrap()).unwrap();
        assert!(String::from_utf8(prefixed.to_vec()).unwrap().contains(r#""api_url":"/prefect/api""#));
    }
}
