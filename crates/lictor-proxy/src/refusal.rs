//! How is a "no" said? A program gets JSON, a person gets a page, both with the reason's stable code.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use lictor_authn::Rejection;
use lictor_authz::{BasePath, Doors};
use lictor_model::{PermissionSet, Reason, RequestId};

use crate::body::ResponseBody;

/// Carries the reason's code, so that scripts and Prefect's UI can tell our refusals from Prefect's own.
pub const REASON_HEADER: HeaderName = HeaderName::from_static("x-lictor-reason");
/// Seconds after which to try again when the trouble is ours.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("3");

/// A request answered instead of forwarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// Which permissions were lacking, if that was it.
    pub lacking: PermissionSet,
    /// In how many seconds it may be tried again, when that is known.
    pub retry_after: Option<u32>,
    /// What is wrong in particular, in words of ours.
    pub particular: Option<&'static str>,
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self { reason, lacking: PermissionSet::EMPTY, retry_after: None, particular: None }
    }
}

impl From<lictor_authz::Denial> for Refusal {
    fn from(denial: lictor_authz::Denial) -> Self {
        Self { lacking: denial.lacking, ..Self::from(denial.reason) }
    }
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        let Rejection { retry_after, detail: particular, .. } = rejection;
        Self { retry_after, particular, ..Self::from(rejection.reason) }
    }
}

impl Refusal {
    /// What is wrong and what to change, with the lacking permissions named.
    #[must_use]
    pub fn detail(&self) -> String {
        let advice = self.reason.advice();
        if let Some(particular) = self.particular {
            return format!("{advice} {particular}");
        }
        if self.lacking.is_empty() {
            return advice.to_owned();
        }
        let names: Vec<&str> = self.lacking.iter().map(lictor_model::Permission::as_str).collect();
        format!("{advice} Lacking: {}. Ask an owner for a role that has it.", names.join(", "))
    }
}

/// Who asks, as far as the form of the answer goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Reads JSON.
    Program,
    /// Looks at a page.
    Person,
}

impl Audience {
    /// A person is a browser that navigates: `Sec-Fetch-Mode: navigate`, or, where that is absent, one that accepts
    /// HTML. Whatever lies below `/api` is for programs, and so never meets a sign-in redirect.
    #[must_use]
    pub fn of(method: &Method, headers: &HeaderMap, is_api: bool) -> Self {
        if is_api || !(method == Method::GET || method == Method::HEAD) {
            return Self::Program;
        }
        let navigates = match headers.get("sec-fetch-mode") {
            Some(mode) => mode == "navigate",
            None => headers
                .get(header::ACCEPT)
                .and_then(|accept| accept.to_str().ok())
                .is_some_and(|accept| accept.contains("text/html")),
        };
        if navigates { Self::Person } else { Self::Program }
    }
}

/// Answers what was asked with the refusal; `doors` say where clients find us.
#[must_use]
pub fn respond<B>(refusal: &Refusal, request: &RequestId, asked: &Request<B>, doors: &Doors) -> Response<ResponseBody> {
    let base = &doors.base;
    // What to come back to after signing in.
    let next = base.strip_refused(asked.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str));
    let audience = Audience::of(asked.method(), asked.headers(), doors.is_api(&next));
    let needs_sign_in = refusal.reason.status() == 401;
    let mut response = match audience {
        Audience::Person if needs_sign_in => leading_on(&base.prepended("/lictor/sign-in"), &next),
        Audience::Person if refusal.reason == Reason::PasswordChangeRequired => {
            leading_on(&base.prepended("/lictor/account/password"), &next)
        }
        Audience::Person => page(refusal, request, base),
        Audience::Program => json(refusal, request),
    };
    let headers = response.headers_mut();
    headers.insert(REASON_HEADER, HeaderValue::from_static(refusal.reason.code()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    match refusal.reason.status() {
        // Prefect's client then retries without counting the attempt (`client/base.py`), for as long as it takes.
        503 => {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER);
            headers.insert("prefect-maintenance", HeaderValue::from_static("true"));
        }
        429 => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(refusal.retry_after.unwrap_or(60)));
        }
        405 => {
            headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE"));
        }
        _ => {}
    }
    if matches!(refusal.reason, Reason::MalformedFraming | Reason::RequestTimeout | Reason::MalformedUpgrade) {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn with_body(status: u16, content_type: &'static str, body: String) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// `detail` is what Prefect's UI shows, `exception_message` what its client prints.
fn json(refusal: &Refusal, request: &RequestId) -> Response<ResponseBody> {
    let detail = refusal.detail();
    let body = serde_json::json!({
        "detail": detail,
        "exception_message": detail,
        "reason": refusal.reason.code(),
        "request_id": request.as_str(),
    });
    with_body(refusal.reason.status(), "application/json", body.to_string())
}

fn page(refusal: &Refusal, request: &RequestId, base: &BasePath) -> Response<ResponseBody> {
    // Every part is our own text: the prefix, codes, advice, permission names, and a UUID. Nothing of the caller's is shown.
    let body = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{code}</title><link rel=\"stylesheet\" href=\"{base}/lictor/style.css\">\
         <main class=\"card\"><h1>This is not possible</h1><p>{detail}</p>\
         <p class=\"muted\">{code}, request {request}</p><p><a href=\"{base}/lictor/account\">Your account</a></p></main></html>",
        base = base.as_str(),
        code = refusal.reason.code(),
        detail = refusal.detail(),
    );
    let mut response = with_body(refusal.reason.status(), "text/html; charset=utf-8", body);
    let policy = "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'";
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}

/// To one of our pages, and from there to where the person was going.
fn leading_on(page: &str, next: &str) -> Response<ResponseBody> {
    let next = percent_encoding::utf8_percent_encode(next, percent_encoding::NON_ALPHANUMERIC);
    let path = format!("{page}?next={next}");
    let mut response = Response::new(ResponseBody::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    if let Ok(location) = HeaderValue::from_str(&path) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}
