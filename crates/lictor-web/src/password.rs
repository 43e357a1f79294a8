//! How does a person change their password? Knowing the current one; every other session ends with it.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use lictor_authn::PasswordChangeError;
use lictor_authn::password::policy::MIN_CHARACTERS;
use lictor_model::{Identity, PrincipalKind, Reason};

use crate::answer::{self, Early};
use crate::form::Sent;
use crate::layout::{Done, Layout, Section};
use crate::next::{Asked, Next};
use crate::router::WebState;
use crate::visit::Visit;

/// Where the page is.
pub(crate) const PATH: &str = "/lictor/account/password";

#[derive(Template)]
#[template(path = "password.html")]
struct Page<'a> {
    layout: Layout<'a>,
    /// Where to afterwards; empty for this page again.
    next: &'a str,
    least: usize,
    problems: &'a Problems,
}

/// The same before anything else.
#[derive(Template)]
#[template(path = "first_password.html")]
struct FirstPage<'a> {
    layout: Layout<'a>,
    next: &'a str,
    least: usize,
    problems: &'a Problems,
}

/// Nothing to change: the person signs in elsewhere.
#[derive(Template)]
#[template(path = "no_password.html")]
struct NonePage<'a> {
    layout: Layout<'a>,
}

/// Which field is wrong, and how.
#[derive(Default)]
pub(crate) struct Problems {
    pub(crate) current: Option<String>,
    pub(crate) new: Option<String>,
    pub(crate) repeat: Option<String>,
}

impl Problems {
    /// Of the second new password: it is another than the first.
    pub(crate) fn differing() -> Self {
        Self { repeat: Some("This is not the same as the new password.".to_owned()), ..Self::default() }
    }

    /// Of the new password.
    pub(crate) fn weak(error: &impl std::fmt::Display) -> Self {
        Self { new: Some(sentence(&error.to_string())), ..Self::default() }
    }
}

/// Whether the principal must choose another password before anything else.
pub(crate) fn must_change(web: &WebState, identity: &Identity) -> bool {
    web.auth.view().must_change_password(&identity.principal.id)
}

/// `GET /lictor/account/password`
pub(crate) async fn show(State(web): State<WebState>, visit: Visit, asked: Asked) -> Result<Response, Early> {
    let identity = person(&visit, &web)?;
    confirmed(&visit, &web, identity)?;
    let next = asked.next.as_deref().map(|next| Next::read(Some(next)));
    let layout = visit.layout(Section::Password, asked.done());
    if !web.auth.view().has_password(&identity.principal.id) {
        return Ok(answer::page(StatusCode::OK, &NonePage { layout }));
    }
    Ok(page(StatusCode::OK, layout, must_change(&web, identity), next.as_ref(), &Problems::default()))
}

/// `POST /lictor/account/password`
pub(crate) async fn submit(State(web): State<WebState>, sent: Sent) -> Result<Response, Early> {
    let visit = &sent.visit;
    let identity = person(visit, &web)?;
    confirmed(visit, &web, identity)?;
    let (current, new) = (sent.field("current"), sent.field("new"));
    let next = Some(sent.field("next")).filter(|next| !next.is_empty()).map(|next| Next::read(Some(next)));
    let forced = must_change(&web, identity);
    let again = |problems: &Problems| {
        let layout = visit.layout(Section::Password, None);
        page(StatusCode::UNPROCESSABLE_ENTITY, layout, forced, next.as_ref(), problems)
    };
    if new != sent.field("repeat") {
        return Ok(again(&Problems::differing()));
    }
    match web.auth.change_password(identity, current, new, &visit.caller.as_origin(), &visit.caller.request).await {
        Ok(fresh) => {
            let cookie = fresh.map(|fresh| answer::session_cookie(fresh.cookie_value.expose(), visit.caller.secure));
            let told = format!("{PATH}?done={}", Done::PasswordChanged.code());
            let onward = visit.at(next.as_ref().map_or(&told, Next::as_str));
            Ok(answer::see_other(&onward, cookie.as_deref()))
        }
        Err(error) => Ok(again(&explain(visit, error)?)),
    }
}

fn explain(visit: &Visit, error: PasswordChangeError) -> Result<Problems, Early> {
    match error {
        PasswordChangeError::Refused(rejection) if rejection.reason == Reason::InvalidCredentials => {
            Ok(Problems { current: Some("This is not the current password.".to_owned()), ..Problems::default() })
        }
        PasswordChangeError::Refused(rejection) => Err(visit.reject(&rejection).into()),
        weak => Ok(Problems::weak(&weak)),
    }
}

/// An error's text as a sentence.
pub(crate) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).chain(['.']).collect()).unwrap_or_default()
}

/// The current password is asked for anyway; whoever has a second factor gives it too, so that a stolen cookie and a
/// guessed password are not enough.
fn confirmed(visit: &Visit, web: &WebState, identity: &Identity) -> Result<(), Early> {
    if web.auth.view().has_factor(&identity.principal.id) && !must_change(web, identity) {
        visit.confirmed(web, PATH)?;
    }
    Ok(())
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
        return Err(visit.see_other("/lictor/sign-in").into());
    }
    Ok(identity)
}

fn page(status: StatusCode, layout: Layout<'_>, forced: bool, next: Option<&Next>, problems: &Problems) -> Response {
    let (next, least) = (next.map(Next::as_str).unwrap_or_default(), MIN_CHARACTERS);
    if forced {
        answer::page(status, &FirstPage { layout, next, least, problems })
    } else {
        answer::page(status, &Page { layout, next, least, problems })
    }
}
