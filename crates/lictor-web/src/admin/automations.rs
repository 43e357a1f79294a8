//! Who answers for what runs by itself, and could they still save it?

use axum::response::Response;
use http::StatusCode;
use lictor_manage::Answered;
use lictor_model::{Demands, Permission};

use super::desk::Desk;
use super::page::{Act, Cell, Part, Place, Section, Table};
use super::words::{link, principal_link};
use crate::answer::Early;
use crate::when::minute;

pub(super) const PATH: &str = "/lictor/admin/automations";
const LAPSED: &str = "lapsed";

/// `GET /lictor/admin/automations`: all of them, or with `show=lapsed` those whose owner could not save them today.
pub(super) async fn show(desk: Desk) -> Result<Response, Early> {
    let mut all = desk.admin.list_automations(None).await.map_err(|error| desk.refuse(&error))?;
    let lapsed = all.iter().filter(|one| one.lapse.is_some()).count();
    let facts = vec![("On record", Cell::text(all.len().to_string())), ("Lapsed", Cell::text(lapsed.to_string()))];
    let is_all = desk.asked("show") != LAPSED;
    let other = if is_all {
        Act::link("Only those that have lapsed", "Only those that have lapsed", link(PATH, &[("show", LAPSED)]))
    } else {
        Act::link("All of them", "All of them", PATH.to_owned())
    };
    all.retain(|one| is_all || one.lapse.is_some());
    let words = "The owner is whoever made an automation through Lictor, or last changed what it does. It has lapsed when \
                 its owner could not save it today; Prefect runs it all the same, until somebody disables it there.";
    let parts =
        vec![Part::Words(words.to_owned()), Part::Facts(facts), Part::Acts(vec![other]), Part::Table(table(&all))];
    let sections = [Section::new("What runs by itself", parts)];
    Ok(desk.frame(Place::Automations).page(StatusCode::OK, "Automations", &sections))
}

fn table(all: &[Answered]) -> Table {
    let row = |one: &Answered| {
        let automation = &one.automation;
        let standing = match &one.lapse {
            Some(lapse) => Cell::text(&lapse.why).tagged(Some(LAPSED)),
            None => Cell::text("held"),
        };
        let owner = match &one.owner {
            Some(owner) => Cell::linked(owner.name.as_str(), principal_link(owner.name.as_str())),
            None => Cell::text(&automation.principal_name),
        };
        vec![
            Cell::text(&automation.name),
            Cell::text(automation.workspace.as_str()),
            owner,
            Cell::text(minute(automation.saved_at)),
            standing,
            Cell::text(needs(&automation.demands)),
        ]
    };
    Table {
        name: "Automations".to_owned(),
        columns: ["Automation", "Workspace", "Owner", "Saved", "Standing", "Needs"].map(str::to_owned).into(),
        rows: all.iter().map(row).collect(),
        empty: "None.".to_owned(),
        ..Table::default()
    }
}

/// What it needs: of each, any one of what is named.
fn needs(demands: &Demands) -> String {
    let any_of = |set: lictor_model::PermissionSet| set.iter().map(Permission::as_str).collect::<Vec<_>>().join(" or ");
    demands.iter().map(any_of).collect::<Vec<_>>().join(", ")
}
