//! Which second factors have I? Listed with their last use; added, removed; and recovery codes for when all are lost.

pub(crate) mod passkey;
pub(crate) mod remove;
pub(crate) mod totp;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use lictor_authn::factors::{Enrolled, FactorError};
use lictor_model::{FactorKind, Identity, Reason, Secret};
use lictor_store::FactorRow;

use crate::answer::{self, Early};
use crate::form::Sent;
use crate::layout::{Done, Layout, Section};
use crate::next::{Asked, Next};
use crate::router::WebState;
use crate::sessions::away;
use crate::visit::Visit;
use crate::when::minute;
use crate::{confirm, sign_in};

/// Where the page is.
pub(crate) const PATH: &str = "/lictor/account/factors";
/// Where recovery codes are made.
pub(crate) const CODES_PATH: &str = "/lictor/account/factors/codes";

#[derive(Template)]
#[template(path = "factors.html")]
struct Page<'a> {
    layout: Layout<'a>,
    factors: Vec<Shown>,
    recovery_codes: usize,
    is_required: bool,
    has_passkeys_here: bool,
}

/// A factor as the pages show it.
struct Shown {
    id: String,
    label: String,
    kind: &'static str,
    made: String,
    last_use: String,
}

#[derive(Template)]
#[template(path = "recovery_codes.html")]
struct Codes<'a> {
    layout: Layout<'a>,
    codes: Vec<&'a str>,
    /// Whether they came with a factor that has just been added.
    is_first: bool,
    onward: String,
}

/// `GET /lictor/account/factors`
pub(crate) async fn show(State(web): State<WebState>, visit: Visit, asked: Asked) -> Result<Response, Early> {
    let identity = visit.person(&web)?;
    let factors = web.store.factors_of(&identity.principal.id).await.map_err(|error| away(&visit, &error))?;
    let page = Page {
        layout: visit.layout(Section::Factors, asked.done()),
        factors: factors.all.iter().map(shown).collect(),
        recovery_codes: factors.recovery_codes,
        is_required: web.auth.view().must_have_factor(&identity.principal.id),
        has_passkeys_here: web.factors.has_passkeys_here(&visit.caller),
    };
    Ok(answer::page(StatusCode::OK, &page))
}

/// `POST /lictor/account/factors/codes`
pub(crate) async fn new_codes(State(web): State<WebState>, sent: Sent) -> Result<Response, Early> {
    let visit = &sent.visit;
    let identity = visit.confirmed(&web, PATH)?;
    let made = web.factors.new_recovery_codes(identity, &visit.caller).await;
    let codes = made.map_err(|error| refused(visit, &error))?;
    Ok(codes_page(visit.layout(Section::Factors, None), &codes, false, visit.at(PATH)))
}

/// Who may add a factor: whoever is signed in and has proved it a short while ago; and those who must have one before
/// anything else, which they have just given their password for.
fn enroller(web: &WebState, visit: &Visit, page: &str) -> Result<Identity, Early> {
    if !visit.may_sign_in(web.allow_plain_http) {
        return Err(sign_in::needs_tls(visit).into());
    }
    match visit.half(web) {
        Some(half) if web.auth.view().has_factor(&half.principal.id) => Err(visit.see_other(confirm::PATH).into()),
        Some(half) => Ok(half),
        None => visit.confirmed(web, page).cloned(),
    }
}

/// After a factor was added: its recovery codes, shown once, and then on.
fn added(visit: &Visit, person: &Identity, enrolled: &Enrolled, next: Option<&Next>) -> Response {
    let onward = next.map_or_else(
        || format!("{PATH}?done={}", Done::FactorAdded.code()),
        |next| sign_in::after(&enrolled.signed_in, next),
    );
    let cookie = answer::session_cookie(enrolled.signed_in.cookie_value.expose(), visit.caller.secure);
    if enrolled.codes.is_empty() {
        return answer::see_other(&visit.at(&onward), Some(&cookie));
    }
    let layout = Layout { name: person.principal.name.as_str(), ..visit.layout(Section::Factors, None) };
    let mut response = codes_page(layout, &enrolled.codes, true, visit.at(&onward));
    answer::add_cookie(&mut response, &cookie);
    response
}

fn codes_page(layout: Layout<'_>, codes: &[Secret], is_first: bool, onward: String) -> Response {
    let codes = codes.iter().map(Secret::expose).collect();
    answer::page(StatusCode::OK, &Codes { layout, codes, is_first, onward })
}

/// Where a form leads on to, if anywhere but back to the list.
fn wanted(next: &str) -> Option<Next> {
    Some(next).filter(|next| !next.is_empty()).map(|next| Next::read(Some(next)))
}

/// An error that the form itself does not explain.
pub(crate) fn refused(visit: &Visit, error: &FactorError) -> Early {
    match error {
        FactorError::Refused(rejection) => visit.reject(rejection).into(),
        _ => visit.say(StatusCode::CONFLICT, Reason::WrongSecondFactor, &sentence(error)).into(),
    }
}

/// An error's text as a sentence.
fn sentence(error: &FactorError) -> String {
    crate::password::sentence(&error.to_string())
}

fn shown(factor: &FactorRow) -> Shown {
    Shown {
        id: factor.id.to_string(),
        label: factor.label.clone(),
        kind: match factor.kind {
            FactorKind::Passkey => "passkey",
            FactorKind::Totp | FactorKind::RecoveryCode | FactorKind::Provider => "authenticator app",
        },
        made: minute(factor.created_at),
        last_use: factor.last_used_at.map_or_else(|| "never".to_owned(), minute),
    }
}
