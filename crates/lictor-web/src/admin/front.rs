//! What is there to manage? The first of these pages: who one is in the account, and what is due.

use axum::response::Response;
use http::StatusCode;
use lictor_authz::Deed;
use lictor_model::AccountRole;

use super::desk::Desk;
use super::page::{Act, Cell, Part, Place, Section};
use super::words::{SOON, link};
use crate::answer::Early;

/// `GET /lictor/admin`
pub(super) async fn show(desk: Desk) -> Result<Response, Early> {
    let access = desk.admin.access();
    let role = access.account_role(&desk.identity.seen_as().id);
    let may = match role {
        AccountRole::Owner => "everything".to_owned(),
        AccountRole::Admin => "everything but what concerns owners".to_owned(),
        AccountRole::Member => {
            let owned = access.owned_workspaces(&desk.identity.seen_as().id);
            let names: Vec<&str> = owned.iter().map(|name| name.as_str()).collect();
            format!("who has which role in {}", names.join(", "))
        }
    };
    let facts = vec![("Account role", Cell::text(role.as_str())), ("You manage", Cell::text(may))];
    let mut sections = vec![Section::new("You", vec![Part::Facts(facts)])];
    if desk.admin.may(&Deed::Oversee) {
        sections.push(due(&desk).await?);
    }
    Ok(desk.frame(Place::Front).page(StatusCode::OK, "Administration", &sections))
}

async fn due(desk: &Desk) -> Result<Section, Early> {
    let ending = desk.web.auth.view().keys_ending_within(SOON, desk.web.clock.now());
    let bans = desk.admin.list_bans().await.map_err(|error| desk.refuse(&error))?.len();
    let facts = vec![
        ("Keys that end within 30 days", Cell::text(ending.to_string())),
        ("Bans in force", Cell::text(bans.to_string())),
    ];
    let acts = vec![
        Act::link("Keys that end soon", "Keys that end soon", link(super::keys::PATH, &[("show", "ending")])),
        Act::link("What was refused", "What was refused", link(super::audit::PATH, &[("outcome", "refused")])),
    ];
    Ok(Section::new("What is due", vec![Part::Facts(facts), Part::Acts(acts)]))
}
