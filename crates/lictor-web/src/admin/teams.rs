//! Which teams are there, who is in them, and what may they?

use axum::response::Response;
use http::StatusCode;
use lictor_authz::Deed;
use lictor_manage::Holder;
use lictor_model::{PrincipalName, Reason, Source, Team, TeamName};
use lictor_store::{Bounds, GrantFilter, Member};

use super::desk::{Desk, Order};
use super::filled::{Filled, Kind};
use super::page::{Act, Cell, Flash, Form, Part, Place, Section, Table};
use super::people::PAGE;
use super::words::{self, link, place, principal_link, sentence, team_link};
use super::{confirm, grants};
use crate::answer::Early;
use crate::when::minute;

pub(super) const PATH: &str = "/lictor/admin/teams";
/// A team's own page, with `?name=NAME`.
pub(super) const ONE: &str = "/lictor/admin/team";
const ADD_MEMBERS: &str = "/lictor/admin/team/add-members";
const REMOVE_MEMBER: &str = "/lictor/admin/team/remove-member";
const REMOVE: &str = "/lictor/admin/team/remove";
/// More grants than a team has: there are no more than roles and workspaces.
const ALL: u32 = 10_000;

/// `GET /lictor/admin/teams`
pub(super) async fn show(desk: Desk) -> Result<Response, Early> {
    page(StatusCode::OK, &desk, &Filled::default()).await
}

/// `POST /lictor/admin/teams`
pub(super) async fn add(order: Order) -> Result<Response, Early> {
    let desk = &order.desk;
    let mut filled = Filled::read(&order, &["name", "description"]);
    if let Some(name) = filled.parse("name", TeamName::parse) {
        match desk.admin.add_team(name.clone(), filled.value("description")).await {
            Ok(_) => return Ok(desk.done(&team_link(name.as_str()), Flash::Added).await),
            Err(error) => {
                let field = if error.reason() == Reason::NameTaken { "name" } else { "description" };
                filled.wrong(field, desk.fault(&error)?);
            }
        }
    }
    page(StatusCode::UNPROCESSABLE_ENTITY, desk, &filled).await
}

async fn page(status: StatusCode, desk: &Desk, filled: &Filled) -> Result<Response, Early> {
    let listed = desk.admin.page_of_teams(&desk.bounds(PAGE)).await.map_err(|error| desk.refuse(&error))?;
    let row = |(team, members): &(Team, i64)| {
        vec![
            Cell::linked(team.name.as_str(), team_link(team.name.as_str())),
            Cell::text(&team.description),
            Cell::text(members.to_string()),
            Cell::text(minute(team.created_at)),
        ]
    };
    let table = Table {
        name: "Teams".to_owned(),
        columns: ["Name", "Description", "Members", "Since"].map(str::to_owned).into(),
        rows: listed.rows.iter().map(row).collect(),
        empty: "There is none yet. A role that is granted to a team holds for all of its members.".to_owned(),
        ..Table::default()
    };
    let table = table.of_pages(&listed, PATH, &[]);
    let mut sections = vec![Section::new("Teams", vec![Part::Table(table)])];
    if desk.admin.may(&Deed::Manage) {
        let fields = vec![
            filled.field("name", "Name", "Of a-z, 0-9 and -, beginning with a letter.", Kind::Line),
            filled.field("description", "Description", "", Kind::Line),
        ];
        let form = Form { path: PATH.to_owned(), fields, button: "Add", ..Form::default() };
        sections.push(Section::new("Add a team", vec![Part::Form(form)]));
    }
    Ok(desk.frame(Place::Teams).page(status, "Teams", &sections))
}

/// `GET /lictor/admin/team?name=NAME`
pub(super) async fn show_one(desk: Desk) -> Result<Response, Early> {
    let name = named(&desk, desk.asked("name"))?;
    one(StatusCode::OK, &desk, &name, &Filled::default()).await
}

fn named(desk: &Desk, name: &str) -> Result<TeamName, Early> {
    TeamName::parse(name).map_err(|_| desk.missing("There is no team of this name."))
}

async fn one(status: StatusCode, desk: &Desk, name: &TeamName, filled: &Filled) -> Result<Response, Early> {
    let team = desk.admin.team(name).await.map_err(|error| desk.refuse(&error))?;
    let may = desk.admin.may(&Deed::Team(name.clone()));
    let mut facts = vec![("Name", Cell::text(name.as_str()))];
    if !team.description.is_empty() {
        facts.push(("Description", Cell::text(&team.description)));
    }
    facts.push(("Since", Cell::text(minute(team.created_at))));
    let mut acts = Vec::new();
    if may {
        acts.push(Act::link("Remove…", format!("Remove the team {name}"), link(REMOVE, &[("name", name.as_str())])));
    }
    let mut members = vec![Part::Table(member_table(desk, &team, may).await?)];
    if may {
        let hint = "Of users and service accounts, one or several, with a space between them.";
        members.push(Part::Form(Form {
            path: ADD_MEMBERS.to_owned(),
            hidden: vec![("team", name.to_string())],
            fields: vec![filled.field("names", "Names", hint, Kind::Line)],
            button: "Put into the team",
            ..Form::default()
        }));
    }
    let granted = grant_table(desk, &team).await?;
    let granting = grants::granting(desk, &Holder::Team(name.clone())).await?;
    let sections = [
        Section::new("The team", vec![Part::Facts(facts), Part::Acts(acts)]),
        Section::new("Members", members),
        Section::new("What they may through it", vec![Part::Table(granted), granting]),
    ];
    Ok(desk.frame(Place::Teams).page(status, &format!("Team {name}"), &sections))
}

