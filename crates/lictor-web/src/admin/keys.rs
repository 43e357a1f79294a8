//! Which API keys are there? Of everybody: who has them, when they were last used, from where, by which client, which end soon.

use axum::response::Response;
use http::StatusCode;
use lictor_authz::Deed;
use lictor_model::{CredentialId, Permission, PrincipalId, Timestamp};
use lictor_store::{KeyFilter, KeyRow, KeyState, Owned};

use super::desk::{Desk, Order};
use super::filled::{Filled, Kind};
use super::page::{Act, Cell, Flash, Form, Part, Place, Section, Table};
use super::people::PAGE;
use super::words::{self, SOON, ends, label, last_use, limits, link, masked, principal_link};
use super::{confirm, rotate};
use crate::answer::Early;
use crate::when::minute;

pub(super) const PATH: &str = "/lictor/admin/keys";
const REVOKE: &str = "/lictor/admin/keys/revoke";
const DISABLE: &str = "/lictor/admin/keys/disable";

/// `GET /lictor/admin/keys`
pub(super) async fn show(desk: Desk) -> Result<Response, Early> {
    let (search, show) = (desk.asked("q"), desk.asked("show"));
    let now = desk.web.clock.now();
    let filter = KeyFilter {
        containing: search.to_owned(),
        ending_before: (show == "ending").then(|| now.plus_seconds(SOON)),
        bounds: desk.bounds(PAGE).descending(),
        ..KeyFilter::default()
    };
    let listed = desk.admin.page_of_keys(filter).await.map_err(|error| desk.refuse(&error))?;
    let table = table(&desk, &listed.rows, now, true).of_pages(&listed, PATH, &[("q", search), ("show", show)]);
    let filled = Filled::with(vec![("q", search.to_owned()), ("show", show.to_owned())]);
    let shown = [("", "all"), ("ending", "those that end within 30 days")];
    let shown = shown.map(|(value, words)| (value.to_owned(), words.to_owned())).into();
    let form = Form {
        path: PATH.to_owned(),
        asks: true,
        fields: vec![
            filled.field("q", "Search", "", Kind::Line),
            filled.field("show", "Show", "", Kind::Choice(shown)),
        ],
        button: "Search",
        in_a_row: true,
        ..Form::default()
    };
    let parts = vec![Part::Form(form), Part::Table(table)];
    let sections = [Section::new("Keys of everybody", parts)];
    Ok(desk.frame(Place::Keys).page(StatusCode::OK, "Keys", &sections))
}

/// Keys as a table, with whose they are or without.
pub(super) fn table(desk: &Desk, keys: &[Owned<KeyRow>], now: Timestamp, is_of_all: bool) -> Table {
    let mut columns: Vec<String> =
        ["Key for", "Owner", "Key", "State", "May do", "Made", "Ends", "Last use", ""].map(str::to_owned).into();
    if !is_of_all {
        columns.retain(|column| column != "Owner");
    }
    let rows = keys.iter().map(|key| {
        let row = &key.row;
        let mut cells = vec![Cell::text(label(row))];
        if is_of_all {
            cells.push(Cell::linked(key.owner.as_str(), principal_link(key.owner.as_str())));
        }
        cells.extend([
            Cell::code(masked(row)),
            Cell::text(words::key_state(row, now)),
            Cell::text(limits(row)),
            Cell::text(minute(row.created_at)),
            Cell::text(ends(row)),
            Cell::text(last_use(row)),
            Cell::acts(acts(desk, key, now)),
        ]);
        cells
    });
    let empty = "There is none.".to_owned();
    Table { name: "Keys".to_owned(), columns, rows: rows.collect(), empty, wide: true, ..Table::default() }
}

fn acts(desk: &Desk, owned: &Owned<KeyRow>, now: Timestamp) -> Vec<Act> {
    let key = &owned.row;
    let state = key.state(now);
    if state == KeyState::Revoked || !desk.admin.may(&Deed::Principal(key.principal.clone())) {
        return Vec::new();
    }
    let which = format!("{}, {}", label(key), masked(key));
    let id = || vec![("key", key.id.to_string())];
    let switch = if state == KeyState::Disabled {
        Act::post("Enable", format!("Enable {which}"), "/lictor/admin/keys/enable", id())
    } else {
        Act::link("Disable…", format!("Disable {which}"), link(DISABLE, &[("key", key.id.as_str())]))
    };
    let mut acts = vec![switch];
    if state == KeyState::Active && desk.admin.may(&Deed::Secret(key.principal.clone(), owned.kind)) {
        let link = link(rotate::PATH, &[("key", key.id.as_str())]);
        acts.push(Act::link("Rotate…", format!("Rotate {which}"), link));
    }
    acts.push(Act::link("Revoke…", format!("Revoke {which}"), link(REVOKE, &[("key", key.id.as_str())])));
    acts
}

/// What is asked before something is done to a key.
struct Asking {
    path: &'static str,
    verb: &'static str,
    button: &'static str,
    words: &'static str,
}

