//! Who visits a page of ours, and in which form do they read an answer?

use std::net::IpAddr;

use askama::Template;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::header::{self, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{HeaderName, StatusCode};
use lictor_authn::{Caller, Rejection};
use lictor_model::{CredentialKind, Identity, Reason};
use lictor_store::By;

use crate::answer::{self, Early};
use crate::api::refusal::Refusal;
use crate::layout::{Done, Layout, Section};
use crate::next::Next;
use crate::router::WebState;

const REASON: HeaderName = HeaderName::from_static("x-lictor-reason");

/// One request to one of our pages.
#[derive(Clone)]
pub(crate) struct Visit {
    /// Who.
    pub(crate) caller: Caller,
    reads_html: bool,
}

#[derive(Template)]
#[template(path = "message.html")]
struct Message<'a> {
    layout: Layout<'a>,
    title: &'a str,
    detail: &'a str,
    code: &'a str,
    request: &'a str,
}

impl<S: Send + Sync> FromRequestParts<S> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let Some(caller) = parts.extensions.get::<Caller>() else {
            tracing::error!("a page was asked for without its caller");
            return Err(StatusCode::SERVICE_UNAVAILABLE.into_response());
        };
        Ok(Self { caller: caller.clone(), reads_html: reads_html(&parts.headers) })
    }
}

fn reads_html(headers: &HeaderMap) -> bool {
    headers.get_all(header::ACCEPT).iter().any(|accept| accept.to_str().is_ok_and(|text| text.contains("text/html")))
}

impl Visit {
    /// The signed-in person. A key is never good for a page: whoever holds one is a program.
    ///
    /// # Errors
    /// The answer: a person is sent to sign in, a program is told.
    pub(crate) fn identity(&self) -> Result<&Identity, Early> {
        self.identity_then(&Next::read(Some(crate::account::PATH)))
    }

    /// The same for a page to which one comes back after signing in.
    fn identity_then(&self, next: &Next) -> Result<&Identity, Early> {
        if self.caller.identity.is_some() && self.session().is_none() {
            let detail = "This page is for a signed-in browser; an API key or a password in a header does not open it.";
            return Err(self.say(StatusCode::FORBIDDEN, Reason::PermissionDenied, detail).into());
        }
        self.session().ok_or_else(|| {
            let none = Rejection::from(Reason::AuthenticationRequired);
            let rejection = self.caller.rejection.as_ref().unwrap_or(&none);
            if self.reads_html && rejection.reason == Reason::SecondFactorRequired {
                self.see_other(&next.after(crate::confirm::PATH)).into()
            } else if self.reads_html && rejection.reason.status() == 401 {
                self.see_other(&next.after(crate::sign_in::PATH)).into()
            } else {
                self.reject(rejection).into()
            }
        })
    }

    /// The signed-in person, who has chosen a password of their own: otherwise that comes first.
    ///
    /// # Errors
    /// The answer that stands in the way.
    pub(crate) fn person(&self, web: &WebState) -> Result<&Identity, Early> {
        let identity = self.identity()?;
        if web.auth.view().must_change_password(&identity.principal.id) {
            return Err(self.see_other(crate::password::PATH).into());
        }
        Ok(identity)
    }

    /// The same for a page to which one comes back from either.
    ///
    /// # Errors
    /// The answer that stands in the way.
    pub(crate) fn person_then(&self, web: &WebState, next: &Next) -> Result<&Identity, Early> {
        let identity = self.identity_then(next)?;
        if web.auth.view().must_change_password(&identity.principal.id) {
            return Err(self.see_other(&next.after(crate::password::PATH)).into());
        }
        Ok(identity)
    }

    /// The signed-in person, who has proved who they are a short while ago: otherwise that comes first, and leads back
    /// to the page. For whatever a stolen cookie must not be enough for.
    ///
    /// # Errors
    /// The answer that stands in the way.
    pub(crate) fn confirmed(&self, web: &WebState, page: &str) -> Result<&Identity, Early> {
        let identity = self.person(web)?;
        if web.factors.is_confirmed(identity) {
            return Ok(identity);
        }
        if self.reads_html {
            return Err(self.see_other(&Next::read(Some(page)).after(crate::confirm::PATH)).into());
        }
        Err(self.refuse(Reason::ConfirmationRequired).into())
    }

    /// Whose half session it is that the caller came with: it is good for giving the second factor, and nothing else.
    pub(crate) fn half(&self, web: &WebState) -> Option<Identity> {
        self.caller.rejection.as_ref().and_then(|rejection| web.factors.half(rejection))
    }

    /// The caller's session, if that is what they came with.
    pub(crate) fn session(&self) -> Option<&Identity> {
        self.caller.identity.as_ref().filter(|identity| identity.credential.kind == CredentialKind::Session)
    }

