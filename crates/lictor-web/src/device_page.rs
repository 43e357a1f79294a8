//! Shall this program be let in? A signed-in person types its code, sees who asks, and says yes or no.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use lictor_authn::devices;
use lictor_model::{Identity, Reason, WorkspaceName};
use lictor_store::{DeviceAllowance, DeviceRequest, StoreError};

use crate::answer::{self, Early};
use crate::form::Sent;
use crate::keys::check_room;
use crate::keys::wish::{Choice, SOON, Wish};
use crate::layout::{Done, Layout, Section};
use crate::next::{Asked, Next};
use crate::router::WebState;
use crate::sessions::away;
use crate::visit::{self, Visit};
use crate::when::minute;
use crate::workspaces::{mine, names};

/// Where the page is.
pub(crate) const PATH: &str = "/lictor/device";

#[derive(Template)]
#[template(path = "device.html")]
struct Page<'a> {
    layout: Layout<'a>,
    code: &'a str,
    problem: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "device_asked.html")]
struct AskedPage<'a> {
    layout: Layout<'a>,
    code: String,
    label: &'a str,
    machine: &'a str,
    address: &'a str,
    /// Where the person is, if that is elsewhere.
    elsewhere: Option<String>,
    since: String,
    wish: Wish,
    expiries: &'static [Choice],
    workspaces: Vec<WorkspaceName>,
}

/// `GET /lictor/device`, perhaps with the code in the query: it is filled in, and the person looks whether it is theirs.
pub(crate) async fn show(State(web): State<WebState>, visit: Visit, asked: Asked) -> Result<Response, Early> {
    let code = devices::shown(asked.code.as_deref().unwrap_or_default());
    let here = at(&code);
    visit.person_then(&web, &Next::read(Some(&here)))?;
    visit.confirmed(&web, &here)?;
    let page = Page { layout: visit.layout(Section::Alone, asked.done()), code: &code, problem: None };
    Ok(answer::page(StatusCode::OK, &page))
}

/// The page with a code filled in.
fn at(code: &str) -> String {
    if code.is_empty() { PATH.to_owned() } else { format!("{PATH}?code={code}") }
}

/// `POST /lictor/device`: without a decision it shows who asks.
pub(crate) async fn submit(State(web): State<WebState>, sent: Sent) -> Result<Response, Early> {
    let visit = &sent.visit;
    let code = sent.field("code");
    let identity = visit.confirmed(&web, &at(&devices::shown(code)))?;
    let found = match web.auth.find_device_request(identity, code).await {
        Ok(found) => found,
        Err(Reason::TooManyCodes) => return Ok(again(visit, code, Reason::TooManyCodes)),
        Err(reason) => return Err(visit.refuse(reason).into()),
    };
    let Some(request) = found else { return Ok(again(visit, code, Reason::NotFound)) };
    match sent.field("decision") {
        "allow" => allow(&web, &sent, identity, &request).await,
        "deny" => decide(&web, visit, identity, code, None).await.map_err(|error| away(visit, &error)),
        _ => {
            let wish = Wish { label: request.label.clone(), expires: "30d", ..Wish::default() };
            Ok(asked_page(StatusCode::OK, &web, &sent, &request, wish))
        }
    }
}

async fn allow(web: &WebState, sent: &Sent, identity: &Identity, request: &DeviceRequest) -> Result<Response, Early> {
    let visit = &sent.visit;
    let mut wish = Wish::read(sent, SOON, &names(&mine(web, visit, identity)), web.clock.now());
    check_room(web, visit, identity, &mut wish).await?;
    let Some(ends_at) = wish.ends_at.filter(|_| wish.problems.is_none()) else {
        return Ok(asked_page(StatusCode::UNPROCESSABLE_ENTITY, web, sent, request, wish));
    };
    let allowance = DeviceAllowance { label: wish.label.clone(), ends_at, narrowing: wish.narrowing.clone() };
    match decide(web, visit, identity, sent.field("code"), Some(&allowance)).await {
        Err(error @ StoreError::KeyOutlivesRole { .. }) => {
            wish.problems.expires = Some(error.to_string());
            Ok(asked_page(StatusCode::UNPROCESSABLE_ENTITY, web, sent, request, wish))
        }
        decided => decided.map_err(|error| away(visit, &error)),
    }
}

async fn decide(
    web: &WebState,
    visit: &Visit,
    identity: &Identity,
    code: &str,
    allowance: Option<&DeviceAllowance>,
) -> Result<Response, StoreError> {
    let decided = web.auth.decide_device_request(&visit.by(identity), code, allowance).await?;
    let done = if allowance.is_some() { Done::DeviceAllowed } else { Done::DeviceDenied };
    Ok(if decided.is_some() { visit.done(PATH, done) } else { again(visit, code, Reason::NotFound) })
}

/// The page to type a code, with what was wrong with the last one.
fn again(visit: &Visit, code: &str, reason: Reason) -> Response {
    let problem = match reason {
        Reason::NotFound => "No program waits with this code. It lasts ten minutes, and is used once: begin again.",
        reason => reason.advice(),
    };
    let status = StatusCode::from_u16(reason.status()).unwrap_or(StatusCode::NOT_FOUND);
    let page = Page { layout: visit.layout(Section::Alone, None), code, problem: Some(problem) };
    let mut response = answer::page(status, &page);
    visit::mark(&mut response, reason, None);
    response
}

fn asked_page(status: StatusCode, web: &WebState, sent: &Sent, request: &DeviceRequest, wish: Wish) -> Response {
    let visit = &sent.visit;
    let here = visit.caller.client_ip.to_string();
    let page = AskedPage {
        layout: visit.layout(Section::Alone, None),
        code: devices::shown(sent.field("code")),
        label: &request.label,
        machine: &request.machine,
        address: &request.client_ip,
        elsewhere: (here != request.client_ip).then_some(here),
        since: minute(request.created_at),
        wish,
        expiries: SOON,
        workspaces: visit.session().map(|person| names(&mine(web, visit, person))).unwrap_or_default(),
    };
    answer::page(status, &page)
}
