//! How does a person sign in with a passkey alone? The browser asks for it, and the passkey says whose it is.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use lictor_authn::Rejection;
use lictor_authn::factors::{Asked as Question, FactorError};
use lictor_model::Reason;

use crate::answer::{self, Early};
use crate::form::Sent;
use crate::layout::{Layout, Section};
use crate::next::{Asked, Next};
use crate::router::WebState;
use crate::sign_in::{self, needs_tls};
use crate::visit::{self, Visit};
use crate::{confirm, factors};

/// Where the page is.
pub(crate) const PATH: &str = "/lictor/sign-in/passkey";

#[derive(Template)]
#[template(path = "passkey_sign_in.html")]
struct Page<'a> {
    layout: Layout<'a>,
    next: &'a str,
    back: String,
    problem: Option<&'a str>,
    passkey: Question,
}

/// The way here from the sign-in page; empty where browsers have no passkeys.
pub(crate) fn link(web: &WebState, visit: &Visit, next: &Next) -> String {
    if web.factors.has_passkeys_here(&visit.caller) { visit.at(&next.after(PATH)) } else { String::new() }
}

/// `GET /lictor/sign-in/passkey`
pub(crate) async fn show(State(web): State<WebState>, visit: Visit, asked: Asked) -> Result<Response, Early> {
    let next = Next::read(asked.next.as_deref());
    if visit.session().is_some() {
        return Ok(visit.see_other(&next.after(sign_in::PATH)));
    }
    if !visit.may_sign_in(web.allow_plain_http) {
        return Ok(needs_tls(&visit));
    }
    page(&web, &visit, &next, None).await
}

/// `POST /lictor/sign-in/passkey`
pub(crate) async fn submit(State(web): State<WebState>, sent: Sent) -> Result<Response, Early> {
    let visit = &sent.visit;
    if !visit.may_sign_in(web.allow_plain_http) {
        return Ok(needs_tls(visit));
    }
    let next = Next::read(Some(sent.field("next")));
    match web.factors.sign_in_by_passkey((sent.field("token"), sent.field("answer")), &visit.caller).await {
        Ok(signed_in) => {
            sign_in::end_the_session_before(&web, visit).await;
            Ok(confirm::onward(visit, &signed_in, &next))
        }
        Err(FactorError::Refused(rejection)) if rejection.reason.status() != 401 => {
            Err(visit.reject(&rejection).into())
        }
        // Whose it is, and why it was not accepted, is told to nobody.
        Err(FactorError::Refused(_) | FactorError::Over) => {
            page(&web, visit, &next, Some(&Reason::WrongSecondFactor.into())).await
        }
        Err(error) => Err(factors::refused(visit, &error)),
    }
}

async fn page(web: &WebState, visit: &Visit, next: &Next, rejection: Option<&Rejection>) -> Result<Response, Early> {
    if let Some(rejection) = rejection.filter(|_| !visit.reads_html()) {
        return Ok(visit.reject(rejection));
    }
    let passkey = web.factors.ask_anybody(&visit.caller).await.map_err(|error| factors::refused(visit, &error))?;
    let problem = rejection.map(|_| "This passkey does not sign in here. Sign in with your name and password.");
    let (layout, back) = (visit.layout(Section::Alone, None), visit.at(&next.after(sign_in::PATH)));
    let page = Page { layout, next: next.as_str(), back, problem, passkey };
    let status = if rejection.is_some() { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
    let mut response = answer::page(status, &page);
    if let Some(rejection) = rejection {
        visit::mark(&mut response, rejection.reason, None);
    }
    Ok(response)
}
