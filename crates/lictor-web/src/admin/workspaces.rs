//! Which Prefect Servers are behind this gateway, under which names, and who has a role there?

use axum::response::Response;
use http::StatusCode;
use lictor_authz::Deed;
use lictor_model::{RoleName, WorkspaceName};

use super::desk::Desk;
use super::page::{Act, Cell, Part, Place, Section};
use super::words::link;
use crate::answer::Early;

pub(super) const PATH: &str = "/lictor/admin/workspaces";

/// What is configured of one workspace, without what is secret.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Its name.
    pub name: WorkspaceName,
    /// The host names that lead to it; empty for any that no other workspace has.
    pub hosts: Vec<String>,
    /// The path under which it is on those hosts; empty for the root.
    pub prefix: String,
    /// Where its Prefect Servers are.
    pub upstreams: Vec<String>,
}

/// `GET /lictor/admin/workspaces`
pub(super) async fn show(desk: Desk) -> Result<Response, Early> {
    let mut sections = Vec::new();
    for facts in desk.web.workspace_facts.iter() {
        let roles = desk.admin.count_grants(&facts.name).await.map_err(|error| desk.refuse(&error))?;
        sections.push(section(&desk, facts, &roles));
    }
    Ok(desk.frame(Place::Workspaces).page(StatusCode::OK, "Workspaces", &sections))
}

fn section(desk: &Desk, facts: &Facts, roles: &[(RoleName, i64)]) -> Section {
    let hosts =
        if facts.hosts.is_empty() { "any that no other workspace has".to_owned() } else { facts.hosts.join(", ") };
    let mut known = vec![("Host names", Cell::text(hosts))];
    if !facts.prefix.is_empty() {
        known.push(("Path", Cell::code(&facts.prefix)));
    }
    if desk.admin.may(&Deed::Oversee) {
        known.push(("Prefect Server", Cell::code(facts.upstreams.join(", "))));
    }
    let counts: Vec<String> = roles.iter().map(|(role, count)| format!("{role}: {count}")).collect();
    let counts = if counts.is_empty() { "none".to_owned() } else { counts.join(", ") };
    known.push(("Grants that hold here", Cell::text(counts)));
    let name = facts.name.as_str();
    let mut acts = vec![Act::link(
        "Grants here alone",
        format!("Grants here alone: {name}"),
        link(super::grants::PATH, &[("q", &format!(" in {name}"))]),
    )];
    acts.push(Act::link(
        "Grants everywhere",
        format!("Grants everywhere, {name} too"),
        link(super::grants::PATH, &[("q", " everywhere")]),
    ));
    Section::new(name, vec![Part::Facts(known), Part::Acts(acts)])
}
