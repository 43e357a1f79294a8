//! Whose passwords are not looked at for a while? Bans are listed, begun and lifted.

use axum::response::Response;
use http::StatusCode;
use lictor_authz::Deed;
use lictor_model::{Ban, BanCause, BanSubject, ClientAddress, PrincipalName};

use super::desk::{Desk, Order};
use super::filled::{Filled, Kind};
use super::page::{Act, Cell, Flash, Form, Part, Place, Section, Table};
use crate::answer::Early;
use crate::when::minute;

pub(super) const PATH: &str = "/lictor/admin/bans";
const LENGTHS: [(&str, &str); 4] =
    [("3600", "an hour"), ("86400", "a day"), ("604800", "a week"), ("31536000", "a year")];

/// `GET /lictor/admin/bans`
pub(super) async fn show(desk: Desk) -> Result<Response, Early> {
    page(StatusCode::OK, &desk, &Filled::default()).await
}

/// `POST /lictor/admin/bans`
pub(super) async fn add(order: Order) -> Result<Response, Early> {
    let desk = &order.desk;
    let mut filled = Filled::read(&order, &["account", "address", "seconds"]);
    let account = optional(&mut filled, "account", PrincipalName::parse);
    let address = optional(&mut filled, "address", str::parse::<ClientAddress>);
    let seconds = LENGTHS.iter().find(|(value, _)| *value == filled.value("seconds"));
    let seconds = seconds.and_then(|(value, _)| value.parse::<i64>().ok());
    if seconds.is_none() {
        filled.wrong("seconds", "Choose how long it lasts.");
    }
    if let (Some(account), Some(address), Some(seconds)) = (account, address, seconds) {
        if account.is_none() && address.is_none() {
            filled.wrong("account", "Name a user, an address, or both.");
        } else {
            match desk.admin.add_ban(BanSubject { account, address }, seconds).await {
                Ok(_) => return Ok(desk.done(PATH, Flash::Banned).await),
                Err(error) => filled.wrong("account", desk.fault(&error)?),
            }
        }
    }
    page(StatusCode::UNPROCESSABLE_ENTITY, desk, &filled).await
}

/// Nothing, or what it reads as.
fn optional<T, E: std::fmt::Display>(
    filled: &mut Filled,
    name: &'static str,
    read: impl FnOnce(&str) -> Result<T, E>,
) -> Option<Option<T>> {
    if filled.value(name).is_empty() { Some(None) } else { filled.parse(name, read).map(Some) }
}

/// `POST /lictor/admin/bans/lift`
pub(super) async fn lift(order: Order) -> Result<Response, Early> {
    let desk = &order.desk;
    desk.admin.lift_bans(order.sent.field("subject")).await.map_err(|error| desk.refuse(&error))?;
    Ok(desk.done(PATH, Flash::Lifted).await)
}

async fn page(status: StatusCode, desk: &Desk, filled: &Filled) -> Result<Response, Early> {
    let bans = desk.admin.list_bans().await.map_err(|error| desk.refuse(&error))?;
    let table = Table {
        name: "Bans".to_owned(),
        columns: ["Whom", "Why", "Since", "Until", ""].map(str::to_owned).into(),
        rows: bans.iter().map(|ban| row(desk, ban)).collect(),
        empty: "There is none.".to_owned(),
        ..Table::default()
    };
    let lengths = LENGTHS.map(|(value, words)| (value.to_owned(), words.to_owned())).into();
    let fields = vec![
        filled.field("account", "User", "Empty for whoever comes from the address.", Kind::Line),
        filled.field(
            "address",
            "Address",
            "As 192.0.2.7 or 2001:db8::7; empty for wherever the user comes from.",
            Kind::Line,
        ),
        filled.field("seconds", "For", "", Kind::Choice(lengths)),
    ];
    let form = Form { path: PATH.to_owned(), fields, button: "Ban", ..Form::default() };
    let words = "Passwords of a banned user, or from a banned address, are not looked at. Sessions and keys go on.";
    let sections = [
        Section::new("Bans in force", vec![Part::Words(words.to_owned()), Part::Table(table)]),
        Section::new("Ban a user or an address", vec![Part::Form(form)]),
    ];
    Ok(desk.frame(Place::Bans).page(status, "Bans", &sections))
}

fn row(desk: &Desk, ban: &Ban) -> Vec<Cell> {
    let why = match ban.cause {
        BanCause::Failures => "too many wrong passwords",
        BanCause::Administrator => "an administrator's doing",
    };
    let which = match (&ban.subject.account, &ban.subject.address) {
        (Some(account), _) => account.to_string(),
        (None, Some(address)) => address.to_string(),
        (None, None) => String::new(),
    };
    let mut acts = Vec::new();
    if desk.admin.may(&Deed::Manage) {
        acts.push(Act::post(
            "Lift",
            format!("Lift all bans of {which}"),
            "/lictor/admin/bans/lift",
            vec![("subject", which)],
        ));
    }
    vec![
        Cell::text(ban.subject.to_string()),
        Cell::text(why),
        Cell::text(minute(ban.began_at)),
        Cell::text(minute(ban.ends_at)),
        Cell::acts(acts),
    ]
}
