//! Who am I here? What I may do in each workspace, and through which grant.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use lictor_authz::{AccessView, Holding, Origin};
use lictor_model::{Identity, PermissionSet, Scope, Source};

use crate::answer::{self, Early};
use crate::layout::{Layout, Section};
use crate::next::Asked;
use crate::router::WebState;
use crate::sessions;
use crate::visit::Visit;
use crate::when::minute;
use crate::workspaces::{Mine, mine};

/// Where the page is.
pub(crate) const PATH: &str = "/lictor/account";

#[derive(Template)]
#[template(path = "account.html")]
struct Page<'a> {
    layout: Layout<'a>,
    since: String,
    signed_in: String,
    places: Vec<Place>,
    administers: bool,
}

/// One workspace, as far as this person is concerned.
struct Place {
    workspace: String,
    link: Option<String>,
    held: Vec<Held>,
    permissions: Vec<&'static str>,
}

struct Held {
    role: String,
    through: String,
    reaches: &'static str,
    permissions: Vec<&'static str>,
}

/// `GET /lictor/account`
pub(crate) async fn show(State(web): State<WebState>, visit: Visit, asked: Asked) -> Result<Response, Early> {
    let identity = visit.person(&web)?;
    let access = &web.auth.view().access;
    let workspaces = mine(&web, &visit, identity);
    let mut places: Vec<Place> = workspaces.iter().map(|workspace| place(access, identity, workspace)).collect();
    if let [only] = &mut places[..] {
        // There is nothing to choose.
        only.link = None;
    }
    let mine = sessions::of(&web, &visit, identity).await?;
    let current = mine.iter().find(|session| session.id == identity.credential.id);
    let signed_in = current.map(|session| format!("{}, from {}", minute(session.created_at), session.client_ip));
    let page = Page {
        layout: visit.layout(Section::Account, asked.done()),
        since: minute(identity.principal.created_at),
        signed_in: signed_in.unwrap_or_default(),
        places,
        administers: crate::admin::administers(&web, identity),
    };
    Ok(answer::page(StatusCode::OK, &page))
}

fn place(access: &AccessView, identity: &Identity, workspace: &Mine) -> Place {
    let (name, link) = (&workspace.name, workspace.link());
    let seen_as = identity.seen_as();
    let whose = identity.viewing.as_ref().map_or("you", |viewed| viewed.name.as_str());
    let held = access.explain(&seen_as.id, name).iter().map(|holding| one(holding, whose)).collect();
    let permissions = names(access.permissions(&seen_as.id, name).unwrap_or_default());
    Place { workspace: name.to_string(), link, held, permissions }
}

fn one(holding: &Holding, whose: &str) -> Held {
    let through = match &holding.origin {
        Origin::Own(Source::ByHand) => format!("a grant to {whose}"),
        Origin::Own(source) => format!("a grant to {whose} by {source}"),
        team @ Origin::Team(..) => team.to_string(),
    };
    let reaches = match &holding.scope {
        Scope::Everywhere => "every workspace",
        Scope::Workspace(_) => "this workspace",
    };
    Held { role: holding.role.to_string(), through, reaches, permissions: names(holding.permissions) }
}

fn names(permissions: PermissionSet) -> Vec<&'static str> {
    permissions.iter().map(lictor_model::Permission::as_str).collect()
}
