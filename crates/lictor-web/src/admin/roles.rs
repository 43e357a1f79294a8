//! Which roles are there, and what does each allow? A matrix to read; roles of one's own are made, changed and removed.

use axum::response::Response;
use http::StatusCode;
use lictor_authz::{Deed, roles};
use lictor_manage::impact::Change;
use lictor_model::{MaxKeyAge, Permission, PermissionSet, Reason, Role, RoleName};
use lictor_store::{Bounds, GrantFilter};

use super::desk::{Desk, Order};
use super::filled::{Filled, Kind, choices};
use super::page::{Act, Cell, Flash, Form, Part, Place, Section, Table};
use super::people::PAGE;
use super::role_demands::Demands;
use super::words::{self, link};
use super::{confirm, grants};
use crate::answer::Early;

pub(super) const PATH: &str = "/lictor/admin/roles";
const CHANGE: &str = "/lictor/admin/roles/change";
const REMOVE: &str = "/lictor/admin/roles/remove";

/// `GET /lictor/admin/roles`
pub(super) async fn show(desk: Desk) -> Result<Response, Early> {
    page(StatusCode::OK, &desk, &Filled::default(), &Demands::default()).await
}

/// `POST /lictor/admin/roles`
pub(super) async fn add(order: Order) -> Result<Response, Early> {
    let desk = &order.desk;
    let mut filled = read(&order);
    if let Some(role) = wanted(&mut filled) {
        match desk.admin.add_role(role).await {
            Ok(()) => return Ok(desk.done(PATH, Flash::RoleAdded).await),
            Err(error) => note(desk, &mut filled, &error)?,
        }
    }
    page(StatusCode::UNPROCESSABLE_ENTITY, desk, &filled, &Demands::default()).await
}

fn note(desk: &Desk, filled: &mut Filled, error: &lictor_manage::ManageError) -> Result<(), Early> {
    let words = desk.fault(error)?;
    let field = match error.reason() {
        Reason::NameTaken | Reason::NotFound | Reason::StateConflict => "name",
        _ => "description",
    };
    filled.wrong(field, words);
    Ok(())
}

/// The fields of a role; a permission's field is its name.
fn read(order: &Order) -> Filled {
    let mut names = vec!["name", "description", "base"];
    names.extend(Permission::ALL.iter().map(|permission| permission.as_str()));
    Filled::read(order, &names)
}

fn wanted(filled: &mut Filled) -> Option<Role> {
    let name = filled.parse("name", RoleName::parse);
    let base =
        if filled.value("base").is_empty() { Some(None) } else { filled.parse("base", RoleName::parse).map(Some) };
    let chosen = |permission: &Permission| !filled.value(permission.as_str()).is_empty();
    let permissions: PermissionSet = Permission::ALL.iter().copied().filter(chosen).collect();
    let description = filled.value("description").to_owned();
    Some(Role { name: name?, description, base: base?, permissions, built_in: false })
}

pub(super) async fn page(
    status: StatusCode,
    desk: &Desk,
    filled: &Filled,
    demands: &Demands,
) -> Result<Response, Early> {
    let (all, ages) = desk.admin.list_roles().await.map_err(|error| desk.refuse(&error))?;
    let demanding = desk.admin.roles_with_second_factor().await.map_err(|error| desk.refuse(&error))?;
    let may = desk.admin.may(&Deed::Manage);
    let row = |role: &Role| {
        let mut acts = Vec::new();
        if may && !role.built_in {
            let query = [("name", role.name.as_str())];
            acts.push(Act::link("Change…", format!("Change the role {}", role.name), link(CHANGE, &query)));
            acts.push(Act::link("Remove…", format!("Remove the role {}", role.name), link(REMOVE, &query)));
        }
        let base = role.base.as_ref().map(|base| base.to_string()).unwrap_or_default();
        let age = ages.iter().find(|age| age.role == role.name).map_or_else(|| "any".to_owned(), MaxKeyAge::in_words);
        vec![
            Cell::text(role.name.as_str()).tagged(role.built_in.then_some("built in")),
            Cell::text(&role.description),
            Cell::text(base),
            Cell::text(age),
            Cell::text(if demanding.contains(&role.name) { "demanded" } else { "–" }),
            Cell::acts(acts),
        ]
    };
    let table = Table {
        name: "Roles".to_owned(),
        columns: ["Role", "Description", "Based on", "Age of keys", "Second factor", ""].map(str::to_owned).into(),
        rows: all.iter().map(row).collect(),
        ..Table::default()
    };
    let mut sections = vec![
        Section::new("Roles", vec![Part::Table(table)]),
        Section::new("What each role allows", vec![Part::Table(matrix(&all))]),
    ];
    if may {
        sections.push(Section::new("Make a role", vec![role_form(PATH, filled, "Make the role")]));
        sections.extend(demands.sections(&all));
    }
    Ok(desk.frame(Place::Roles).page(status, "Roles", &sections))
}

