//! How does a person sign in? Name and password for a session; the answer never says which of the two was wrong.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use lictor_authn::{Rejection, SignedIn};
use lictor_model::Reason;

use crate::form::Sent;
use crate::layout::{Layout, Section};
use crate::next::{Asked, Next};
use crate::router::WebState;
use crate::visit::{self, Visit};
use crate::{answer, confirm, passkey_sign_in, password};

/// Where the page is.
pub(crate) const PATH: &str = "/lictor/sign-in";

#[derive(Template)]
#[template(path = "sign_in.html")]
struct Page<'a> {
    layout: Layout<'a>,
    problem: Option<&'a str>,
    /// Whether the problem is with what was typed.
    is_wrong: bool,
    name: &'a str,
    next: &'a str,
    providers: Vec<Way>,
    /// Where to with a passkey; empty where there are none.
    passkey: String,
}

/// A way to sign in at an identity provider.
struct Way {
    label: String,
    path: String,
}

#[derive(Template)]
#[template(path = "needs_tls.html")]
struct NeedsTls<'a> {
    layout: Layout<'a>,
    origin: &'a str,
}

/// `GET /lictor/sign-in`
pub(crate) async fn show(State(web): State<WebState>, visit: Visit, asked: Asked) -> Response {
    let next = Next::read(asked.next.as_deref());
    if let Some(session) = visit.session() {
        return visit.see_other(&onward(password::must_change(&web, session), &next));
    }
    if visit.half(&web).is_some() {
        return visit.see_other(&next.after(confirm::PATH));
    }
    if !visit.may_sign_in(web.allow_plain_http) {
        return needs_tls(&visit);
    }
    let layout = visit.layout(Section::Alone, asked.done());
    let providers = ways(&web, &visit, &next);
    let passkey = passkey_sign_in::link(&web, &visit, &next);
    let page = Page { layout, problem: None, is_wrong: false, name: "", next: next.as_str(), providers, passkey };
    answer::page(StatusCode::OK, &page)
}

/// The page with what went wrong.
pub(crate) fn page(
    web: &WebState,
    visit: &Visit,
    (problem, rejection): (&str, &Rejection),
    name: &str,
    next: &Next,
) -> Response {
    let status = StatusCode::from_u16(rejection.reason.status()).unwrap_or(StatusCode::UNAUTHORIZED);
    let layout = visit.layout(Section::Alone, None);
    let providers = ways(web, visit, next);
    let is_wrong = matches!(rejection.reason, Reason::InvalidCredentials | Reason::TooManyFailures);
    let passkey = passkey_sign_in::link(web, visit, next);
    let page = Page { layout, problem: Some(problem), is_wrong, name, next: next.as_str(), providers, passkey };
    let mut response = answer::page(status, &page);
    visit::mark(&mut response, rejection.reason, rejection.retry_after);
    response
}

fn ways(web: &WebState, visit: &Visit, next: &Next) -> Vec<Way> {
    let way = |button: lictor_authn::oidc::Button| Way {
        label: button.label,
        path: visit.at(&next.after(&format!("/lictor/sso/{}/begin", button.name))),
    };
    web.sign_on.buttons().into_iter().map(way).collect()
}

/// `POST /lictor/sign-in`
pub(crate) async fn submit(State(web): State<WebState>, sent: Sent) -> Response {
    let visit = &sent.visit;
    if !visit.may_sign_in(web.allow_plain_http) {
        return needs_tls(visit);
    }
    let next = Next::read(Some(sent.field("next")));
    let (origin, request) = (visit.caller.as_origin(), &visit.caller.request);
    match web.auth.sign_in(sent.field("name").trim(), sent.field("password"), &origin, request).await {
        Ok(signed_in) => {
            end_the_session_before(&web, visit).await;
            let cookie = answer::session_cookie(signed_in.cookie_value.expose(), visit.caller.secure);
            answer::see_other(&visit.at(&after(&signed_in, &next)), Some(&cookie))
        }
        Err(rejection) => failed(&web, &sent, &next, &rejection),
    }
}

/// A session, whole or half, is never carried over a sign-in: whoever planted the old one learns nothing.
pub(crate) async fn end_the_session_before(web: &WebState, visit: &Visit) {
    let (origin, request) = (visit.caller.as_origin(), &visit.caller.request);
    if let Some(old) = visit.session().cloned().or_else(|| visit.half(web))
        && let Err(reason) = web.auth.sign_out(&old, &origin, request).await
    {
        tracing::warn!(%reason, "the session before a sign-in could not be ended");
    }
}

/// Where to with a new session, or a new cookie: the second factor comes first.
pub(crate) fn after(signed_in: &SignedIn, next: &Next) -> String {
    if signed_in.is_half { next.after(confirm::PATH) } else { onward(signed_in.must_change, next) }
}

/// A first password is changed before anything else.
fn onward(must_change: bool, next: &Next) -> String {
    if must_change { next.after(password::PATH) } else { next.as_str().to_owned() }
}

fn failed(web: &WebState, sent: &Sent, next: &Next, rejection: &Rejection) -> Response {
    let (visit, reason) = (&sent.visit, rejection.reason);
    let problem = match reason.status() {
        _ if reason == Reason::PasswordsClosed => {
            "Passwords are not accepted here. Sign in through one of the providers above.".to_owned()
        }
        401 => "The name or the password is wrong.".to_owned(),
        429 => too_many(rejection.retry_after),
        _ => return visit.refuse(reason),
    };
    // Unknown, wrong and disabled look the same from outside, header included.
    let told =
        if reason.status() == 401 && reason != Reason::PasswordsClosed { Reason::InvalidCredentials } else { reason };
    if !visit.reads_html() {
        return visit.reject(&Rejection { reason: told, ..rejection.clone() });
    }
    page(web, visit, (&problem, &Rejection { reason: told, ..rejection.clone() }), sent.field("name"), next)
}

/// How long to wait, in words.
pub(crate) fn too_many(seconds: Option<u32>) -> String {
    let seconds = seconds.unwrap_or(60);
    let wait = match (seconds, seconds.div_ceil(60)) {
        (1, _) => "a second".to_owned(),
        (2..=90, _) => format!("{seconds} seconds"),
        (_, minutes) => format!("{minutes} minutes"),
    };
    format!("Too many failed sign-ins. Try again in {wait}, or ask an administrator. Open sessions and API keys go on.")
}

/// Says what keeps a password from being asked for here.
pub(crate) fn needs_tls(visit: &Visit) -> Response {
    if !visit.reads_html() {
        let detail = "Signing in needs TLS: see [tls], trusted_proxies and allow_plain_http_sessions in lictor.toml.";
        return visit.say(StatusCode::FORBIDDEN, Reason::CrossOrigin, detail);
    }
    answer::page(
        StatusCode::FORBIDDEN,
        &NeedsTls { layout: visit.layout(Section::Alone, None), origin: &visit.caller.origin },
    )
}
