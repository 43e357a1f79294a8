//! How does a person sign in? Name and password for a session; the answer never says which of the two was wrong.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use lictor_model::Reason;

use crate::form::Sent;
use crate::layout::{Layout, Section};
use crate::next::{Asked, Next};
use crate::router::WebState;
use crate::visit::{self, Visit};
use crate::{answer, password};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct Page<'a> {
    layout: Layout<'a>,
    problem: Option<&'a str>,
    name: &'a str,
    next: &'a str,
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
    if !visit.may_sign_in(web.allow_plain_http) {
        return needs_tls(&visit);
    }
    let layout = visit.layout(Section::Alone, asked.done());
    answer::page(StatusCode::OK, &Page { layout, problem: None, name: "", next: next.as_str() })
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
            // A session is never carried over a sign-in: whoever planted the old one learns nothing.
            if let Some(old) = visit.session()
                && let Err(reason) = web.auth.sign_out(old, &origin, request).await
            {
                tracing::warn!(%reason, "the session before a sign-in could not be ended");
            }
            let cookie = answer::session_cookie(signed_in.cookie_value.expose(), visit.caller.secure);
            answer::see_other(&visit.at(&onward(signed_in.must_change, &next)), Some(&cookie))
        }
        Err(reason) => failed(&sent, &next, reason),
    }
}

/// A first password is changed before anything else.
fn onward(must_change: bool, next: &Next) -> String {
    if must_change { next.after(password::PATH) } else { next.as_str().to_owned() }
}

fn failed(sent: &Sent, next: &Next, reason: Reason) -> Response {
    let visit = &sent.visit;
    let problem = match reason.status() {
        401 => "The name or the password is wrong.",
        429 => {
            "Too many failed sign-ins. Wait, then try again: the wait begins at a minute, and doubles up to a quarter of an hour."
        }
        _ => return visit.refuse(reason),
    };
    // Unknown, wrong and disabled look the same from outside, header included.
    let told = if reason.status() == 401 { Reason::InvalidCredentials } else { reason };
    if !visit.reads_html() {
        return visit.refuse(told);
    }
    let status = StatusCode::from_u16(told.status()).unwrap_or(StatusCode::UNAUTHORIZED);
    let layout = visit.layout(Section::Alone, None);
    let page = Page { layout, problem: Some(problem), name: sent.field("name"), next: next.as_str() };
    let mut response = answer::page(status, &page);
    visit::mark(&mut response, told);
    response
}

fn needs_tls(visit: &Visit) -> Response {
    if !visit.reads_html() {
        let detail = "Signing in needs TLS: see [tls], trusted_proxies and allow_plain_http_sessions in lictor.toml.";
        return visit.say(StatusCode::FORBIDDEN, Reason::CrossOrigin, detail);
    }
    answer::page(
        StatusCode::FORBIDDEN,
        &NeedsTls { layout: visit.layout(Section::Alone, None), origin: &visit.caller.origin },
    )
}
