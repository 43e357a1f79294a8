//! Is this the factor to remove? Never the last one of somebody who must have one.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use lictor_authn::factors::FactorError;
use lictor_model::{CredentialId, Identity, Reason};

use super::{Shown, refused, sentence, shown};
use crate::answer::{self, Early};
use crate::form::Sent;
use crate::layout::{Done, Layout, Section};
use crate::next::Asked;
use crate::router::WebState;
use crate::sessions::away;
use crate::visit::Visit;

/// Where the page is.
pub(crate) const PATH: &str = "/lictor/account/factors/remove";

#[derive(Template)]
#[template(path = "factor_remove.html")]
struct Page<'a> {
    layout: Layout<'a>,
    factor: Shown,
    is_last: bool,
    problem: Option<String>,
}

/// `GET /lictor/account/factors/remove?factor=ID`
pub(crate) async fn ask(State(web): State<WebState>, visit: Visit, asked: Asked) -> Result<Response, Early> {
    let id = asked.factor.as_deref().unwrap_or_default();
    let identity = visit.confirmed(&web, &format!("{PATH}?factor={id}"))?;
    page(&web, &visit, identity, id, None).await
}

/// `POST /lictor/account/factors/remove`
pub(crate) async fn submit(State(web): State<WebState>, sent: Sent) -> Result<Response, Early> {
    let visit = &sent.visit;
    let identity = visit.confirmed(&web, super::PATH)?;
    let id = sent.field("factor");
    match web.factors.remove(identity, &CredentialId::from(id), &visit.caller).await {
        Ok(true) => Ok(visit.done(super::PATH, Done::FactorRemoved)),
        Ok(false) => Err(unknown(visit)),
        Err(error @ FactorError::LastOne) => page(&web, visit, identity, id, Some(sentence(&error))).await,
        Err(error) => Err(refused(visit, &error)),
    }
}

async fn page(
    web: &WebState,
    visit: &Visit,
    identity: &Identity,
    id: &str,
    problem: Option<String>,
) -> Result<Response, Early> {
    let factors = web.store.factors_of(&identity.principal.id).await.map_err(|error| away(visit, &error))?;
    // Somebody else's factor is as unknown as one that never was.
    let factor = factors.all.iter().find(|factor| factor.id.as_str() == id).ok_or_else(|| unknown(visit))?;
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let (layout, is_last) = (visit.layout(Section::Factors, None), factors.all.len() == 1);
    Ok(answer::page(status, &Page { layout, factor: shown(factor), is_last, problem }))
}

fn unknown(visit: &Visit) -> Early {
    visit.say(StatusCode::NOT_FOUND, Reason::NotFound, "You have no such second factor.").into()
}
