//! Who did what? The record, filtered, a page at a time; how much of it when; and all of it for other programs.

mod chart;
mod export;

use axum::response::Response;
use http::StatusCode;
use lictor_authz::Deed;
use lictor_manage::ManageError;
use lictor_model::{AuditEvent, EventId, Outcome, Timestamp};
use lictor_store::AuditFilter;
use time::PrimitiveDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use super::desk::Desk;
use super::filled::{Filled, Kind};
use super::page::{Act, Cell, Form, Part, Place, Section, Table};
use super::words::link;
use crate::answer::Early;

pub(super) use chart::Chart;
pub(super) use export::export;

pub(super) const PATH: &str = "/lictor/admin/audit";
const EXPORT: &str = "/lictor/admin/audit/export";
const FIELDS: [&str; 5] = ["actor", "operation", "outcome", "since", "until"];
/// Events of one page.
const PAGE: u32 = 50;
/// As a browser writes a moment.
const MINUTE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]T[hour]:[minute]");

/// `GET /lictor/admin/audit`
pub(super) async fn show(desk: Desk) -> Result<Response, Early> {
    let (filled, filter) = asked(&desk);
    let Some(filter) = filter else {
        let sections = [Section::new("Filter", vec![filtering(&filled)])];
        return Ok(desk.frame(Place::Audit).page(StatusCode::UNPROCESSABLE_ENTITY, "Audit", &sections));
    };
    let now = desk.web.clock.now();
    let chart = chart::draw(&desk.admin, &filter, now).await.map_err(|error| desk.refuse(&error))?;
    let event = |name: &str| Some(desk.asked(name)).filter(|id| !id.is_empty()).map(Into::into);
    let filter = AuditFilter { limit: PAGE, before: event("before"), after: event("after"), ..filter };
    let page = desk.admin.audit(filter).await.map_err(|error| desk.refuse(&error))?;
    let query = query(&filled);
    let beside = |name: &'static str, event: Option<&EventId>| {
        let to = event?.as_str();
        Some(link(PATH, &[query.as_slice(), &[(name, to)]].concat()))
    };
    let table = Table {
        name: "Events".to_owned(),
        columns: ["When", "Who", "From", "What", "On", "Outcome"].map(str::to_owned).into(),
        rows: page.events.iter().map(row).collect(),
        empty: "Nothing on record is like this.".to_owned(),
        next: beside("before", page.next.as_ref()),
        previous: beside("after", page.previous.as_ref()),
        ..Table::default()
    };
    let exported = |format: &str| {
        let mut query = query.clone();
        query.push(("format", format));
        link(EXPORT, &query)
    };
    let acts = vec![
        Act::link("Export as CSV", "Export as CSV", exported("csv")),
        Act::link("Export as JSON lines", "Export as JSON lines", exported("jsonl")),
    ];
    let sections = [
        Section::new("Filter", vec![filtering(&filled), Part::Acts(acts)]),
        Section::new("Activity and refusals", vec![Part::Chart(chart)]),
        Section::new("Events, the newest first", vec![Part::Table(table)]),
    ];
    Ok(desk.frame(Place::Audit).page(StatusCode::OK, "Audit", &sections))
}

/// The filter of the query, and how it was filled in; none when something in it does not read.
fn asked(desk: &Desk) -> (Filled, Option<AuditFilter>) {
    let mut filled = Filled::with(FIELDS.iter().map(|name| (*name, desk.asked(name).trim().to_owned())).collect());
    let since = moment(&mut filled, "since");
    let until = moment(&mut filled, "until");
    let text = |name: &str| Some(filled.value(name).to_owned()).filter(|text| !text.is_empty());
    let outcome = [Outcome::Allowed, Outcome::Refused].into_iter().find(|one| one.as_str() == filled.value("outcome"));
    let (actor, operation) = (text("actor"), text("operation"));
    let filter = since.zip(until).map(|(since, until)| AuditFilter {
        actor,
        operation,
        since,
        until,
        outcome,
        ..AuditFilter::default()
    });
    (filled, filter)
}

/// Nothing, or a moment in UTC.
fn moment(filled: &mut Filled, name: &'static str) -> Option<Option<Timestamp>> {
    if filled.value(name).is_empty() {
        return Some(None);
    }
    // A browser may write seconds behind the minute.
    let minute = filled.value(name).get(..16).and_then(|text| PrimitiveDateTime::parse(text, MINUTE).ok());
    let micros = minute.and_then(|at| at.assume_utc().unix_timestamp().checked_mul(1_000_000));
    if micros.is_none() {
        filled.wrong(name, "Write the moment as 2027-01-31T08:00, in UTC.");
    }
    micros.map(|micros| Some(Timestamp::from_micros(micros)))
}

fn query(filled: &Filled) -> Vec<(&str, &str)> {
    FIELDS.iter().map(|name| (*name, filled.value(name))).collect()
}

fn filtering(filled: &Filled) -> Part {
    let outcomes = [("", "any"), ("allowed", "allowed"), ("refused", "refused")];
    let outcomes = outcomes.map(|(value, words)| (value.to_owned(), words.to_owned())).into();
    let fields = vec![
        filled.field("actor", "Who", "A name as it was, or an id.", Kind::Line),
        filled.field("operation", "What", "As the list writes it: POST /flows/filter, user.add.", Kind::Line),
        filled.field("outcome", "Outcome", "", Kind::Choice(outcomes)),
        filled.field("since", "Not before (UTC)", "", Kind::Moment),
        filled.field("until", "Before (UTC)", "", Kind::Moment),
    ];
    Part::Form(Form { path: PATH.to_owned(), asks: true, fields, button: "Filter", in_a_row: true, ..Form::default() })
}

fn row(event: &AuditEvent) -> Vec<Cell> {
    let outcome = match event.reason.as_str() {
        "" => event.outcome.as_str().to_owned(),
        reason => format!("{}: {reason}", event.outcome.as_str()),
    };
    let place = event.workspace.as_ref().map(|workspace| format!(" in {workspace}")).unwrap_or_default();
    // To the second: minutes do not tell what came first.
    let at = event.at.to_rfc3339();
    vec![
        Cell::text(at.get(..19).unwrap_or(&at).replace('T', " ")),
        Cell::text(&event.actor.name),
        Cell::text(&event.client_ip),
        Cell::code(&event.operation),
        Cell::text(format!("{}{place}", event.object)),
        Cell::text(outcome),
    ]
}

/// That they may see the record at all, before a part of it is sent.
fn permit(desk: &Desk) -> Result<(), ManageError> {
    desk.admin.look(&Deed::Oversee)
}