/// `GET /lictor/admin/keys/revoke?key=ID`
pub(super) async fn ask_to_revoke(desk: Desk) -> Result<Response, Early> {
    let words = "Whatever uses it stops within a second, open websockets too. This cannot be undone.";
    ask(&desk, &Asking { path: REVOKE, verb: "Revoke", button: "Revoke the key", words }).await
}

/// `GET /lictor/admin/keys/disable?key=ID`
pub(super) async fn ask_to_disable(desk: Desk) -> Result<Response, Early> {
    let words = "Whatever uses it stops within a second, open websockets too, until it is enabled again.";
    ask(&desk, &Asking { path: DISABLE, verb: "Disable", button: "Disable the key", words }).await
}

async fn ask(desk: &Desk, asking: &Asking) -> Result<Response, Early> {
    let key = desk.admin.key(&desk.asked("key").into()).await.map_err(|error| desk.refuse(&error))?;
    let now = desk.web.clock.now();
    let owner = name_of(desk, &key.principal);
    let done = desk.admin.done_with(&key.principal, &key.id).await.map_err(|error| desk.refuse(&error))?;
    let facts = vec![
        ("Owner", Cell::linked(&owner, principal_link(&owner))),
        ("Key", Cell::code(masked(&key))),
        ("State", Cell::text(words::key_state(&key, now))),
        ("May do", Cell::text(limits(&key))),
        ("Made", Cell::text(minute(key.created_at))),
        ("Ends", Cell::text(ends(&key))),
        ("Last use", Cell::text(last_use(&key))),
    ];
    let form = Form {
        path: asking.path.to_owned(),
        hidden: vec![("key", key.id.to_string())],
        button: asking.button,
        danger: true,
        instead: Some(("Keep it", PATH.to_owned())),
        ..Form::default()
    };
    let open = desk.sockets(|open| open.credential.id == key.id);
    let mut broken = vec![confirm::sockets(desk, &open), Part::Words(uses(&key)), confirm::lately(&done)];
    if key.last_used.is_some() && runs_workers(desk, &key.principal) {
        let words =
            "Its owner may run workers: should one come in with this key, runs that wait for it stay where they are.";
        broken.push(Part::Warning(words.to_owned()));
    }
    let last = vec![Part::Words(asking.words.to_owned()), Part::Form(form)];
    let sections = [
        Section::new(format!("{} {}?", asking.verb, label(&key)), vec![Part::Facts(facts)]),
        Section::new("What would break", broken),
        Section::new(format!("{} it", asking.verb), last),
    ];
    Ok(desk.frame(Place::Keys).page(StatusCode::OK, &format!("{} a key", asking.verb), &sections))
}

/// What its last use says of whether it is needed.
fn uses(key: &KeyRow) -> String {
    match &key.last_used {
        None => "It was never used: nothing that is known rests on it.".to_owned(),
        Some(_) => {
            format!("It was last used {}. What was changed with it, among its owner's last events:", last_use(key))
        }
    }
}

/// Whether a worker may come in as this principal, in any workspace.
fn runs_workers(desk: &Desk, owner: &PrincipalId) -> bool {
    let holdings = desk.admin.access().holdings(owner);
    holdings.iter().any(|holding| holding.permissions.contains(Permission::WriteWorkers))
}

fn name_of(desk: &Desk, id: &PrincipalId) -> String {
    desk.web.auth.view().principal(id).map(|owner| owner.name.to_string()).unwrap_or_default()
}

/// `POST /lictor/admin/keys/revoke`
pub(super) async fn revoke(order: Order) -> Result<Response, Early> {
    let (desk, id) = named(&order).await?;
    desk.admin.revoke_key(id.as_str()).await.map_err(|error| desk.refuse(&error))?;
    Ok(desk.done(PATH, Flash::KeyRevoked).await)
}

/// `POST /lictor/admin/keys/disable`
pub(super) async fn disable(order: Order) -> Result<Response, Early> {
    let (desk, id) = named(&order).await?;
    desk.admin.set_key_disabled(id.as_str(), true).await.map_err(|error| desk.refuse(&error))?;
    Ok(desk.done(PATH, Flash::KeyDisabled).await)
}

/// `POST /lictor/admin/keys/enable`
pub(super) async fn enable(order: Order) -> Result<Response, Early> {
    let (desk, id) = named(&order).await?;
    desk.admin.set_key_disabled(id.as_str(), false).await.map_err(|error| desk.refuse(&error))?;
    Ok(desk.done(PATH, Flash::KeyEnabled).await)
}

/// The key that a form names by its id: never another whose label is the same.
async fn named(order: &Order) -> Result<(&Desk, CredentialId), Early> {
    let desk = &order.desk;
    let key = desk.admin.key(&order.sent.field("key").into()).await.map_err(|error| desk.refuse(&error))?;
    Ok((desk, key.id))
}
