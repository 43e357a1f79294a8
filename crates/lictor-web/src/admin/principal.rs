//! Who is this? One user or service account: what they may and through what, what they sign in with, and what can be done.

use axum::response::Response;
use http::StatusCode;
use lictor_authz::Deed;
use lictor_manage::impact::Change;
use lictor_manage::{GrantLine, Holder, NewResetLink};
use lictor_model::{AccountRole, Principal, PrincipalKind, PrincipalName};
use lictor_store::{Bounds, GrantFilter, KeyFilter, SessionFilter};

use super::desk::{Desk, Order};
use super::filled::{Filled, Kind};
use super::page::{Act, Cell, Flash, Form, Part, Place, Section, Table};
use super::people::{MACHINES, PAGE, USERS};
use super::words::{self, link, origin, place, principal_link, team_link};
use super::{audit, confirm, factors, grants, keys, new_key, sessions};
use crate::answer::Early;
use crate::when::minute;

/// Where the page is, with `?name=NAME`.
pub(super) const PATH: &str = "/lictor/admin/principal";
const DISABLE: &str = "/lictor/admin/principal/disable";
const ENABLE: &str = "/lictor/admin/principal/enable";
const REMOVE: &str = "/lictor/admin/principal/remove";
const VIEW_AS: &str = "/lictor/admin/principal/view-as";
const ACCOUNT_ROLE: &str = "/lictor/admin/principal/account-role";
const RESET_LINK: &str = "/lictor/admin/principal/reset-link";
/// More grants than anybody has: there are no more than roles and workspaces.
const ALL: u32 = 10_000;
/// A day, in seconds: how long a link lasts.
pub(super) const DAY: i64 = 86_400;

/// `GET /lictor/admin/principal?name=NAME`
pub(super) async fn show(desk: Desk) -> Result<Response, Early> {
    let one = named(&desk, desk.asked("name")).await?;
    page(StatusCode::OK, &desk, &one, &new_key::blank()).await
}

pub(super) async fn named(desk: &Desk, name: &str) -> Result<Principal, Early> {
    let name =
        PrincipalName::parse(name).map_err(|_| desk.missing("There is no user or service account of this name."))?;
    desk.admin.principal_named(&name).await.map_err(|error| desk.refuse(&error))
}

pub(super) async fn page(status: StatusCode, desk: &Desk, one: &Principal, filled: &Filled) -> Result<Response, Early> {
    let holder = Holder::Principal(one.name.clone());
    let mut sections = vec![
        Section::new("Who it is", vec![Part::Facts(facts(desk, one)), Part::Acts(acts(desk, one))]),
        Section::new("Roles", vec![Part::Table(roles(desk, one).await?), grants::granting(desk, &holder).await?]),
    ];
    if desk.admin.may(&Deed::Oversee) {
        sections.extend(credentials(desk, one).await?);
    }
    if desk.admin.may(&Deed::Secret(one.id.clone(), one.kind)) {
        sections.push(Section::new("Make a key", vec![new_key::form(desk, one, filled)]));
    }
    if desk.admin.may(&Deed::Principal(one.id.clone())) {
        sections.push(account_role(desk, one));
    }
    let here = match one.kind {
        PrincipalKind::User => Place::People,
        PrincipalKind::ServiceAccount => Place::Machines,
    };
    Ok(desk.frame(here).page(status, one.name.as_str(), &sections))
}

fn facts(desk: &Desk, one: &Principal) -> Vec<(&'static str, Cell)> {
    let access = desk.admin.access();
    let mut facts = vec![
        ("Name", Cell::text(one.name.as_str())),
        ("Kind", Cell::text(words::kind(one.kind))),
        ("State", Cell::text(words::state(one))),
        ("Account role", Cell::text(access.account_role(&one.id).as_str())),
        ("Since", Cell::text(minute(one.created_at))),
    ];
    for (team, sources) in access.teams(&one.id) {
        let sources: Vec<String> = sources.iter().map(words::source).collect();
        let text = format!("{} ({})", team.name, sources.join(", "));
        facts.push(("In the team", Cell::linked(text, team_link(team.name.as_str()))));
    }
    facts
}

