//! Who comes in from elsewhere, as what? The identity providers and their rules, and what the rules make of given claims.

use axum::response::Response;
use http::StatusCode;
use lictor_authn::oidc::provider::{Provider, Rule, Test};
use lictor_authn::oidc::trial::Trial;
use lictor_authz::Deed;

use super::desk::{Desk, Order};
use super::filled::{Filled, Kind};
use super::page::{Cell, Form, Part, Place, Section, Table};
use super::words::{place, sentence};
use crate::answer::Early;

pub(super) const PATH: &str = "/lictor/admin/providers";
const TRY: &str = "/lictor/admin/providers/try";

/// `GET /lictor/admin/providers`
pub(super) async fn show(desk: Desk) -> Result<Response, Early> {
    page(StatusCode::OK, &desk, &Filled::default(), None)
}

/// `POST /lictor/admin/providers/try`: changes nothing.
pub(super) async fn try_rules(order: Order) -> Result<Response, Early> {
    let desk = &order.desk;
    desk.admin.look(&Deed::Oversee).map_err(|error| desk.refuse(&error))?;
    let mut filled = Filled::read(&order, &["provider", "claims"]);
    let (provider, claims) = (filled.value("provider").to_owned(), filled.value("claims").to_owned());
    match desk.web.sign_on.try_rules(&provider, claims.as_bytes()) {
        Ok(trial) => page(StatusCode::OK, desk, &filled, Some(&trial)),
        Err(error) => {
            filled.wrong("claims", sentence(&error));
            page(StatusCode::UNPROCESSABLE_ENTITY, desk, &filled, None)
        }
    }
}

fn page(status: StatusCode, desk: &Desk, filled: &Filled, trial: Option<&Trial>) -> Result<Response, Early> {
    desk.admin.look(&Deed::Oversee).map_err(|error| desk.refuse(&error))?;
    let providers = desk.web.sign_on.providers();
    let mut sections = Vec::new();
    for provider in &providers {
        let is_meant = filled.value("provider") == provider.name;
        let trial = trial.filter(|_| is_meant);
        let blank = Filled::default();
        sections.push(section(provider, trial, if is_meant { filled } else { &blank }));
    }
    if sections.is_empty() {
        let words = "There is none in the configuration: people sign in with a password.";
        sections.push(Section::new("No provider", vec![Part::Words(words.to_owned())]));
    }
    Ok(desk.frame(Place::Providers).page(status, "Providers", &sections))
}

fn section(provider: &Provider, trial: Option<&Trial>, filled: &Filled) -> Section {
    let facts = vec![
        ("Name", Cell::text(&provider.name)),
        ("Issuer", Cell::code(&provider.issuer)),
        ("Client", Cell::code(&provider.client_id)),
        (
            "Comes in front",
            Cell::text(if provider.edge.is_some() {
                "yes: it vouches in a header"
            } else {
                "no: people are sent there"
            }),
        ),
    ];
    let mut columns: Vec<String> = ["Rule", "Whom it fits", "Role", "Where", "Team"].map(str::to_owned).into();
    if trial.is_some() {
        columns.push("On these claims".to_owned());
    }
    let rows = provider.rules.iter().enumerate().map(|(at, rule)| row(at, rule, trial)).collect();
    let table = Table {
        name: format!("Rules of {}", provider.name),
        columns,
        rows,
        empty: "No rule: nobody comes in.".to_owned(),
        ..Table::default()
    };
    let hint = "What the provider says of somebody, as a JSON object: {\"groups\": [\"eng\"]}. It is kept nowhere.";
    let form = Form {
        path: TRY.to_owned(),
        hidden: vec![("provider", provider.name.clone())],
        fields: vec![filled.field("claims", "Claims", hint, Kind::Lines)],
        button: "Test the rules on these claims",
        ..Form::default()
    };
    let mut parts = vec![Part::Facts(facts), Part::Table(table)];
    if let Some(trial) = trial {
        parts.push(verdict(trial));
    }
    parts.push(Part::Form(form));
    Section::new(&provider.label, parts)
}

fn row(at: usize, rule: &Rule, trial: Option<&Trial>) -> Vec<Cell> {
    let (role, scope) = match &rule.grant {
        Some((role, scope)) => (role.to_string(), place(scope)),
        None => (String::new(), String::new()),
    };
    let mut cells = vec![
        Cell::text((at + 1).to_string()),
        Cell::text(whom(&rule.test)),
        Cell::text(role),
        Cell::text(scope),
        Cell::text(rule.team.as_ref().map(|team| team.to_string()).unwrap_or_default()),
    ];
    if let Some(trial) = trial {
        cells.push(Cell::text(if trial.fitting.contains(&at) { "✓ fits" } else { "does not fit" }));
    }
    cells
}

fn whom(test: &Test) -> String {
    match test {
        Test::Everyone => "everyone".to_owned(),
        Test::AnyOf(claim, values) => format!("{claim} is or holds {}", values.join(" or ")),
        Test::Matches(claim, pattern) => format!("{claim} matches {}", pattern.written()),
    }
}

fn verdict(trial: &Trial) -> Part {
    match &trial.gifts {
        Err(refused) => Part::Warning(format!("They would not come in. {refused}")),
        Ok(gifts) => {
            let roles: Vec<String> =
                gifts.grants.iter().map(|(role, scope)| format!("{role} {}", place(scope))).collect();
            let teams: Vec<String> = gifts.teams.iter().map(ToString::to_string).collect();
            let or_none = |all: Vec<String>| if all.is_empty() { "none".to_owned() } else { all.join(", ") };
            Part::Facts(vec![
                ("They would", Cell::text("come in")),
                ("As", Cell::text(trial.name.as_deref().unwrap_or("user"))),
                ("Roles", Cell::text(or_none(roles))),
                ("Teams", Cell::text(or_none(teams))),
            ])
        }
    }
}
