//! What does every page carry? Headers that leave a browser nothing foreign to run, to store, to frame or to tell others.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use http::header::{self, HeaderValue};
use http::{HeaderMap, StatusCode};

/// Our pages load our style sheet, our script, our mark and Prefect's font, and send forms to us: nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; \
                      form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'";

/// An answer that ends the work on a request early; boxed, since answers are large and rarely so.
#[derive(Debug)]
pub(crate) struct Early(Box<Response>);

impl From<Response> for Early {
    fn from(response: Response) -> Self {
        Self(Box::new(response))
    }
}

impl IntoResponse for Early {
    fn into_response(self) -> Response {
        *self.0
    }
}

/// The rendered page.
pub(crate) fn page(status: StatusCode, template: &impl Template) -> Response {
    let mut response = match template.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    };
    seal(response.headers_mut());
    response
}

/// The rendered page, whose script may speak to one origin besides ours: a program on the visitor's own machine.
pub(crate) fn page_beside(status: StatusCode, template: &impl Template, origin: &str) -> Response {
    let mut response = page(status, template);
    if let Ok(policy) = HeaderValue::from_str(&format!("{POLICY}; connect-src {origin}")) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// Sends the browser on with `GET`, setting the cookie if there is one.
pub(crate) fn see_other(path: &str, cookie: Option<&str>) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let location = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(header::LOCATION, location);
    if let Some(mut cookie) = cookie.and_then(|cookie| HeaderValue::from_str(cookie).ok()) {
        cookie.set_sensitive(true);
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    seal(response.headers_mut());
    response
}

/// Sets a further cookie.
pub(crate) fn add_cookie(response: &mut Response, cookie: &str) {
    if let Ok(mut cookie) = HeaderValue::from_str(cookie) {
        cookie.set_sensitive(true);
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

/// The headers of every answer of ours.
pub(crate) fn seal(headers: &mut HeaderMap) {
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// The session's cookie with its value; an empty value ends it in the browser.
pub(crate) fn session_cookie(value: &str, secure: bool) -> String {
    let name = lictor_authn::session::cookie_name(secure);
    let over_tls = if secure { "; Secure" } else { "" };
    let end = if value.is_empty() { "; Max-Age=0" } else { "" };
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{over_tls}{end}")
}
