//! How does a session end? In the store first, then in the browser.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use crate::form::Sent;
use crate::layout::{Layout, Section};
use crate::next::Next;
use crate::router::WebState;
use crate::{answer, sign_in};

/// A person who signed in elsewhere is told that they may still be signed in there. A page with a link, and no redirection:
/// a browser holds a form's redirections against `form-action`, which names nobody but us; and whether all else ends as
/// well is the person's choice.
#[derive(Template)]
#[template(path = "signed_out.html")]
struct Page<'a> {
    layout: Layout<'a>,
    label: &'a str,
    location: &'a str,
}

/// `POST /lictor/sign-out`
pub(crate) async fn submit(State(web): State<WebState>, sent: Sent) -> Response {
    let visit = &sent.visit;
    let session = visit.session().cloned().or_else(|| visit.half(&web));
    let elsewhere = match &session {
        Some(session) => web.sign_on.elsewhere(session, &visit.caller.home()).await,
        None => None,
    };
    if let Some(session) = &session
        && let Err(reason) = web.auth.sign_out(session, &visit.caller.as_origin(), &visit.caller.request).await
    {
        return visit.refuse(reason);
    }
    let gone = answer::session_cookie("", visit.caller.secure);
    match elsewhere.filter(|_| visit.reads_html()) {
        Some(elsewhere) => {
            let layout = visit.layout(Section::Alone, None);
            let page = Page { layout, label: &elsewhere.label, location: &elsewhere.location };
            let mut response = answer::page(StatusCode::OK, &page);
            answer::add_cookie(&mut response, &gone);
            response
        }
        None => {
            let next = Some(sent.field("next")).filter(|next| !next.is_empty()).map(|next| Next::read(Some(next)));
            let onward = next.map_or_else(|| sign_in::PATH.to_owned(), |next| next.after(sign_in::PATH));
            answer::see_other(&visit.at(&onward), Some(&gone))
        }
    }
}
