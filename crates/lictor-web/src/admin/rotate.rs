//! How is a key replaced while it is in use? By a successor that is shown once, and an overlap in which both are good.

use axum::response::Response;
use http::StatusCode;
use lictor_authz::Deed;
use lictor_model::Principal;
use lictor_store::KeyRow;

use super::desk::{Desk, Order};
use super::filled::{Filled, Kind};
use super::page::{Cell, Form, Part, Place, Section};
use super::words::{self, ends, label, last_use, limits, masked, principal_link};
use super::{confirm, keys, new_key};
use crate::answer::Early;

/// Where the page is, with `?key=ID`.
pub(super) const PATH: &str = "/lictor/admin/keys/rotate";
const OVERLAPS: [(&str, &str); 4] =
    [("172800", "48 hours"), ("604800", "7 days"), ("3600", "an hour"), ("0", "not at all: it ends at once")];

/// `GET /lictor/admin/keys/rotate?key=ID`
pub(super) async fn ask(desk: Desk) -> Result<Response, Early> {
    let (key, owner) = named(&desk, desk.asked("key")).await?;
    Ok(page(StatusCode::OK, &desk, (&key, &owner), &Filled::default()))
}

async fn named(desk: &Desk, id: &str) -> Result<(KeyRow, Principal), Early> {
    let key = desk.admin.key(&id.into()).await.map_err(|error| desk.refuse(&error))?;
    let owner = desk.web.auth.view().principal(&key.principal).map(|owner| Principal::clone(owner));
    let owner = owner.ok_or_else(|| desk.missing("There is no such key."))?;
    let whose = Deed::Secret(owner.id.clone(), owner.kind);
    desk.admin.look(&whose).map_err(|error| desk.refuse(&error))?;
    Ok((key, owner))
}

fn page(status: StatusCode, desk: &Desk, (key, owner): (&KeyRow, &Principal), filled: &Filled) -> Response {
    let name = owner.name.as_str();
    let facts = vec![
        ("Owner", Cell::linked(name, principal_link(name))),
        ("Key", Cell::code(masked(key))),
        ("State", Cell::text(words::key_state(key, desk.web.clock.now()))),
        ("May do", Cell::text(limits(key))),
        ("Ends", Cell::text(ends(key))),
        ("Last use", Cell::text(last_use(key))),
    ];
    let overlaps = OVERLAPS.map(|(seconds, words)| (seconds.to_owned(), words.to_owned())).into();
    let hint = "Until then both are good: put the new one where the old one is used.";
    let form = Form {
        path: PATH.to_owned(),
        hidden: vec![("key", key.id.to_string())],
        fields: vec![filled.field("overlap", "The old key goes on for", hint, Kind::Choice(overlaps))],
        button: "Make the successor",
        problem: filled.whole(),
        instead: Some(("Leave it", keys::PATH.to_owned())),
        ..Form::default()
    };
    let open = desk.sockets(|open| open.credential.id == key.id);
    let words = "The new key may do the same, lasts as long from now on, and is shown once.";
    let sections = [
        Section::new(format!("Rotate {}?", label(key)), vec![Part::Facts(facts)]),
        Section::new("What rests on the old one", vec![confirm::sockets(desk, &open)]),
        Section::new("Rotate it", vec![Part::Words(words.to_owned()), Part::Form(form)]),
    ];
    desk.frame(Place::Keys).page(status, "Rotate a key", &sections)
}

/// `POST /lictor/admin/keys/rotate`
pub(super) async fn rotate(order: Order) -> Result<Response, Early> {
    let desk = &order.desk;
    let (key, owner) = named(desk, order.sent.field("key")).await?;
    let mut filled = Filled::read(&order, &["overlap"]);
    let overlap = OVERLAPS.into_iter().find(|(seconds, _)| *seconds == filled.value("overlap"));
    match overlap.and_then(|(seconds, _)| seconds.parse().ok()) {
        None => filled.wrong("overlap", "Choose how long the old key goes on."),
        Some(overlap) => match desk.admin.rotate_key(key.id.as_str(), overlap).await {
            Ok((secret, rotated)) => {
                desk.web.auth.refresh().await;
                return Ok(new_key::made(desk, &owner, secret.expose(), &rotated.new));
            }
            Err(error) => filled.wrong_as_a_whole(desk.fault(&error)?),
        },
    }
    Ok(page(StatusCode::UNPROCESSABLE_ENTITY, desk, (&key, &owner), &filled))
}
