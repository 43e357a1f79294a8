//! How is an authenticator app added? Its secret is shown as a QR code and as text, and counts once a code of it was given.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use lictor_authn::factors::{FactorError, Offer};
use lictor_model::{Identity, Reason};

use super::{added, enroller, refused, sentence, wanted};
use crate::answer::{self, Early};
use crate::form::Sent;
use crate::layout::{Layout, Section};
use crate::next::Asked;
use crate::qr::{self, Qr};
use crate::router::WebState;
use crate::visit::Visit;

/// Where the page is.
pub(crate) const PATH: &str = "/lictor/account/factors/totp";

#[derive(Template)]
#[template(path = "totp.html")]
struct Page<'a> {
    layout: Layout<'a>,
    qr: Option<Qr>,
    secret: String,
    token: &'a str,
    next: &'a str,
    label: &'a str,
    problem: Option<String>,
}

/// `GET /lictor/account/factors/totp`
pub(crate) async fn show(State(web): State<WebState>, visit: Visit, asked: Asked) -> Result<Response, Early> {
    let person = enroller(&web, &visit, PATH)?;
    let offer = web.factors.offer_totp(&person, &visit.caller).await.map_err(|error| refused(&visit, &error))?;
    let next = asked.next.as_deref().and_then(wanted);
    let next = next.as_ref().map(crate::next::Next::as_str).unwrap_or_default();
    Ok(page(StatusCode::OK, &visit, &person, &offer, (next, "", None)))
}

/// `POST /lictor/account/factors/totp`
pub(crate) async fn submit(State(web): State<WebState>, sent: Sent) -> Result<Response, Early> {
    let visit = &sent.visit;
    let person = enroller(&web, visit, PATH)?;
    let (token, code, label) = (sent.field("token"), sent.field("code"), sent.field("label"));
    let error = match web.factors.add_totp(&person, (token, code), label, &visit.caller).await {
        Ok(enrolled) => return Ok(added(visit, &person, &enrolled, wanted(sent.field("next")).as_ref())),
        Err(error) => error,
    };
    let (offer, problem) = match &error {
        FactorError::Refused(rejection) if rejection.reason == Reason::WrongSecondFactor => {
            let problem = "This is not the code of now. Check the clock of your device, and give the next code.";
            (web.factors.offered_totp(&person, token, &visit.caller).await, problem.to_owned())
        }
        FactorError::Over => {
            (web.factors.offer_totp(&person, &visit.caller).await, "This took too long: scan the new code.".to_owned())
        }
        FactorError::TooMany(_) => (web.factors.offered_totp(&person, token, &visit.caller).await, sentence(&error)),
        error => return Err(refused(visit, error)),
    };
    let offer = offer.map_err(|error| refused(visit, &error))?;
    Ok(page(StatusCode::UNPROCESSABLE_ENTITY, visit, &person, &offer, (sent.field("next"), label, Some(problem))))
}

fn page(
    status: StatusCode,
    visit: &Visit,
    person: &Identity,
    offer: &Offer,
    (next, label, problem): (&str, &str, Option<String>),
) -> Response {
    let layout = Layout { name: person.principal.name.as_str(), ..visit.layout(Section::Factors, None) };
    let (qr, secret) = (qr::draw(offer.uri.expose()), grouped(offer.secret.expose()));
    answer::page(status, &Page { layout, qr, secret, token: offer.token.expose(), next, label, problem })
}

/// In groups of four, as people read letters out.
fn grouped(secret: &str) -> String {
    let letters = secret.chars().enumerate().flat_map(|(at, letter)| {
        let blank = (at > 0 && at.is_multiple_of(4)).then_some(' ');
        blank.into_iter().chain([letter])
    });
    letters.collect()
}