async fn member_table(desk: &Desk, team: &Team, may: bool) -> Result<Table, Early> {
    let listed = desk.admin.page_of_members(&team.id, &desk.bounds(PAGE)).await.map_err(|error| desk.refuse(&error))?;
    let row = |member: &Member| {
        let name = member.principal.name.as_str();
        let sources: Vec<String> = member.sources.iter().map(words::source).collect();
        let mut acts = Vec::new();
        if may && member.sources.contains(&Source::ByHand) {
            let sends = vec![("team", team.name.to_string()), ("name", name.to_owned())];
            acts.push(Act::post("Take out", format!("Take out {name} of {}", team.name), REMOVE_MEMBER, sends));
        }
        vec![
            Cell::linked(name, principal_link(name)),
            Cell::text(words::kind(member.principal.kind)),
            Cell::text(sources.join(", ")),
            Cell::text(minute(member.since)),
            Cell::acts(acts),
        ]
    };
    let table = Table {
        name: "Members".to_owned(),
        columns: ["Name", "Kind", "Source", "Since", ""].map(str::to_owned).into(),
        rows: listed.rows.iter().map(row).collect(),
        empty: "Nobody is in it.".to_owned(),
        ..Table::default()
    };
    Ok(table.of_pages(&listed, ONE, &[("name", team.name.as_str())]))
}

async fn grant_table(desk: &Desk, team: &Team) -> Result<Table, Early> {
    let filter = GrantFilter { team: Some(team.id.clone()), bounds: Bounds::first(ALL), ..GrantFilter::default() };
    let lines = desk.admin.page_of_grants(filter).await.map_err(|error| desk.refuse(&error))?.rows;
    let rows = lines.iter().map(|line| {
        vec![
            Cell::text(line.role.as_str()),
            Cell::text(place(&line.scope)),
            Cell::text(minute(line.since)),
            Cell::acts(grants::removing(desk, line)),
        ]
    });
    Ok(Table {
        name: "Roles of the team".to_owned(),
        columns: ["Role", "Where", "Since", ""].map(str::to_owned).into(),
        rows: rows.collect(),
        empty: "No role.".to_owned(),
        ..Table::default()
    })
}

/// `POST /lictor/admin/team/add-members`
pub(super) async fn add_members(order: Order) -> Result<Response, Early> {
    let desk = &order.desk;
    let team = named(desk, order.sent.field("team"))?;
    let mut filled = Filled::read(&order, &["names"]);
    let names = filled.value("names").split([' ', ',', '\t', '\r', '\n']).filter(|name| !name.is_empty());
    let names: Result<Vec<PrincipalName>, _> = names.map(PrincipalName::parse).collect();
    match names {
        Ok(names) if names.is_empty() => filled.wrong("names", "Name at least one."),
        Err(problem) => filled.wrong("names", sentence(&problem)),
        Ok(names) => match desk.admin.add_members(&team, &names).await {
            Ok(_) => return Ok(desk.done(&team_link(team.as_str()), Flash::MembersAdded).await),
            Err(error) => filled.wrong("names", desk.fault(&error)?),
        },
    }
    one(StatusCode::UNPROCESSABLE_ENTITY, desk, &team, &filled).await
}

/// `POST /lictor/admin/team/remove-member`
pub(super) async fn remove_member(order: Order) -> Result<Response, Early> {
    let desk = &order.desk;
    let team = named(desk, order.sent.field("team"))?;
    let name = PrincipalName::parse(order.sent.field("name"));
    let name = name.map_err(|_| desk.missing("There is no user or service account of this name."))?;
    desk.admin.remove_members(&team, &[name]).await.map_err(|error| desk.refuse(&error))?;
    Ok(desk.done(&team_link(team.as_str()), Flash::MemberRemoved).await)
}

/// `GET /lictor/admin/team/remove?name=NAME`
pub(super) async fn ask_to_remove(desk: Desk) -> Result<Response, Early> {
    let name = named(&desk, desk.asked("name"))?;
    let team = desk.admin.team(&name).await.map_err(|error| desk.refuse(&error))?;
    let left = desk.admin.automations_left(&lictor_manage::impact::Change::RemoveTeam(team.id.clone())).await;
    let left = left.map_err(|error| desk.refuse(&error))?;
    let access = desk.admin.access();
    let open = desk.sockets(|open| access.teams(&open.principal).any(|(one, _)| one.id == team.id));
    let form = Form {
        path: REMOVE.to_owned(),
        hidden: vec![("name", name.to_string())],
        button: "Remove the team",
        danger: true,
        instead: Some(("Keep it", team_link(name.as_str()))),
        ..Form::default()
    };
    let words = format!("Its members stay, without what it gave them. {}", confirm::AT_ONCE);
    let broken = vec![
        Part::Table(member_table(&desk, &team, false).await?),
        Part::Table(grant_table(&desk, &team).await?),
        confirm::sockets(&desk, &open),
        confirm::automations(&left),
    ];
    let sections = [
        Section::new("What would break", broken),
        Section::new("Remove it", vec![Part::Words(words), Part::Form(form)]),
    ];
    Ok(desk.frame(Place::Teams).page(StatusCode::OK, &format!("Remove the team {name}"), &sections))
}

/// `POST /lictor/admin/team/remove`
pub(super) async fn remove(order: Order) -> Result<Response, Early> {
    let desk = &order.desk;
    let name = named(desk, order.sent.field("name"))?;
    desk.admin.remove_team(&name).await.map_err(|error| desk.refuse(&error))?;
    Ok(desk.done(PATH, Flash::Removed).await)
}