    /// A path of ours, or of Prefect's, as this browser must ask for it.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.caller.base)
    }

    /// Sends the browser on to a path of ours or of Prefect's.
    pub(crate) fn see_other(&self, path: &str) -> Response {
        answer::see_other(&self.at(path), None)
    }

    /// Sends the browser on to a page that says what was done.
    pub(crate) fn done(&self, path: &str, done: Done) -> Response {
        self.see_other(&format!("{path}?done={}", done.code()))
    }

    /// The frame of a page.
    pub(crate) fn layout(&self, here: Section, done: Option<Done>) -> Layout<'_> {
        let session = self.session();
        let name = session.map_or("", |session| session.principal.name.as_str());
        let viewing = session.and_then(|session| session.viewing.as_ref()).map_or("", |viewed| viewed.name.as_str());
        Layout { base: &self.caller.base, name, viewing, here, done }
    }

    /// Whether a password may be sent from where this browser is: over TLS, on this machine, or as configured.
    pub(crate) fn may_sign_in(&self, allow_plain_http: bool) -> bool {
        self.caller.secure
            || allow_plain_http
            || (self.caller.client_ip.is_loopback() && is_loopback(&self.caller.origin))
    }

    /// The caller as the author of a change.
    pub(crate) fn by(&self, identity: &Identity) -> By {
        By::caller(identity, self.caller.client_ip.to_string(), Some(self.caller.request.clone()))
    }

    /// Answers with the reason, in words of its own.
    pub(crate) fn refuse(&self, reason: Reason) -> Response {
        let status = StatusCode::from_u16(reason.status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        self.say(status, reason, reason.advice())
    }

    /// Answers with why a credential was rejected, and when it may be tried again.
    pub(crate) fn reject(&self, rejection: &Rejection) -> Response {
        let reason = rejection.reason;
        let status = StatusCode::from_u16(reason.status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        let particular = rejection.detail.map(|detail| format!("{} {detail}", reason.advice()));
        let mut response = self.say(status, reason, particular.as_deref().unwrap_or(reason.advice()));
        mark(&mut response, rejection.reason, rejection.retry_after);
        response
    }

    /// Answers with the reason in these words.
    pub(crate) fn say(&self, status: StatusCode, reason: Reason, detail: &str) -> Response {
        if !self.reads_html {
            return self.tell(status, reason, detail);
        }
        let mut response = {
            let request = self.caller.request.as_str();
            let layout = self.layout(Section::Alone, None);
            answer::page(status, &Message { layout, title: title(status), detail, code: reason.code(), request })
        };
        answer::seal(response.headers_mut());
        mark(&mut response, reason, None);
        response
    }

    /// Answers a program with the reason in these words, whatever it says that it reads.
    pub(crate) fn tell(&self, status: StatusCode, reason: Reason, detail: &str) -> Response {
        let refusal = Refusal {
            detail: detail.to_owned(),
            exception_message: detail.to_owned(),
            reason: reason.code().to_owned(),
            request_id: self.caller.request.to_string(),
        };
        // Plain data, and so always JSON.
        let body = serde_json::to_string(&refusal).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, "application/json")], body).into_response();
        answer::seal(response.headers_mut());
        mark(&mut response, reason, None);
        response
    }

    /// Whether the caller reads pages.
    pub(crate) const fn reads_html(&self) -> bool {
        self.reads_html
    }
}

/// Puts the reason's code, and when to come back, into the headers.
pub(crate) fn mark(response: &mut Response, reason: Reason, retry_after: Option<u32>) {
    let headers = response.headers_mut();
    headers.insert(REASON, HeaderValue::from_static(reason.code()));
    match reason.status() {
        429 => headers.insert(header::RETRY_AFTER, HeaderValue::from(retry_after.unwrap_or(60))),
        503 => headers.insert(header::RETRY_AFTER, HeaderValue::from_static("3")),
        _ => None,
    };
}

const fn title(status: StatusCode) -> &'static str {
    match status.as_u16() {
        403 => "This is not allowed",
        404 => "There is no such page",
        410 => "This link has ended",
        405 => "This page takes no such request",
        429 => "Too many attempts",
        500..=599 => "This is not possible at the moment",
        _ => "This is not possible",
    }
}

/// Whether the browser was pointed at this machine: a proxy on this machine that hides its clients names another host.
fn is_loopback(origin: &str) -> bool {
    let authority = origin.split_once("://").map_or(origin, |(_, authority)| authority);
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod unit {
    use super::is_loopback;

    #[test]
    fn only_names_of_this_machine_are_loopback() {
        for origin in
            ["http://localhost:4300", "http://127.0.0.1:4300", "http://[::1]:4300", "http://[::1]", "http://LOCALHOST"]
        {
            assert!(is_loopback(origin), "{origin}");
        }
        for origin in
            ["http://gate.example", "http://localhost.evil.example", "http://10.0.0.1:80", "http://127.0.0.1.evil:1"]
        {
            assert!(!is_loopback(origin), "{origin}");
        }
    }
}