fn acts(desk: &Desk, one: &Principal) -> Vec<Act> {
    let name = one.name.as_str();
    let mut acts = Vec::new();
    if desk.admin.may(&Deed::Principal(one.id.clone())) {
        let sends = || vec![("name", name.to_owned())];
        if one.disabled {
            acts.push(Act::post("Enable", format!("Enable {name}"), ENABLE, sends()));
        } else {
            acts.push(Act::link("Disable…", format!("Disable {name}"), link(DISABLE, &[("name", name)])));
            if one.kind == PrincipalKind::User {
                acts.push(Act::post("Make a reset link", format!("Make a reset link for {name}"), RESET_LINK, sends()));
            }
        }
        acts.push(Act::link("Remove…", format!("Remove {name}"), link(REMOVE, &[("name", name)])));
    }
    if desk.admin.may(&Deed::Oversee) && one.kind == PrincipalKind::User {
        let link = link(factors::PATH, &[("name", name)]);
        acts.push(Act::link("Second factors", format!("Second factors of {name}"), link));
    }
    if desk.admin.may(&Deed::ViewAs) && !one.disabled && one.id != desk.identity.principal.id {
        acts.push(Act::post("View as", format!("View as {name}"), VIEW_AS, vec![("name", name.to_owned())]));
    }
    if desk.admin.may(&Deed::Oversee) {
        let record = link(audit::PATH, &[("actor", one.id.as_str())]);
        acts.push(Act::link("What they did", format!("What they did: {name}"), record));
    }
    acts
}

async fn roles(desk: &Desk, one: &Principal) -> Result<Table, Early> {
    let filter = GrantFilter { principal: Some(one.id.clone()), bounds: Bounds::first(ALL), ..GrantFilter::default() };
    let mut lines = desk.admin.page_of_grants(filter).await.map_err(|error| desk.refuse(&error))?.rows;
    for (team, _) in desk.admin.access().teams(&one.id) {
        let filter = GrantFilter { team: Some(team.id.clone()), bounds: Bounds::first(ALL), ..GrantFilter::default() };
        lines.extend(desk.admin.page_of_grants(filter).await.map_err(|error| desk.refuse(&error))?.rows);
    }
    let holdings = desk.admin.access().holdings(&one.id);
    let rows = holdings.iter().filter_map(|holding| {
        // What is not listed is not theirs to see: an owner of a workspace sees what holds there.
        let line: &GrantLine = lines.iter().find(|line| line.id == holding.grant)?;
        let is_own = line.holder.principal() == Some(one.name.as_str());
        let removing = if is_own { grants::removing(desk, line) } else { Vec::new() };
        let permissions = holding.permissions.iter().map(|permission| permission.as_str().to_owned()).collect();
        Some(vec![
            Cell { more: permissions, ..Cell::text(holding.role.as_str()) },
            Cell::text(place(&holding.scope)),
            Cell::text(origin(&holding.origin)),
            Cell::text(minute(line.since)),
            Cell::acts(removing),
        ])
    });
    Ok(Table {
        name: "Roles".to_owned(),
        columns: ["Role", "Where", "Through", "Since", ""].map(str::to_owned).into(),
        rows: rows.collect(),
        empty: "No role yet, so nothing of Prefect can be seen.".to_owned(),
        ..Table::default()
    })
}

