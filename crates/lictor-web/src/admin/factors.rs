//! Which second factors has somebody? Seen, and taken away: by a link that is handed over, or at once.

use axum::response::Response;
use http::StatusCode;
use lictor_authz::Deed;
use lictor_manage::{FactorLine, FactorsOf};
use lictor_model::{FactorKind, PrincipalName};

use super::desk::{Desk, Order};
use super::page::{Cell, Flash, Form, Part, Place, Section, Table};
use super::principal::{DAY, link_made};
use super::words::principal_link;
use crate::answer::Early;
use crate::when::minute;

/// Where the page is, with `?name=NAME`.
pub(super) const PATH: &str = "/lictor/admin/principal/factors";
const RESET_LINK: &str = "/lictor/admin/principal/factors/reset-link";
const REMOVE: &str = "/lictor/admin/principal/factors/remove";

/// `GET /lictor/admin/principal/factors?name=NAME`
pub(super) async fn show(desk: Desk) -> Result<Response, Early> {
    let of = named(&desk, desk.asked("name")).await?;
    let facts = vec![
        ("Of", Cell::linked(of.user.name.as_str(), principal_link(of.user.name.as_str()))),
        ("Demanded", Cell::text(if of.required { "yes, by a role of theirs" } else { "no" })),
        ("Recovery codes left", Cell::text(of.recovery_codes.to_string())),
    ];
    let mut sections = vec![Section::new("What they have", vec![Part::Facts(facts), Part::Table(table(&of.factors))])];
    if desk.admin.may(&Deed::Principal(of.user.id.clone())) {
        sections.extend(ways_out(&of));
    }
    let title = format!("Second factors of {}", of.user.name);
    Ok(desk.frame(Place::People).page(StatusCode::OK, &title, &sections))
}

async fn named(desk: &Desk, name: &str) -> Result<FactorsOf, Early> {
    let name = PrincipalName::parse(name).map_err(|_| desk.missing("There is no user of this name."))?;
    desk.admin.factors(&name).await.map_err(|error| desk.refuse(&error))
}

fn table(factors: &[FactorLine]) -> Table {
    let row = |one: &FactorLine| {
        let kind = if one.kind == FactorKind::Passkey { "passkey" } else { "authenticator app" };
        let used = one.last_used_at.map_or_else(|| "never".to_owned(), minute);
        vec![Cell::text(&one.label), Cell::text(kind), Cell::text(minute(one.since)), Cell::text(used)]
    };
    Table {
        name: "Second factors".to_owned(),
        columns: ["Name", "Kind", "Added", "Last use"].map(str::to_owned).into(),
        rows: factors.iter().map(row).collect(),
        empty: "They have none.".to_owned(),
        ..Table::default()
    }
}

fn ways_out(of: &FactorsOf) -> Vec<Section> {
    let form = |path: &str, button| Form {
        path: path.to_owned(),
        hidden: vec![("name", of.user.name.to_string())],
        button,
        ..Form::default()
    };
    let lost = "A link takes second factors and recovery codes away, once, and ends the sessions; the password is still \
                asked for. Until it is used, all stays as it is.";
    let wrong = "At once, without a link: second factors and recovery codes are gone and the sessions end. Whoever has the \
                 password then comes in with it alone, or is led to add a factor if a role demands one.";
    let now = Form { danger: true, ..form(REMOVE, "Take them away now") };
    let link = Section::new(
        "Their devices are lost",
        vec![Part::Words(lost.to_owned()), Part::Form(form(RESET_LINK, "Make a link"))],
    );
    let at_once = Section::new("A device is in wrong hands", vec![Part::Words(wrong.to_owned()), Part::Form(now)]);
    vec![link, at_once]
}

/// `POST /lictor/admin/principal/factors/reset-link`
pub(super) async fn make_link(order: Order) -> Result<Response, Early> {
    let desk = &order.desk;
    let name = wanted(&order)?;
    let made = desk.admin.make_factor_reset_link(&name, DAY).await.map_err(|error| desk.refuse(&error))?;
    Ok(link_made(desk, &made, crate::reset_factors::PATH, "It takes the second factors away"))
}

/// `POST /lictor/admin/principal/factors/remove`
pub(super) async fn remove(order: Order) -> Result<Response, Early> {
    let desk = &order.desk;
    let name = wanted(&order)?;
    desk.admin.remove_factors(&name).await.map_err(|error| desk.refuse(&error))?;
    Ok(desk.done(&super::words::link(PATH, &[("name", name.as_str())]), Flash::FactorsRemoved).await)
}

fn wanted(order: &Order) -> Result<PrincipalName, Early> {
    let none = |_| order.desk.missing("There is no user of this name.");
    PrincipalName::parse(order.sent.field("name")).map_err(none)
}
