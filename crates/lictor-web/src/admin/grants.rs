//! Who has which role, and where? Granted here to users, service accounts and teams, and taken again.

use axum::response::Response;
use http::StatusCode;
use lictor_authz::Deed;
use lictor_manage::impact::Change;
use lictor_manage::{GrantLine, Holder};
use lictor_model::{PrincipalName, RoleName, Scope, Source, TeamName};
use lictor_store::GrantFilter;

use super::confirm;
use super::desk::{Desk, Order};
use super::filled::{Field, Filled, Kind, choices};
use super::page::{Act, Cell, Flash, Form, Part, Place, Section, Table};
use super::people::{PAGE, searching};
use super::words::{self, link, place, principal_link, team_link};
use crate::answer::Early;
use crate::when::minute;

pub(super) const PATH: &str = "/lictor/admin/grants";
const REMOVE: &str = "/lictor/admin/grants/remove";
/// What a form calls every workspace; no workspace has this name.
const EVERYWHERE: &str = "*";

/// `GET /lictor/admin/grants`
pub(super) async fn show(desk: Desk) -> Result<Response, Early> {
    page(StatusCode::OK, &desk, &Filled::default()).await
}

/// `POST /lictor/admin/grants`
pub(super) async fn add(order: Order) -> Result<Response, Early> {
    let desk = &order.desk;
    let mut filled = Filled::read(&order, &["holder", "name", "role", "scope"]);
    let holder = holder(&mut filled);
    if filled.value("role").is_empty() {
        filled.wrong("role", "Choose a role.");
    }
    if let (Some(holder), Some((role, scope))) = (holder, wanted(desk, &mut filled)) {
        match desk.admin.add_grant(&holder, role, scope).await {
            Ok(_) => return Ok(desk.done(&page_of(&holder), Flash::GrantAdded).await),
            Err(error) => filled.wrong("name", desk.fault(&error)?),
        }
    }
    page(StatusCode::UNPROCESSABLE_ENTITY, desk, &filled).await
}

/// `GET /lictor/admin/grants/remove?grant=ID`
pub(super) async fn ask_to_remove(desk: Desk) -> Result<Response, Early> {
    let line = desk.admin.grant(&desk.asked("grant").into()).await.map_err(|error| desk.refuse(&error))?;
    let left = desk.admin.automations_left(&Change::TakeGrant(line.id.clone())).await;
    let left = left.map_err(|error| desk.refuse(&error))?;
    let facts = vec![
        ("Whose", holder_cell(&line.holder)),
        ("Role", Cell::text(line.role.as_str())),
        ("Where", Cell::text(place(&line.scope))),
        ("Source", Cell::text(words::source(&line.source))),
        ("Since", Cell::text(minute(line.since))),
    ];
    let form = Form {
        path: REMOVE.to_owned(),
        hidden: vec![("grant", line.id.to_string())],
        button: "Remove the grant",
        danger: true,
        instead: Some(("Keep it", page_of(&line.holder))),
        ..Form::default()
    };
    let access = desk.admin.access();
    let open = desk.sockets(|open| {
        let is_there = line.scope == Scope::Everywhere || line.scope == Scope::Workspace(open.workspace.clone());
        is_there && access.holdings(&open.principal).iter().any(|holding| holding.grant == line.id)
    });
    let title = format!("Remove the role {}?", line.role);
    let sections = vec![
        Section::new(title, vec![Part::Facts(facts)]),
        Section::new("What would break", vec![confirm::sockets(&desk, &open), confirm::automations(&left)]),
        Section::new("Remove it", vec![Part::Words(confirm::AT_ONCE.to_owned()), Part::Form(form)]),
    ];
    Ok(desk.frame(Place::Grants).page(StatusCode::OK, "Remove a grant", &sections))
}

/// `POST /lictor/admin/grants/remove`
pub(super) async fn remove(order: Order) -> Result<Response, Early> {
    let desk = &order.desk;
    let line = desk.admin.grant(&order.sent.field("grant").into()).await.map_err(|error| desk.refuse(&error))?;
    let removed = desk.admin.remove_grant(&line.holder, &line.role, &line.scope).await;
    removed.map_err(|error| desk.refuse(&error))?;
    Ok(desk.done(&page_of(&line.holder), Flash::GrantRemoved).await)
}

/// The role and the scope of a form.
pub(super) fn wanted(desk: &Desk, filled: &mut Filled) -> Option<(RoleName, Scope)> {
    let role = filled.parse("role", RoleName::parse);
    let scope = match filled.value("scope") {
        EVERYWHERE => Some(Scope::Everywhere),
        name => desk.admin.workspaces().iter().find(|one| one.as_str() == name).cloned().map(Scope::Workspace),
    };
    if scope.is_none() {
        filled.wrong("scope", "Choose where the role is to hold.");
    }
    role.zip(scope)
}

