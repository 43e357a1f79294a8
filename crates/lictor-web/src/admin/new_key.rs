//! Which key is made for somebody, and what is it good for? The form on a principal's page, and the key, shown once.

use axum::response::Response;
use http::StatusCode;
use lictor_manage::NewKey;
use lictor_model::Principal;
use lictor_store::KeyRow;

use super::desk::{Desk, Order};
use super::filled::{Filled, Kind};
use super::page::{Act, Cell, Form, Part, Place, Section};
use super::principal;
use super::words::{self, ends, principal_link};
use crate::answer::Early;
use crate::keys::wish::{EXPIRIES, Wish};
use crate::setup::{Client, RECIPES, Snippet};
use crate::workspaces;

const PATH: &str = "/lictor/admin/principal/key";
/// What a key's form asks for.
const FIELDS: [&str; 8] =
    ["label", "expires", "until", "read_only", "workspace", "permissions", "work_pools", "networks"];

/// A key's form before it was filled in.
pub(super) fn blank() -> Filled {
    Filled::with(vec![("expires", Wish::default().expires.to_owned())])
}

/// The form.
pub(super) fn form(desk: &Desk, one: &Principal, filled: &Filled) -> Part {
    let named = |(value, words): &(&str, &str)| ((*value).to_owned(), (*words).to_owned());
    let mut places = vec![(String::new(), "in every workspace".to_owned())];
    places.extend(desk.admin.workspaces().iter().map(|name| (name.to_string(), format!("only in {name}"))));
    let fields = vec![
        filled.field("label", "What it is for", "As \"laptop\" or \"nightly pipeline\".", Kind::Line),
        filled.field("expires", "It ends", "", Kind::Choice(EXPIRIES.iter().map(named).collect())),
        filled.field("until", "The last day, if it ends on a date of its own", "As 2027-01-31, in UTC.", Kind::Line),
        filled.field("workspace", "Where", "", Kind::Choice(places)),
        filled.field("read_only", "Only read", "", Kind::Check),
        filled.field(
            "permissions",
            "Only these permissions",
            "With commas; empty for all that its owner has.",
            Kind::Line,
        ),
        filled.field("work_pools", "Only these work pools", "With commas; empty for all.", Kind::Line),
        filled.field("networks", "Only from these networks", "As 10.0.0.0/8, with commas; empty for any.", Kind::Line),
    ];
    Part::Form(Form {
        path: PATH.to_owned(),
        hidden: vec![("name", one.name.to_string())],
        fields,
        button: "Make the key",
        problem: filled.whole(),
        ..Form::default()
    })
}

/// `POST /lictor/admin/principal/key`
pub(super) async fn make(order: Order) -> Result<Response, Early> {
    let desk = &order.desk;
    let one = principal::named(desk, order.sent.field("name")).await?;
    let wish = Wish::read(&order.sent, EXPIRIES, desk.admin.workspaces(), desk.web.clock.now());
    let mut filled = Filled::read(&order, &FIELDS);
    let problems = &wish.problems;
    for (name, problem) in [
        ("label", &problems.label),
        ("expires", &problems.expires),
        ("workspace", &problems.workspace),
        ("permissions", &problems.permissions),
        ("networks", &problems.networks),
    ] {
        if let Some(problem) = problem {
            filled.wrong(name, problem.clone());
        }
    }
    if problems.is_none() {
        let new = NewKey {
            owner: one.name.clone(),
            label: wish.label.clone(),
            expires_at: wish.ends_at,
            narrowing: wish.narrowing.clone(),
        };
        match desk.admin.make_key(new).await {
            Ok((secret, key)) => {
                desk.web.auth.refresh().await;
                return Ok(made(desk, &one, secret.expose(), &key));
            }
            Err(error) => filled.wrong_as_a_whole(desk.fault(&error)?),
        }
    }
    principal::page(StatusCode::UNPROCESSABLE_ENTITY, desk, &one, &filled).await
}

pub(super) fn made(desk: &Desk, one: &Principal, key: &str, made: &KeyRow) -> Response {
    // As the key's owner finds it: its workspaces are not those of whoever makes it.
    let mine = workspaces::of(&desk.web, &desk.visit, &one.id);
    let place = workspaces::first_choice(&mine, &desk.visit, made.narrowing.as_ref());
    let here = || format!("{}{}", desk.visit.caller.origin, desk.visit.at("/api"));
    let api = place.and_then(|one| one.api(&desk.visit)).unwrap_or_else(here);
    let client = Client { api: &api, name: one.name.as_str(), key };
    let facts = vec![
        ("Of", Cell::text(one.name.as_str())),
        ("May do", Cell::text(words::limits(made))),
        ("Ends", Cell::text(ends(made))),
    ];
    let once = "Copy the key now: it is shown this once, and nobody can show it again.";
    let back = vec![Act::link(
        "I have it: back",
        format!("I have it: back to {}", one.name),
        principal_link(one.name.as_str()),
    )];
    let mut sections = vec![Section::new(
        words::label(made),
        vec![
            Part::Words(once.to_owned()),
            Part::Copy("The key".to_owned(), key.to_owned()),
            Part::Facts(facts),
            Part::Acts(back),
        ],
    )];
    for recipe in &RECIPES {
        let mut parts = vec![Part::Words(recipe.note.to_owned())];
        let snippets = recipe.snippets(client).into_iter();
        let copy = |snippet: Snippet| Part::Copy(format!("{}, {}", snippet.place, recipe.title), snippet.text);
        parts.extend(snippets.map(copy));
        sections.push(Section::new(recipe.title, parts));
    }
    desk.frame(Place::Machines).page(StatusCode::OK, "The key is made", &sections)
}