async fn credentials(desk: &Desk, one: &Principal) -> Result<Vec<Section>, Early> {
    let now = desk.web.clock.now();
    let bounds = Bounds::first(PAGE).descending();
    let filter = KeyFilter { owner: Some(one.id.clone()), bounds: bounds.clone(), ..KeyFilter::default() };
    let listed = desk.admin.page_of_keys(filter).await.map_err(|error| desk.refuse(&error))?;
    let next = listed.next.map(|_| link(keys::PATH, &[("q", one.name.as_str())]));
    let table = Table { next, total: listed.total, ..keys::table(desk, &listed.rows, now, false) };
    let mut sections = vec![Section::new("Keys", vec![Part::Table(table)])];
    if one.kind == PrincipalKind::User {
        let filter = SessionFilter { owner: Some(one.id.clone()), bounds, ..SessionFilter::default() };
        let listed = desk.admin.page_of_sessions(filter).await.map_err(|error| desk.refuse(&error))?;
        sections.push(Section::new("Sessions", vec![Part::Table(sessions::table(desk, &listed.rows, false))]));
    }
    Ok(sections)
}

fn account_role(desk: &Desk, one: &Principal) -> Section {
    let role = desk.admin.access().account_role(&one.id);
    if role == AccountRole::Owner {
        let words = "An owner is made by the role owner everywhere, and is one until that is taken.";
        return Section::new("Account role", vec![Part::Words(words.to_owned())]);
    }
    let filled = Filled::with(vec![("role", role.as_str().to_owned())]);
    let roles = [AccountRole::Member, AccountRole::Admin].map(|role| (role.to_string(), role.to_string()));
    let hint = "An admin manages everything but owners.";
    let form = Form {
        path: ACCOUNT_ROLE.to_owned(),
        hidden: vec![("name", one.name.to_string())],
        fields: vec![filled.field("role", "In the account", hint, Kind::Choice(roles.into()))],
        button: "Set the account role",
        ..Form::default()
    };
    Section::new("Account role", vec![Part::Form(form)])
}

/// `GET /lictor/admin/principal/disable?name=NAME`
pub(super) async fn ask_to_disable(desk: Desk) -> Result<Response, Early> {
    let one = named(&desk, desk.asked("name")).await?;
    let words = "Sessions end, keys do nothing and open websockets close, within a second. Enabling undoes it, but for \
                 the sessions.";
    ask(&desk, &one, Asking { change: Change::Disable(one.clone()), path: DISABLE, verb: "Disable", words }).await
}

/// `GET /lictor/admin/principal/remove?name=NAME`
pub(super) async fn ask_to_remove(desk: Desk) -> Result<Response, Early> {
    let one = named(&desk, desk.asked("name")).await?;
    let words = "Password, keys, sessions, grants and memberships go with it; what is on record stays. This cannot be \
                 undone: somebody of the same name is somebody else.";
    ask(&desk, &one, Asking { change: Change::Remove(one.clone()), path: REMOVE, verb: "Remove", words }).await
}

/// What is asked before something is done to a principal.
struct Asking {
    change: Change,
    path: &'static str,
    verb: &'static str,
    words: &'static str,
}

async fn ask(desk: &Desk, one: &Principal, asking: Asking) -> Result<Response, Early> {
    let rests = desk.admin.rests_on(&one.id).await.map_err(|error| desk.refuse(&error))?;
    let left = desk.admin.automations_left(&asking.change).await.map_err(|error| desk.refuse(&error))?;
    let open = desk.sockets(|open| open.principal == one.id);
    let mut parts = vec![confirm::sockets(desk, &open)];
    parts.extend(confirm::rests(&rests, desk.web.clock.now()));
    parts.push(confirm::automations(&left));
    let form = Form {
        path: asking.path.to_owned(),
        hidden: vec![("name", one.name.to_string())],
        button: if asking.verb == "Remove" { "Remove for good" } else { "Disable" },
        danger: true,
        instead: Some(("Leave it", principal_link(one.name.as_str()))),
        ..Form::default()
    };
    let sections = [
        Section::new(format!("{} {}?", asking.verb, one.name), vec![Part::Facts(facts(desk, one))]),
        Section::new("What would break", parts),
        Section::new(format!("{} it", asking.verb), vec![Part::Words(asking.words.to_owned()), Part::Form(form)]),
    ];
    let here = if one.kind == PrincipalKind::User { Place::People } else { Place::Machines };
    Ok(desk.frame(here).page(StatusCode::OK, &format!("{} {}", asking.verb, one.name), &sections))
}