/// Fields for a role and where it holds: what one may grant.
pub(super) async fn choosing(desk: &Desk, filled: &Filled, first: &str) -> Result<Vec<Field>, Early> {
    let roles = desk.admin.role_names().await.map_err(|error| desk.refuse(&error))?;
    let roles = choices(first, roles);
    let may = |scope: Scope| RoleName::parse("viewer").is_ok_and(|role| desk.admin.may(&Deed::Grant(role, scope)));
    let mut scopes = Vec::new();
    if may(Scope::Everywhere) {
        scopes.push((EVERYWHERE.to_owned(), "everywhere".to_owned()));
    }
    let named = desk.admin.workspaces().iter().filter(|name| may(Scope::Workspace((*name).clone())));
    scopes.extend(named.map(|name| (name.to_string(), format!("in {name}"))));
    Ok(vec![
        filled.field("role", "Role", "", Kind::Choice(roles)),
        filled.field("scope", "Where", "", Kind::Choice(scopes)),
    ])
}

/// A card to grant one principal or team a role.
pub(super) async fn granting(desk: &Desk, holder: &Holder) -> Result<Part, Early> {
    let kind = if holder.team().is_some() { "team" } else { "principal" };
    let name = holder.principal().or_else(|| holder.team()).unwrap_or_default();
    let fields = choosing(desk, &Filled::default(), "choose a role").await?;
    Ok(Part::Form(Form {
        path: PATH.to_owned(),
        hidden: vec![("holder", kind.to_owned()), ("name", name.to_owned())],
        fields,
        button: "Grant the role",
        in_a_row: true,
        ..Form::default()
    }))
}

/// The way to the page that asks before a grant is removed, where one may and it was given by hand.
pub(super) fn removing(desk: &Desk, line: &GrantLine) -> Vec<Act> {
    let is_theirs = line.source == Source::ByHand;
    if !is_theirs || !desk.admin.may(&Deed::Grant(line.role.clone(), line.scope.clone())) {
        return Vec::new();
    }
    vec![Act::link("Remove…", format!("Remove: {}", words::grant(line)), link(REMOVE, &[("grant", line.id.as_str())]))]
}

fn holder(filled: &mut Filled) -> Option<Holder> {
    if filled.value("holder") == "team" {
        return filled.parse("name", TeamName::parse).map(Holder::Team);
    }
    filled.parse("name", PrincipalName::parse).map(Holder::Principal)
}

fn page_of(holder: &Holder) -> String {
    match holder {
        Holder::Principal(name) => principal_link(name.as_str()),
        Holder::Team(name) => team_link(name.as_str()),
    }
}

fn holder_cell(holder: &Holder) -> Cell {
    Cell::linked(holder.to_string(), page_of(holder))
}

async fn page(status: StatusCode, desk: &Desk, filled: &Filled) -> Result<Response, Early> {
    let search = desk.asked("q");
    let filter = GrantFilter { containing: search.to_owned(), bounds: desk.bounds(PAGE), ..GrantFilter::default() };
    let listed = desk.admin.page_of_grants(filter).await.map_err(|error| desk.refuse(&error))?;
    let table = Table {
        name: "Grants".to_owned(),
        columns: ["Who", "Role", "Where", "Source", "Since", ""].map(str::to_owned).into(),
        rows: listed.rows.iter().map(|line| row(desk, line)).collect(),
        empty: "There is none.".to_owned(),
        ..Table::default()
    };
    let table = table.of_pages(&listed, PATH, &[("q", search)]);
    let kinds = vec![
        ("principal".to_owned(), "a user or service account".to_owned()),
        ("team".to_owned(), "a team".to_owned()),
    ];
    let mut fields = vec![
        filled.field("holder", "To", "", Kind::Choice(kinds)),
        filled.field("name", "Name", "Of the user, the service account or the team.", Kind::Line),
    ];
    fields.extend(choosing(desk, filled, "choose a role").await?);
    let form = Form { path: PATH.to_owned(), fields, button: "Grant the role", ..Form::default() };
    let sections = [
        Section::new("Who has which role", vec![searching(PATH, search), Part::Table(table)]),
        Section::new("Grant a role", vec![Part::Form(form)]),
    ];
    Ok(desk.frame(Place::Grants).page(status, "Grants", &sections))
}

fn row(desk: &Desk, line: &GrantLine) -> Vec<Cell> {
    vec![
        holder_cell(&line.holder),
        Cell::text(line.role.as_str()),
        Cell::text(place(&line.scope)),
        Cell::text(words::source(&line.source)),
        Cell::text(minute(line.since)),
        Cell::acts(removing(desk, line)),
    ]
}