/// Permissions down, roles across.
fn matrix(all: &[Role]) -> Table {
    let mut columns = vec!["Permission".to_owned()];
    columns.extend(all.iter().map(|role| role.name.to_string()));
    let row = |permission: &Permission| {
        let mut cells = vec![Cell::code(permission.as_str())];
        let has = |role: &Role| roles::permissions_of(role).contains(*permission);
        cells.extend(all.iter().map(|role| Cell::text(if has(role) { "✓ yes" } else { "–" })));
        cells
    };
    Table {
        name: "Permissions of each role".to_owned(),
        columns,
        rows: Permission::ALL.iter().map(row).collect(),
        wide: true,
        ..Table::default()
    }
}

fn role_form(path: &str, filled: &Filled, button: &'static str) -> Part {
    let bases = choices("nothing", roles::built_in().iter().map(|role| role.name.as_str()));
    let mut fields = Vec::new();
    let mut hidden = Vec::new();
    if path == PATH {
        fields.push(filled.field("name", "Name", "Of a-z, 0-9 and -, beginning with a letter.", Kind::Line));
    } else {
        hidden.push(("name", filled.value("name").to_owned()));
    }
    fields.push(filled.field("description", "Description", "", Kind::Line));
    fields.push(filled.field(
        "base",
        "Based on",
        "It allows what this role allows, and what is chosen here.",
        Kind::Choice(bases),
    ));
    let permission = |one: &Permission| filled.field(one.as_str(), one.as_str(), "", Kind::Check);
    fields.extend(Permission::ALL.iter().map(permission));
    Part::Form(Form { path: path.to_owned(), hidden, fields, button, in_a_row: true, ..Form::default() })
}

/// `GET /lictor/admin/roles/change?name=NAME`
pub(super) async fn ask_to_change(desk: Desk) -> Result<Response, Early> {
    let role = custom(&desk, desk.asked("name")).await?;
    let mut values = vec![
        ("name", role.name.to_string()),
        ("description", role.description.clone()),
        ("base", role.base.as_ref().map(|base| base.to_string()).unwrap_or_default()),
    ];
    values.extend(role.permissions.iter().map(|permission| (permission.as_str(), "yes".to_owned())));
    Ok(change_page(StatusCode::OK, &desk, &Filled::with(values)))
}

fn change_page(status: StatusCode, desk: &Desk, filled: &Filled) -> Response {
    let form = role_form(CHANGE, filled, "Show what would change");
    let title = format!("The role {}", filled.value("name"));
    desk.frame(Place::Roles).page(status, "Change a role", &[Section::new(title, vec![form])])
}

async fn custom(desk: &Desk, name: &str) -> Result<Role, Early> {
    let none = || desk.missing("There is no role of this name that was made here.");
    let name = RoleName::parse(name).map_err(|_| none())?;
    let (role, _) = desk.admin.role(&name).await.map_err(|error| desk.refuse(&error))?;
    if role.built_in { Err(none()) } else { Ok(role) }
}

/// `POST /lictor/admin/roles/change`: first what would change is shown, then it is done.
pub(super) async fn change(order: Order) -> Result<Response, Early> {
    let desk = &order.desk;
    let mut filled = read(&order);
    let Some(role) = wanted(&mut filled) else {
        return Ok(change_page(StatusCode::UNPROCESSABLE_ENTITY, desk, &filled));
    };
    if order.sent.field("confirmed").is_empty() {
        return show_change(desk, &role).await;
    }
    match desk.admin.change_role(&role).await {
        Ok(()) => Ok(desk.done(PATH, Flash::RoleChanged).await),
        Err(error) => {
            note(desk, &mut filled, &error)?;
            Ok(change_page(StatusCode::UNPROCESSABLE_ENTITY, desk, &filled))
        }
    }
}