/// `POST /lictor/admin/principal/disable`
pub(super) async fn disable(order: Order) -> Result<Response, Early> {
    switch(&order, true, Flash::Disabled).await
}

/// `POST /lictor/admin/principal/enable`
pub(super) async fn enable(order: Order) -> Result<Response, Early> {
    switch(&order, false, Flash::Enabled).await
}

/// `POST /lictor/admin/principal/view-as`: from here on, this browser sees what they see; first of all, what that is.
pub(super) async fn view_as(order: Order) -> Result<Response, Early> {
    let desk = &order.desk;
    let one = named(desk, order.sent.field("name")).await?;
    desk.admin.view_as(&desk.identity.credential, &one.name).await.map_err(|error| desk.refuse(&error))?;
    desk.web.auth.refresh().await;
    Ok(desk.visit.see_other(crate::account::PATH))
}

async fn switch(order: &Order, disabled: bool, flash: Flash) -> Result<Response, Early> {
    let desk = &order.desk;
    let one = named(desk, order.sent.field("name")).await?;
    desk.admin.set_disabled(one.kind, &one.name, disabled).await.map_err(|error| desk.refuse(&error))?;
    Ok(desk.done(&principal_link(one.name.as_str()), flash).await)
}

/// `POST /lictor/admin/principal/remove`
pub(super) async fn remove(order: Order) -> Result<Response, Early> {
    let desk = &order.desk;
    let one = named(desk, order.sent.field("name")).await?;
    desk.admin.remove_principal(one.kind, &one.name).await.map_err(|error| desk.refuse(&error))?;
    let list = if one.kind == PrincipalKind::User { USERS } else { MACHINES };
    Ok(desk.done(list, Flash::Removed).await)
}

/// `POST /lictor/admin/principal/account-role`
pub(super) async fn set_account_role(order: Order) -> Result<Response, Early> {
    let desk = &order.desk;
    let one = named(desk, order.sent.field("name")).await?;
    let roles = [AccountRole::Member, AccountRole::Admin, AccountRole::Owner];
    let role = roles.into_iter().find(|role| role.as_str() == order.sent.field("role")).unwrap_or(AccountRole::Owner);
    desk.admin.set_account_role(one.kind, &one.name, role).await.map_err(|error| desk.refuse(&error))?;
    Ok(desk.done(&principal_link(one.name.as_str()), Flash::AccountRoleSet).await)
}

/// `POST /lictor/admin/principal/reset-link`
pub(super) async fn make_reset_link(order: Order) -> Result<Response, Early> {
    let desk = &order.desk;
    let one = named(desk, order.sent.field("name")).await?;
    let made = desk.admin.make_reset_link(&one.name, DAY).await.map_err(|error| desk.refuse(&error))?;
    Ok(link_made(desk, &made, crate::reset::PATH, "It sets a new password"))
}

/// A link to one of our pages, shown once, and what it does.
pub(super) fn link_made(desk: &Desk, made: &NewResetLink, page: &str, does: &str) -> Response {
    let name = &made.name;
    let path = format!("{page}?token={}", made.token.expose());
    let url = format!("{}{}", desk.visit.caller.origin, desk.visit.at(&path));
    let until = minute(made.expires_at);
    let words = format!("{does} of {name}, once, until {until}. It is shown this once: hand it to them alone.");
    let back = Act::link("I have it: back", format!("I have it: back to {name}"), principal_link(name.as_str()));
    let parts = vec![Part::Words(words), Part::Copy("The link".to_owned(), url), Part::Acts(vec![back])];
    let sections = [Section::new(format!("A link for {name}"), parts)];
    desk.frame(Place::People).page(StatusCode::OK, "The link is made", &sections)
}
