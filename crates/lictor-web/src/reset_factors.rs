//! How does somebody come in whose devices and recovery codes are all gone? By a link that an administrator made: it takes the
//! second factors away, once; the password is still asked for.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use crate::answer::{self, Early};
use crate::form::Sent;
use crate::layout::{Done, Layout, Section};
use crate::next::Asked;
use crate::reset::refused;
use crate::router::WebState;
use crate::sign_in::needs_tls;
use crate::visit::Visit;

/// Where the page is. The token stands in the query, which no log of ours holds.
pub const PATH: &str = "/lictor/reset-factors";

#[derive(Template)]
#[template(path = "reset_factors.html")]
struct Page<'a> {
    layout: Layout<'a>,
    name: &'a str,
    token: &'a str,
}

/// `GET /lictor/reset-factors?token=TOKEN`: looking does not use the link up, since mail programs look too.
pub(crate) async fn show(State(web): State<WebState>, visit: Visit, asked: Asked) -> Result<Response, Early> {
    if !visit.may_sign_in(web.allow_plain_http) {
        return Ok(needs_tls(&visit));
    }
    let token = asked.token.unwrap_or_default();
    let name = web.auth.find_factor_reset_link(&token).await.map_err(|error| refused(&visit, &error))?;
    let page = Page { layout: visit.layout(Section::Alone, None), name: name.as_str(), token: &token };
    Ok(answer::page(StatusCode::OK, &page))
}

/// `POST /lictor/reset-factors`
pub(crate) async fn submit(State(web): State<WebState>, sent: Sent) -> Result<Response, Early> {
    let visit = &sent.visit;
    if !visit.may_sign_in(web.allow_plain_http) {
        return Ok(needs_tls(visit));
    }
    let (origin, request) = (visit.caller.as_origin(), &visit.caller.request);
    let reset = web.auth.reset_factors(sent.field("token"), &origin, request).await;
    reset.map_err(|error| refused(visit, &error))?;
    // The person may have been signed in here, with a session that has just ended.
    let gone = answer::session_cookie("", visit.caller.secure);
    let onward = visit.at(&format!("/lictor/sign-in?done={}", Done::FactorsReset.code()));
    Ok(answer::see_other(&onward, Some(&gone)))
}
