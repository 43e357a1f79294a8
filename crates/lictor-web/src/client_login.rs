//! How does `prefect cloud login` get a key by a browser? A signed-in person allows it here, and this page hands it over.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use lictor_authz::surface;
use lictor_model::{Reason, WorkspaceName};

use crate::answer::{self, Early};
use crate::callback::Callback;
use crate::device;
use crate::form::Sent;
use crate::keys::mint;
use crate::keys::wish::{Choice, SOON, Wish};
use crate::layout::{Layout, Section};
use crate::next::{Asked, Next};
use crate::router::WebState;
use crate::visit::Visit;
use crate::workspaces::{mine, names};

/// Where the client sends the browser: fixed by the client.
pub(crate) const PATH: &str = surface::CLIENT_LOGIN;
/// What the client is told when a person said no.
const DENIED: &str = "it was denied in the browser";

#[derive(Template)]
#[template(path = "client_login.html")]
struct Page<'a> {
    layout: Layout<'a>,
    callback: &'a str,
    wish: Wish,
    expiries: &'static [Choice],
    workspaces: Vec<WorkspaceName>,
}

/// The key, or that there is none, on its way to the client.
#[derive(Template)]
#[template(path = "client_answer.html")]
struct AnswerPage<'a> {
    layout: Layout<'a>,
    callback: &'a str,
    /// Empty when it was denied.
    key: &'a str,
    reason: &'a str,
    cloud: String,
}

/// `GET /auth/client?callback=http%3A//localhost:PORT`
pub(crate) async fn show(State(web): State<WebState>, visit: Visit, asked: Asked) -> Result<Response, Early> {
    let callback = read(&visit, asked.callback.as_deref().unwrap_or_default())?;
    let here = at(&callback);
    visit.person_then(&web, &Next::read(Some(&here)))?;
    visit.confirmed(&web, &here)?;
    let label = format!("prefect cloud login, {}", device::describe(&visit.caller.user_agent));
    let wish = Wish { label, expires: "30d", ..Wish::default() };
    Ok(page(StatusCode::OK, &web, &visit, &callback, wish))
}

/// The page for this callback.
fn at(callback: &Callback) -> String {
    let encoded = percent_encoding::utf8_percent_encode(callback.as_str(), percent_encoding::NON_ALPHANUMERIC);
    format!("{PATH}?callback={encoded}")
}

/// `POST /auth/client`
pub(crate) async fn submit(State(web): State<WebState>, sent: Sent) -> Result<Response, Early> {
    let visit = &sent.visit;
    let callback = read(visit, sent.field("callback"))?;
    let identity = visit.confirmed(&web, &at(&callback))?;
    if sent.field("decision") != "allow" {
        return Ok(hand_over(visit, &callback, ""));
    }
    let mut wish = Wish::read(&sent, SOON, &names(&mine(&web, visit, identity)), web.clock.now());
    match mint(&web, visit, identity, &mut wish).await? {
        Some((secret, _)) => Ok(hand_over(visit, &callback, secret.expose())),
        None => Ok(page(StatusCode::UNPROCESSABLE_ENTITY, &web, visit, &callback, wish)),
    }
}

/// Before anybody is asked for anything: a callback elsewhere is somebody who wants to be given a key.
fn read(visit: &Visit, text: &str) -> Result<Callback, Early> {
    let detail = "A key is handed to a program on this computer only: the callback must be http://localhost:PORT.";
    Callback::parse(text).ok_or_else(|| visit.say(StatusCode::BAD_REQUEST, Reason::MalformedQuery, detail).into())
}

fn page(status: StatusCode, web: &WebState, visit: &Visit, callback: &Callback, wish: Wish) -> Response {
    let page = Page {
        layout: visit.layout(Section::Alone, None),
        callback: callback.as_str(),
        wish,
        expiries: SOON,
        workspaces: visit.session().map(|person| names(&mine(web, visit, person))).unwrap_or_default(),
    };
    answer::page(status, &page)
}

fn hand_over(visit: &Visit, callback: &Callback, key: &str) -> Response {
    let page = AnswerPage {
        layout: visit.layout(Section::Alone, None),
        callback: callback.as_str(),
        key,
        reason: DENIED,
        cloud: format!("{}/api", visit.caller.home()),
    };
    answer::page_beside(StatusCode::OK, &page, callback.as_str())
}
