//! How does a person change their password? Knowing the current one; every other session ends with it.

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use http::StatusCode;
use lictor_authn::PasswordChangeError;
use lictor_model::{Identity, PrincipalKind, Reason};

use crate::answer::{self, Early};
use crate::form::Sent;
use crate::next::{Asked, Next};
use crate::router::WebState;
use crate::visit::Visit;

/// Where the page is.
pub(crate) const PATH: &str = "/lictor/account/password";

#[derive(Template)]
#[template(path = "password.html")]
struct Page<'a> {
    name: &'a str,
    forced: bool,
    /// Where to afterwards; empty for the account page.
    next: &'a str,
    current_problem: Option<&'a str>,
    new_problem: Option<&'a str>,
    repeat_problem: Option<&'a str>,
}

/// Which field is wrong, and how.
#[derive(Default)]
struct Problems {
    current: Option<String>,
    new: Option<String>,
    repeat: Option<String>,
}

/// Whether the principal must choose another password before anything else.
pub(crate) fn must_change(web: &WebState, identity: &Identity) -> bool {
    web.auth.view().must_change_password(&identity.principal.id)
}

/// `GET /lictor/account/password`
pub(crate) async fn show(
    State(web): State<WebState>,
    visit: Visit,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Early> {
    let identity = person(&visit, &web)?;
    let next = asked.unwrap_or_default().0.next.map(|next| Next::read(Some(&next)));
    Ok(page(&web, identity, next.as_ref(), &Problems::default()))
}

/// `POST /lictor/account/password`
pub(crate) async fn submit(State(web): State<WebState>, sent: Sent) -> Result<Response, Early> {
    let visit = &sent.visit;
    let identity = person(visit, &web)?;
    let (current, new) = (sent.field("current"), sent.field("new"));
    let next = Some(sent.field("next")).filter(|next| !next.is_empty()).map(|next| Next::read(Some(next)));
    if new != sent.field("repeat") {
        let problems =
            Problems { repeat: Some("This is not the same as the new password.".to_owned()), ..Problems::default() };
        return Ok(page(&web, identity, next.as_ref(), &problems));
    }
    match web.auth.change_password(identity, current, new, &visit.caller.as_origin(), &visit.caller.request).await {
        Ok(fresh) => {
            let cookie = fresh.map(|fresh| answer::session_cookie(fresh.cookie_value.expose(), visit.caller.secure));
            Ok(answer::see_other(next.as_ref().map_or(crate::account::PATH, Next::as_str), cookie.as_deref()))
        }
        Err(error) => {
            let problems = explain(visit, error)?;
            Ok(page(&web, identity, next.as_ref(), &problems))
        }
    }
}

fn explain(visit: &Visit, error: PasswordChangeError) -> Result<Problems, Early> {
    let (current, new) = match error {
        PasswordChangeError::Refused(Reason::InvalidCredentials) => {
            (Some("This is not the current password.".to_owned()), None)
        }
        PasswordChangeError::Refused(reason) => return Err(visit.refuse(reason).into()),
        weak => (None, Some(sentence(&weak.to_string()))),
    };
    Ok(Problems { current, new, repeat: None })
}

/// An error's text as a sentence.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).chain(['.']).collect()).unwrap_or_default()
}

/// The signed-in person: machines have no password, and a password travels only where a sign-in may.
fn person<'v>(visit: &'v Visit, web: &WebState) -> Result<&'v Identity, Early> {
    let identity = visit.identity()?;
    if identity.principal.kind != PrincipalKind::User {
        return Err(visit
            .say(StatusCode::FORBIDDEN, Reason::PermissionDenied, "A service account has no password.")
            .into());
    }
    if !visit.may_sign_in(web.allow_plain_http) {
        return Err(answer::see_other("/lictor/sign-in", None).into());
    }
    Ok(identity)
}

fn page(web: &WebState, identity: &Identity, next: Option<&Next>, problems: &Problems) -> Response {
    let is_good = problems.current.is_none() && problems.new.is_none() && problems.repeat.is_none();
    let status = if is_good { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = Page {
        name: identity.principal.name.as_str(),
        forced: must_change(web, identity),
        next: next.map(Next::as_str).unwrap_or_default(),
        current_problem: problems.current.as_deref(),
        new_problem: problems.new.as_deref(),
        repeat_problem: problems.repeat.as_deref(),
    };
    answer::page(status, &page)
}
