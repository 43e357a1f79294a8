//! Who is there? Users and service accounts, a page at a time; and a new one.

use axum::response::Response;
use http::StatusCode;
use lictor_authz::Deed;
use lictor_manage::ManageError;
use lictor_model::{Principal, PrincipalKind, PrincipalName, Reason};
use lictor_store::{NewPrincipal, PrincipalFilter};

use super::desk::{Desk, Order};
use super::filled::{Filled, Kind};
use super::grants;
use super::page::{Cell, Flash, Form, Part, Place, Section, Table};
use super::words::{place, principal_link, state};
use crate::answer::Early;
use crate::when::minute;

pub(super) const USERS: &str = "/lictor/admin/people";
pub(super) const MACHINES: &str = "/lictor/admin/service-accounts";
/// Rows of one page of these lists.
pub(super) const PAGE: u32 = 50;

/// `GET /lictor/admin/people`
pub(super) async fn show_users(desk: Desk) -> Result<Response, Early> {
    page(StatusCode::OK, &desk, PrincipalKind::User, &Filled::default()).await
}

/// `GET /lictor/admin/service-accounts`
pub(super) async fn show_machines(desk: Desk) -> Result<Response, Early> {
    page(StatusCode::OK, &desk, PrincipalKind::ServiceAccount, &Filled::default()).await
}

/// `POST /lictor/admin/people`
pub(super) async fn add_user(order: Order) -> Result<Response, Early> {
    add(order, PrincipalKind::User).await
}

/// `POST /lictor/admin/service-accounts`
pub(super) async fn add_machine(order: Order) -> Result<Response, Early> {
    add(order, PrincipalKind::ServiceAccount).await
}

async fn add(order: Order, kind: PrincipalKind) -> Result<Response, Early> {
    let desk = &order.desk;
    let mut filled = Filled::read(&order, &["name", "role", "scope"]);
    let name = filled.parse("name", PrincipalName::parse);
    let role = if filled.value("role").is_empty() { Some(None) } else { grants::wanted(desk, &mut filled).map(Some) };
    if let (Some(name), Some(role)) = (name, role) {
        let new = NewPrincipal { kind, name: name.clone(), password: None, role };
        match desk.admin.add_principal(new).await {
            Ok(_) => return Ok(desk.done(&principal_link(name.as_str()), Flash::Added).await),
            Err(error) => note(desk, &mut filled, &error)?,
        }
    }
    page(StatusCode::UNPROCESSABLE_ENTITY, desk, kind, &filled).await
}

/// Puts a refused change beside the field that it is about.
fn note(desk: &Desk, filled: &mut Filled, error: &ManageError) -> Result<(), Early> {
    let words = desk.fault(error)?;
    filled.wrong(if error.reason() == Reason::NameTaken { "name" } else { "role" }, words);
    Ok(())
}

async fn page(status: StatusCode, desk: &Desk, kind: PrincipalKind, filled: &Filled) -> Result<Response, Early> {
    let (here, heading, path) = match kind {
        PrincipalKind::User => (Place::People, "People", USERS),
        PrincipalKind::ServiceAccount => (Place::Machines, "Service accounts", MACHINES),
    };
    let search = desk.asked("q");
    let filter = PrincipalFilter { kind: Some(kind), containing: search.to_owned(), bounds: desk.bounds(PAGE) };
    let listed = desk.admin.page_of_principals(filter).await.map_err(|error| desk.refuse(&error))?;
    let table = Table {
        name: heading.to_owned(),
        columns: ["Name", "State", "Account role", "Roles", "Since"].map(str::to_owned).into(),
        rows: listed.rows.iter().map(|one| row(desk, one)).collect(),
        empty: if search.is_empty() {
            "There is none yet.".to_owned()
        } else {
            "None has this in the name.".to_owned()
        },
        ..Table::default()
    };
    let table = table.of_pages(&listed, path, &[("q", search)]);
    let mut sections = vec![Section::new("Who there is", vec![searching(path, search), Part::Table(table)])];
    if desk.admin.may(&Deed::Manage) {
        sections.push(adding(desk, path, filled).await?);
    }
    Ok(desk.frame(here).page(status, heading, &sections))
}

/// A field to search by.
pub(super) fn searching(path: &str, search: &str) -> Part {
    let filled = Filled::with(vec![("q", search.to_owned())]);
    let fields = vec![filled.field("q", "Search", "", Kind::Line)];
    Part::Form(Form { path: path.to_owned(), asks: true, fields, button: "Search", in_a_row: true, ..Form::default() })
}

fn row(desk: &Desk, one: &Principal) -> Vec<Cell> {
    let access = desk.admin.access();
    let shown = |holding: &lictor_authz::Holding| {
        desk.admin.may(&Deed::Oversee) || desk.admin.may(&Deed::Grant(holding.role.clone(), holding.scope.clone()))
    };
    let roles: Vec<String> = access
        .holdings(&one.id)
        .iter()
        .filter(|holding| shown(holding))
        .map(|holding| format!("{} {}", holding.role, place(&holding.scope)))
        .collect();
    vec![
        Cell::linked(one.name.as_str(), principal_link(one.name.as_str())),
        Cell::text(state(one)),
        Cell::text(access.account_role(&one.id).as_str()),
        Cell::text(if roles.is_empty() { "none".to_owned() } else { roles.join(", ") }),
        Cell::text(minute(one.created_at)),
    ]
}

async fn adding(desk: &Desk, path: &str, filled: &Filled) -> Result<Section, Early> {
    let (hint, title) = match path {
        USERS => {
            ("A user signs in with a password, for which you make a link on their page; or elsewhere.", "Add a user")
        }
        _ => ("A program uses a key, which you make on its page.", "Add a service account"),
    };
    let mut fields = vec![filled.field("name", "Name", "Of a-z, 0-9 and . _ @ + -, in lower case.", Kind::Line)];
    fields.extend(grants::choosing(desk, filled, "no role yet").await?);
    let form = Form { path: path.to_owned(), fields, button: "Add", problem: filled.whole(), ..Form::default() };
    Ok(Section::new(title, vec![Part::Words(hint.to_owned()), Part::Form(form)]))
}
