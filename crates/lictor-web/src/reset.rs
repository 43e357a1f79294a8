//! How does somebody come in who forgot their password? By a link that an administrator made: it sets a new one, once.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use lictor_authn::password::policy::MIN_CHARACTERS;
use lictor_authn::reset::ResetError;
use lictor_model::{PrincipalName, Reason};

use crate::answer::{self, Early};
use crate::form::Sent;
use crate::layout::{Done, Layout, Section};
use crate::next::Asked;
use crate::password::Problems;
use crate::router::WebState;
use crate::sign_in::needs_tls;
use crate::visit::Visit;

/// Where the page is. The token stands in the query, which no log of ours holds.
pub const PATH: &str = "/lictor/reset";

#[derive(Template)]
#[template(path = "reset.html")]
struct Page<'a> {
    layout: Layout<'a>,
    name: &'a str,
    token: &'a str,
    least: usize,
    problems: &'a Problems,
}

/// `GET /lictor/reset?token=TOKEN`: looking does not use the link up, since mail programs look too.
pub(crate) async fn show(State(web): State<WebState>, visit: Visit, asked: Asked) -> Result<Response, Early> {
    if !visit.may_sign_in(web.allow_plain_http) {
        return Ok(needs_tls(&visit));
    }
    let token = asked.token.unwrap_or_default();
    let name = web.auth.find_reset_link(&token).await.map_err(|error| refused(&visit, &error))?;
    Ok(page(StatusCode::OK, &visit, &name, &token, &Problems::default()))
}

/// `POST /lictor/reset`
pub(crate) async fn submit(State(web): State<WebState>, sent: Sent) -> Result<Response, Early> {
    let (visit, token, new) = (&sent.visit, sent.field("token"), sent.field("new"));
    if !visit.may_sign_in(web.allow_plain_http) {
        return Ok(needs_tls(visit));
    }
    let name = web.auth.find_reset_link(token).await.map_err(|error| refused(visit, &error))?;
    let again = |problems: &Problems| page(StatusCode::UNPROCESSABLE_ENTITY, visit, &name, token, problems);
    if new != sent.field("repeat") {
        return Ok(again(&Problems::differing()));
    }
    match web.auth.reset_password(token, new, &visit.caller.as_origin(), &visit.caller.request).await {
        Ok(_) => {
            // The person may have been signed in here, with a session that has just ended.
            let gone = answer::session_cookie("", visit.caller.secure);
            let onward = visit.at(&format!("/lictor/sign-in?done={}", Done::PasswordReset.code()));
            Ok(answer::see_other(&onward, Some(&gone)))
        }
        Err(ResetError::Weak(weak)) => Ok(again(&Problems::weak(&weak))),
        Err(error) => Err(refused(visit, &error)),
    }
}

pub(crate) fn refused(visit: &Visit, error: &ResetError) -> Early {
    let reason = match error {
        ResetError::Refused(reason) => *reason,
        ResetError::Ended | ResetError::Weak(_) => Reason::ResetLinkEnded,
    };
    visit.refuse(reason).into()
}

fn page(status: StatusCode, visit: &Visit, name: &PrincipalName, token: &str, problems: &Problems) -> Response {
    let layout = visit.layout(Section::Alone, None);
    answer::page(status, &Page { layout, name: name.as_str(), token, least: MIN_CHARACTERS, problems })
}
