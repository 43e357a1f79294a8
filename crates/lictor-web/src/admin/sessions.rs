//! Who is signed in? Sessions of everybody, and their end.

use axum::response::Response;
use http::StatusCode;
use lictor_authz::Deed;
use lictor_store::{Owned, SessionFilter, SessionRow};

use super::desk::{Desk, Order};
use super::page::{Act, Cell, Flash, Part, Place, Section, Table};
use super::people::PAGE;
use super::words::principal_link;
use crate::answer::Early;
use crate::device;
use crate::when::minute;

pub(super) const PATH: &str = "/lictor/admin/sessions";

/// `GET /lictor/admin/sessions`
pub(super) async fn show(desk: Desk) -> Result<Response, Early> {
    let filter = SessionFilter { bounds: desk.bounds(PAGE).descending(), ..SessionFilter::default() };
    let listed = desk.admin.page_of_sessions(filter).await.map_err(|error| desk.refuse(&error))?;
    let table = table(&desk, &listed.rows, true).of_pages(&listed, PATH, &[]);
    let sections = [Section::new("Signed-in browsers", vec![Part::Table(table)])];
    Ok(desk.frame(Place::Sessions).page(StatusCode::OK, "Sessions", &sections))
}

/// Sessions as a table, with whose they are or without.
pub(super) fn table(desk: &Desk, sessions: &[Owned<SessionRow>], is_of_all: bool) -> Table {
    let mut columns: Vec<String> =
        ["Who", "Device", "Address", "Signed in", "Last use", "Ends", ""].map(str::to_owned).into();
    if !is_of_all {
        columns.retain(|column| column != "Who");
    }
    let rows = sessions.iter().map(|session| {
        let row = &session.row;
        let device = device::describe(&row.user_agent);
        let is_own = row.id == desk.identity.credential.id;
        let mut cells = Vec::new();
        if is_of_all {
            cells.push(Cell::linked(session.owner.as_str(), principal_link(session.owner.as_str())));
        }
        let mut acts = Vec::new();
        if desk.admin.may(&Deed::Principal(row.principal.clone())) {
            let label =
                format!("End the session of {} on {device}, signed in {}", session.owner, minute(row.created_at));
            acts.push(Act::post("End", label, "/lictor/admin/sessions/end", vec![("session", row.id.to_string())]));
        }
        cells.extend([
            Cell::text(device).tagged(is_own.then_some("this one")),
            Cell::text(&row.client_ip),
            Cell::text(minute(row.created_at)),
            Cell::text(minute(row.last_seen_at)),
            Cell::text(minute(row.expires_at)),
            Cell::acts(acts),
        ]);
        cells
    });
    let empty = "Nobody is signed in.".to_owned();
    Table { name: "Sessions".to_owned(), columns, rows: rows.collect(), empty, wide: false, ..Table::default() }
}

/// `POST /lictor/admin/sessions/end`
pub(super) async fn end(order: Order) -> Result<Response, Early> {
    let desk = &order.desk;
    desk.admin.end_session(&order.sent.field("session").into()).await.map_err(|error| desk.refuse(&error))?;
    Ok(desk.done(PATH, Flash::SessionEnded).await)
}
