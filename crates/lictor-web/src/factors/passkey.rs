//! How is a passkey added? The browser makes it, which takes a script; what comes back is verified before it counts.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use lictor_authn::factors::{Asked as Question, FactorError};
use lictor_model::Identity;

use super::{added, enroller, refused, sentence, wanted};
use crate::answer::{self, Early};
use crate::form::Sent;
use crate::layout::{Layout, Section};
use crate::next::{Asked, Next};
use crate::router::WebState;
use crate::visit::Visit;

/// Where the page is.
pub(crate) const PATH: &str = "/lictor/account/factors/passkey";

#[derive(Template)]
#[template(path = "passkey.html")]
struct Page<'a> {
    layout: Layout<'a>,
    passkey: Question,
    next: &'a str,
    label: &'a str,
    problem: Option<String>,
}

/// `GET /lictor/account/factors/passkey`
pub(crate) async fn show(State(web): State<WebState>, visit: Visit, asked: Asked) -> Result<Response, Early> {
    let person = enroller(&web, &visit, PATH)?;
    let next = asked.next.as_deref().and_then(wanted);
    let next = next.as_ref().map(Next::as_str).unwrap_or_default();
    page(&web, &visit, &person, (next, "", None)).await
}

/// `POST /lictor/account/factors/passkey`
pub(crate) async fn submit(State(web): State<WebState>, sent: Sent) -> Result<Response, Early> {
    let visit = &sent.visit;
    let person = enroller(&web, visit, PATH)?;
    let (answer, label) = ((sent.field("token"), sent.field("answer")), sent.field("label"));
    match web.factors.add_passkey(&person, answer, label, &visit.caller).await {
        Ok(enrolled) => Ok(added(visit, &person, &enrolled, wanted(sent.field("next")).as_ref())),
        Err(FactorError::Refused(rejection)) if rejection.reason.status() != 401 => {
            Err(visit.reject(&rejection).into())
        }
        Err(error) => page(&web, visit, &person, (sent.field("next"), label, Some(sentence(&error)))).await,
    }
}

async fn page(
    web: &WebState,
    visit: &Visit,
    person: &Identity,
    (next, label, problem): (&str, &str, Option<String>),
) -> Result<Response, Early> {
    let asked = web.factors.ask_for_new_passkey(person, &visit.caller).await;
    let passkey = asked.map_err(|error| refused(visit, &error))?;
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let layout = Layout { name: person.principal.name.as_str(), ..visit.layout(Section::Factors, None) };
    Ok(answer::page(status, &Page { layout, passkey, next, label, problem }))
}
