//! Is it really you? Asked after the password of whoever has a second factor, and again before sensitive changes.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use lictor_authn::factors::{Asked as Question, FactorError};
use lictor_authn::{Rejection, SignedIn};
use lictor_model::{FactorKind, Identity, Reason};

use crate::answer::{self, Early};
use crate::form::Sent;
use crate::layout::{Layout, Section};
use crate::next::{Asked, Next};
use crate::router::WebState;
use crate::sessions::away;
use crate::sign_in::{self, needs_tls, too_many};
use crate::visit::{self, Visit};

/// Where the page is.
pub(crate) const PATH: &str = "/lictor/confirm";

#[derive(Template)]
#[template(path = "confirm.html")]
struct Page<'a> {
    layout: Layout<'a>,
    /// Whether the person is still signing in.
    is_half: bool,
    name: &'a str,
    next: &'a str,
    problem: Option<&'a str>,
    /// What the code's field is called; empty where there is no code to give.
    code: &'static str,
    passkey: Option<Question>,
    by_password: bool,
}

/// The same for those who must have a second factor, and have none.
#[derive(Template)]
#[template(path = "enrol.html")]
struct Enrol<'a> {
    layout: Layout<'a>,
    name: &'a str,
    totp: String,
    passkey: String,
}

/// `GET /lictor/confirm`
pub(crate) async fn show(State(web): State<WebState>, visit: Visit, asked: Asked) -> Result<Response, Early> {
    let next = Next::read(asked.next.as_deref());
    if !visit.may_sign_in(web.allow_plain_http) {
        return Ok(needs_tls(&visit));
    }
    let (person, is_half) = who(&web, &visit)?;
    if !is_half && web.factors.is_confirmed(&person) {
        return Ok(visit.see_other(next.as_str()));
    }
    if is_half && !web.auth.view().has_factor(&person.principal.id) {
        return Ok(enrol(&web, &visit, &person, &next));
    }
    page(&web, &visit, (&person, is_half), &next, None).await
}

/// `POST /lictor/confirm`
pub(crate) async fn submit(State(web): State<WebState>, sent: Sent) -> Result<Response, Early> {
    let visit = &sent.visit;
    if !visit.may_sign_in(web.allow_plain_http) {
        return Ok(needs_tls(visit));
    }
    let (person, is_half) = who(&web, visit)?;
    let next = Next::read(Some(sent.field("next")));
    let caller = &visit.caller;
    let proved = match (sent.field("code"), sent.field("answer"), sent.field("password")) {
        (code, "", "") if !code.is_empty() => web.factors.prove_by_code(&person, code, caller).await,
        ("", answer, "") if !answer.is_empty() => {
            web.factors.prove_by_passkey(&person, (sent.field("token"), answer), caller).await
        }
        ("", "", password) => web.factors.prove_by_password(&person, password, caller).await,
        _ => Err(FactorError::Refused(Reason::WrongSecondFactor.into())),
    };
    match proved {
        Ok(signed_in) => Ok(onward(visit, &signed_in, &next)),
        Err(error) => page(&web, visit, (&person, is_half), &next, Some(&error)).await,
    }
}

/// On, with the session's other cookie.
pub(crate) fn onward(visit: &Visit, signed_in: &SignedIn, next: &Next) -> Response {
    let cookie = answer::session_cookie(signed_in.cookie_value.expose(), visit.caller.secure);
    answer::see_other(&visit.at(&sign_in::after(signed_in, next)), Some(&cookie))
}

/// Whoever is asked: half signed in, or signed in and asked again.
fn who(web: &WebState, visit: &Visit) -> Result<(Identity, bool), Early> {
    match visit.half(web) {
        Some(half) => Ok((half, true)),
        None => visit.identity().map(|identity| (identity.clone(), false)),
    }
}

fn enrol(web: &WebState, visit: &Visit, person: &Identity, next: &Next) -> Response {
    let passkey = if web.factors.has_passkeys_here(&visit.caller) {
        visit.at(&next.after(crate::factors::passkey::PATH))
    } else {
        String::new()
    };
    let page = Enrol {
        layout: visit.layout(Section::Alone, None),
        name: person.principal.name.as_str(),
        totp: visit.at(&next.after(crate::factors::totp::PATH)),
        passkey,
    };
    answer::page(StatusCode::OK, &page)
}

async fn page(
    web: &WebState,
    visit: &Visit,
    (person, is_half): (&Identity, bool),
    next: &Next,
    error: Option<&FactorError>,
) -> Result<Response, Early> {
    let rejection = error.map(told).transpose().map_err(|rejection| visit.reject(&rejection))?;
    let problem = rejection.as_ref().map(words);
    if let Some(rejection) = rejection.as_ref().filter(|_| !visit.reads_html()) {
        return Ok(visit.reject(rejection));
    }
    let factors = web.store.factors_of(&person.principal.id).await.map_err(|error| away(visit, &error))?;
    let has_app = factors.all.iter().any(|factor| factor.kind == FactorKind::Totp);
    let code = match (has_app, factors.recovery_codes) {
        (true, _) => "Code of your authenticator app, or a recovery code",
        (false, 1..) => "Recovery code",
        (false, 0) => "",
    };
    let asked = web.factors.ask_for_passkey(person, &visit.caller).await;
    let passkey = asked.map_err(|error| crate::factors::refused(visit, &error))?;
    let by_password = !is_half && factors.all.is_empty() && web.auth.view().has_password(&person.principal.id);
    let (layout, name) = (visit.layout(Section::Alone, None), person.principal.name.as_str());
    let page =
        Page { layout, is_half, name, next: next.as_str(), problem: problem.as_deref(), code, passkey, by_password };
    let status = rejection
        .as_ref()
        .map_or(StatusCode::OK, |told| StatusCode::from_u16(told.reason.status()).unwrap_or(StatusCode::UNAUTHORIZED));
    let mut response = answer::page(status, &page);
    if let Some(rejection) = &rejection {
        visit::mark(&mut response, rejection.reason, rejection.retry_after);
    }
    Ok(response)
}

/// What the page says of an error; what it cannot speak of ends the visit.
fn told(error: &FactorError) -> Result<Rejection, Rejection> {
    match error {
        FactorError::Refused(rejection) if matches!(rejection.reason.status(), 401 | 429) => Ok(rejection.clone()),
        FactorError::Refused(rejection) => Err(rejection.clone()),
        _ => Ok(Reason::WrongSecondFactor.into()),
    }
}

fn words(rejection: &Rejection) -> String {
    match rejection.reason {
        Reason::TooManyFailures => too_many(rejection.retry_after),
        Reason::InvalidCredentials => "This is not your password.".to_owned(),
        Reason::SecondFactorRequired => "Your second factor is asked for, and not the password.".to_owned(),
        _ => "This was not accepted: it is wrong, was used before, or came too late. Each code works once.".to_owned(),
    }
}
