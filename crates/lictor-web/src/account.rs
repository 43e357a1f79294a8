//! Who am I here? My roles with where they hold, and where I am signed in.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use lictor_authz::{AccessView, Holding};
use lictor_model::{Identity, PrincipalKind, Scope, Timestamp};
use lictor_store::{SessionRow, StoreError};

use crate::answer::Early;
use crate::router::WebState;
use crate::sessions::away;
use crate::visit::Visit;
use crate::{answer, device, password};

/// Where the page is.
pub(crate) const PATH: &str = "/lictor/account";

#[derive(Template)]
#[template(path = "account.html")]
struct Page<'a> {
    name: &'a str,
    kind: &'a str,
    is_user: bool,
    is_session: bool,
    roles: Vec<Held>,
    sessions: Vec<Shown>,
}

struct Held {
    role: String,
    from: String,
    place: String,
    permissions: String,
}

struct Shown {
    id: String,
    device: String,
    address: String,
    since: String,
    last_use: String,
    current: bool,
}

/// `GET /lictor/account`
pub(crate) async fn show(State(web): State<WebState>, visit: Visit) -> Result<Response, Early> {
    let identity = visit.identity()?;
    if visit.session().is_some() && password::must_change(&web, identity) {
        return Ok(answer::see_other(password::PATH, None));
    }
    let roles = roles(&web, identity).await.map_err(|error| away(&visit, &error))?;
    let sessions = sessions(&web, identity).await.map_err(|error| away(&visit, &error))?;
    let is_user = identity.principal.kind == PrincipalKind::User;
    let kind = if is_user { "user" } else { "service account" };
    let is_session = visit.session().is_some();
    let name = identity.principal.name.as_str();
    Ok(answer::page(StatusCode::OK, &Page { name, kind, is_user, is_session, roles, sessions }))
}

async fn roles(web: &WebState, identity: &Identity) -> Result<Vec<Held>, StoreError> {
    let access = AccessView::build(&web.store.load_assignments().await?);
    Ok(access.holdings(&identity.principal.id).iter().map(held).collect())
}

fn held(holding: &Holding) -> Held {
    let permissions: Vec<&str> = holding.permissions.iter().map(|one| one.as_str()).collect();
    let place = match &holding.scope {
        Scope::Everywhere => "everywhere".to_owned(),
        Scope::Workspace(name) => format!("workspace {name}"),
    };
    Held {
        role: holding.role.to_string(),
        from: holding.origin.to_string(),
        place,
        permissions: permissions.join(", "),
    }
}

async fn sessions(web: &WebState, identity: &Identity) -> Result<Vec<Shown>, StoreError> {
    let (_, mut all) = web.store.load_sessions().await?;
    all.retain(|session| session.principal == identity.principal.id);
    all.sort_by_key(|session| std::cmp::Reverse(session.last_seen_at));
    Ok(all.iter().map(|session| shown(session, identity)).collect())
}

fn shown(session: &SessionRow, identity: &Identity) -> Shown {
    Shown {
        id: session.id.to_string(),
        device: device::describe(&session.user_agent),
        address: session.client_ip.clone(),
        since: minute(session.created_at),
        last_use: minute(session.last_seen_at),
        current: session.id == identity.credential.id,
    }
}

/// `2026-11-23 10:00 UTC`
fn minute(at: Timestamp) -> String {
    let text = at.to_rfc3339();
    format!("{} UTC", text.get(..16).unwrap_or(&text).replace('T', " "))
}