async fn show_change(desk: &Desk, role: &Role) -> Result<Response, Early> {
    let old = custom(desk, role.name.as_str()).await?;
    let (before, after) = (roles::permissions_of(&old), roles::permissions_of(role));
    let facts = vec![
        ("More than before", Cell::text(names(before.lacks(after)))),
        ("No more", Cell::text(names(after.lacks(before)))),
    ];
    let mut hidden = vec![
        ("name", role.name.to_string()),
        ("description", role.description.clone()),
        ("base", role.base.as_ref().map(|base| base.to_string()).unwrap_or_default()),
        ("confirmed", "yes".to_owned()),
    ];
    hidden.extend(role.permissions.iter().map(|permission| (permission.as_str(), "yes".to_owned())));
    let form = Form {
        path: CHANGE.to_owned(),
        hidden,
        button: "Change the role",
        danger: true,
        instead: Some(("Leave it", PATH.to_owned())),
        ..Form::default()
    };
    let left = desk.admin.automations_left(&Change::ChangeRole(role.clone())).await;
    let left = left.map_err(|error| desk.refuse(&error))?;
    let access = desk.admin.access();
    let open = desk.sockets(|open| access.holdings(&open.principal).iter().any(|holding| holding.role == role.name));
    let whom = vec![holders(desk, &role.name).await?, confirm::sockets(desk, &open), confirm::automations(&left)];
    let sections = [
        Section::new(format!("Change the role {}?", role.name), vec![Part::Facts(facts)]),
        Section::new("Whom it concerns", whom),
        Section::new("Change it", vec![Part::Words(confirm::AT_ONCE.to_owned()), Part::Form(form)]),
    ];
    Ok(desk.frame(Place::Roles).page(StatusCode::OK, "Change a role", &sections))
}

fn names(permissions: PermissionSet) -> String {
    let names: Vec<&str> = permissions.iter().map(Permission::as_str).collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

async fn holders(desk: &Desk, role: &RoleName) -> Result<Part, Early> {
    let filter = GrantFilter { role: Some(role.clone()), bounds: Bounds::first(PAGE), ..GrantFilter::default() };
    let listed = desk.admin.page_of_grants(filter).await.map_err(|error| desk.refuse(&error))?;
    let sought = format!(" is {role} ");
    let rest = listed.next.is_some().then(|| link(grants::PATH, &[("q", sought.as_str())]));
    let row = |line: &lictor_manage::GrantLine| {
        vec![
            Cell::text(words::grant(line)),
            Cell::text(words::source(&line.source)),
            Cell::acts(grants::removing(desk, line)),
        ]
    };
    Ok(Part::Table(Table {
        name: "Who has the role".to_owned(),
        columns: ["Grant", "Source", ""].map(str::to_owned).into(),
        rows: listed.rows.iter().map(row).collect(),
        empty: "Nobody has it.".to_owned(),
        next: rest,
        total: listed.total,
        titled: true,
        ..Table::default()
    }))
}

/// `GET /lictor/admin/roles/remove?name=NAME`
pub(super) async fn ask_to_remove(desk: Desk) -> Result<Response, Early> {
    let role = custom(&desk, desk.asked("name")).await?;
    let form = Form {
        path: REMOVE.to_owned(),
        hidden: vec![("name", role.name.to_string())],
        button: "Remove the role",
        danger: true,
        instead: Some(("Keep it", PATH.to_owned())),
        ..Form::default()
    };
    let words = "A role that somebody has is not removed: take the grants first.";
    let sections = [
        Section::new("Whom it concerns", vec![holders(&desk, &role.name).await?]),
        Section::new("Remove it", vec![Part::Words(words.to_owned()), Part::Form(form)]),
    ];
    Ok(desk.frame(Place::Roles).page(StatusCode::OK, &format!("Remove the role {}", role.name), &sections))
}

/// `POST /lictor/admin/roles/remove`
pub(super) async fn remove(order: Order) -> Result<Response, Early> {
    let desk = &order.desk;
    let role = custom(desk, order.sent.field("name")).await?;
    desk.admin.remove_role(&role.name).await.map_err(|error| desk.refuse(&error))?;
    Ok(desk.done(PATH, Flash::RoleRemoved).await)
}
