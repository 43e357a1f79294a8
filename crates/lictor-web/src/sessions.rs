//! Where am I signed in? Sessions are listed, and ended one by one, all but this one, or all; only one's own.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use lictor_model::{CredentialId, Identity, Reason};
use lictor_store::{SessionRow, StoreError};

use crate::answer::{self, Early};
use crate::device;
use crate::form::Sent;
use crate::layout::{Done, Layout, Section};
use crate::next::Asked;
use crate::router::WebState;
use crate::visit::Visit;
use crate::when::minute;

/// Where the page is.
pub(crate) const PATH: &str = "/lictor/account/sessions";

#[derive(Template)]
#[template(path = "sessions.html")]
struct Page<'a> {
    layout: Layout<'a>,
    sessions: Vec<Shown>,
}

struct Shown {
    id: String,
    device: String,
    address: String,
    since: String,
    last_use: String,
    ends: String,
    current: bool,
}

/// `GET /lictor/account/sessions`
pub(crate) async fn show(State(web): State<WebState>, visit: Visit, asked: Asked) -> Result<Response, Early> {
    let identity = visit.person(&web)?;
    let mine = of(&web, &visit, identity).await?;
    let sessions = mine.iter().map(|session| shown(session, identity)).collect();
    let layout = visit.layout(Section::Sessions, asked.done());
    Ok(answer::page(StatusCode::OK, &Page { layout, sessions }))
}

/// The person's sessions, the one used last first.
pub(crate) async fn of(web: &WebState, visit: &Visit, identity: &Identity) -> Result<Vec<SessionRow>, Early> {
    let mut all = web.store.load_sessions().await.map_err(|error| away(visit, &error))?.sessions;
    all.retain(|session| session.principal == identity.principal.id);
    all.sort_by_key(|session| (session.id != identity.credential.id, std::cmp::Reverse(session.last_seen_at)));
    Ok(all)
}

fn shown(session: &SessionRow, identity: &Identity) -> Shown {
    let current = session.id == identity.credential.id;
    Shown {
        id: session.id.to_string(),
        device: device::describe(&session.user_agent),
        address: session.client_ip.clone(),
        since: minute(session.created_at),
        last_use: if current { "now".to_owned() } else { minute(session.last_seen_at) },
        ends: minute(session.expires_at),
        current,
    }
}

/// `POST /lictor/account/sessions/end`
pub(crate) async fn end_one(State(web): State<WebState>, sent: Sent) -> Result<Response, Early> {
    let visit = &sent.visit;
    let identity = visit.person(&web)?;
    let id = CredentialId::from(sent.field("session"));
    // Somebody else's session is as unknown as one that never was.
    if of(&web, visit, identity).await?.iter().any(|session| session.id == id) {
        web.store.end_session(&visit.by(identity), &id).await.map_err(|error| away(visit, &error))?;
        web.auth.refresh().await;
    }
    if id == identity.credential.id {
        Ok(gone(visit, Done::AllEnded))
    } else {
        Ok(visit.done(PATH, Done::SessionEnded))
    }
}

/// `POST /lictor/account/sessions/end-others`
pub(crate) async fn end_others(State(web): State<WebState>, sent: Sent) -> Result<Response, Early> {
    let visit = &sent.visit;
    let identity = visit.person(&web)?;
    let keep = Some(&identity.credential.id);
    let ended = web.store.end_sessions_of(&visit.by(identity), &identity.principal.id, keep).await;
    ended.map_err(|error| away(visit, &error))?;
    web.auth.refresh().await;
    Ok(visit.done(PATH, Done::OthersEnded))
}

/// `POST /lictor/account/sessions/end-all`
pub(crate) async fn end_all(State(web): State<WebState>, sent: Sent) -> Result<Response, Early> {
    let visit = &sent.visit;
    let identity = visit.person(&web)?;
    let ended = web.store.end_sessions_of(&visit.by(identity), &identity.principal.id, None).await;
    ended.map_err(|error| away(visit, &error))?;
    web.auth.refresh().await;
    Ok(gone(visit, Done::AllEnded))
}

/// To the sign-in page, without the cookie of the session that was just ended.
fn gone(visit: &Visit, done: Done) -> Response {
    let path = visit.at(&format!("/lictor/sign-in?done={}", done.code()));
    answer::see_other(&path, Some(&answer::session_cookie("", visit.caller.secure)))
}

/// The store's trouble, as the visitor sees it.
pub(crate) fn away(visit: &Visit, error: &StoreError) -> Early {
    tracing::warn!(%error, "a page could not be made");
    visit.refuse(Reason::StoreUnavailable).into()
}
