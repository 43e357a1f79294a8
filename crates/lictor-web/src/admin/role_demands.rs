//! What is demanded of those who have a role? That their keys end in time, and that they have a second factor.

use axum::response::Response;
use http::StatusCode;
use lictor_manage::impact::Ended;
use lictor_model::key_age::in_words;
use lictor_model::{PrincipalName, Reason, Role, RoleName};
use lictor_store::KeyRow;

use super::desk::{Desk, Order};
use super::filled::{Filled, Kind, choices};
use super::page::{Cell, Flash, Form, Part, Place, Section, Table};
use super::roles::{PATH, page};
use super::words::{label, last_use, masked, principal_link};
use crate::answer::Early;
use crate::when::minute;

const MAX_KEY_AGE: &str = "/lictor/admin/roles/max-key-age";
const SECOND_FACTOR: &str = "/lictor/admin/roles/second-factor";
const DAY: i64 = 86_400;

/// The forms as they were filled in.
#[derive(Default)]
pub(super) struct Demands {
    age: Filled,
    factor: Filled,
}

impl Demands {
    /// The forms.
    pub(super) fn sections(&self, all: &[Role]) -> [Section; 2] {
        let role = |filled: &Filled| {
            let roles = choices("choose a role", all.iter().map(|role| role.name.as_str()));
            filled.field("role", "Role", "", Kind::Choice(roles))
        };
        let days = "No key of those who have the role grows older; empty for any age.";
        let age = vec![role(&self.age), self.age.field("days", "Days", days, Kind::Line)];
        let demand = [("required", "demanded"), ("none", "not demanded")];
        let demand = demand.map(|(value, words)| (value.to_owned(), words.to_owned())).into();
        let hint = "Without one they can do nothing in a browser but add one; keys go on.";
        let factor =
            vec![role(&self.factor), self.factor.field("demand", "A second factor is", hint, Kind::Choice(demand))];
        let form = |path: &str, fields, button| {
            vec![Part::Form(Form { path: path.to_owned(), fields, button, ..Form::default() })]
        };
        [
            Section::new("Bound the age of keys", form(MAX_KEY_AGE, age, "Set the bound")),
            Section::new("Demand a second factor", form(SECOND_FACTOR, factor, "Set the demand")),
        ]
    }
}

/// `POST /lictor/admin/roles/max-key-age`: first the keys that would end at once are shown, then it is done.
pub(super) async fn set_max_key_age(order: Order) -> Result<Response, Early> {
    let desk = &order.desk;
    let mut age = Filled::read(&order, &["role", "days"]);
    let role = age.parse("role", RoleName::parse);
    let days = age.value("days").to_owned();
    let seconds = if days.is_empty() {
        Some(None)
    } else {
        days.parse::<i64>().ok().and_then(|days| days.checked_mul(DAY)).map(Some)
    };
    if seconds.is_none() {
        age.wrong("days", "Write the days as a number, as 90.");
    }
    if let (Some(role), Some(seconds)) = (role, seconds) {
        let done = match seconds.filter(|_| order.sent.field("confirmed").is_empty()) {
            Some(seconds) => match desk.admin.keys_ended_by(&role, seconds).await {
                Ok(ended) => return Ok(ask(desk, &role, (&days, seconds), &ended)),
                Err(error) => Err(error),
            },
            None => desk.admin.set_max_key_age(&role, seconds).await,
        };
        match done {
            Ok(()) => return Ok(desk.done(PATH, Flash::KeyAgeSet).await),
            Err(error) => {
                let field = if error.reason() == Reason::UnusableValue { "days" } else { "role" };
                age.wrong(field, desk.fault(&error)?);
            }
        }
    }
    let demands = Demands { age, ..Demands::default() };
    page(StatusCode::UNPROCESSABLE_ENTITY, desk, &Filled::default(), &demands).await
}

fn ask(desk: &Desk, role: &RoleName, (days, seconds): (&str, i64), ended: &Ended) -> Response {
    let form = Form {
        path: MAX_KEY_AGE.to_owned(),
        hidden: vec![("role", role.to_string()), ("days", days.to_owned()), ("confirmed", "yes".to_owned())],
        button: "Set the bound",
        danger: true,
        instead: Some(("Leave it", PATH.to_owned())),
        ..Form::default()
    };
    let words = format!(
        "Keys of those who have the role {role}, or one based on it, end {} after they were made.",
        in_words(seconds)
    );
    let mut broken = vec![Part::Words(counted(ended))];
    if !ended.keys.is_empty() {
        broken.push(Part::Table(table(ended)));
    }
    let sections = [
        Section::new("What would break", broken),
        Section::new("Set the bound", vec![Part::Words(words), Part::Form(form)]),
    ];
    let title = format!("Bound the age of keys of {role}");
    desk.frame(Place::Roles).page(StatusCode::OK, &title, &sections)
}

fn counted(ended: &Ended) -> String {
    match ended.count {
        0 => "No key in use is that old: none would end now.".to_owned(),
        1 => "One key in use is older, and would end at once.".to_owned(),
        count => format!("{count} keys in use are older, and would end at once."),
    }
}

fn table(ended: &Ended) -> Table {
    let row = |(owner, key): &(PrincipalName, KeyRow)| {
        vec![
            Cell::text(label(key)),
            Cell::linked(owner.as_str(), principal_link(owner.as_str())),
            Cell::code(masked(key)),
            Cell::text(minute(key.created_at)),
            Cell::text(last_use(key)),
        ]
    };
    Table {
        name: "Keys that would end at once".to_owned(),
        columns: ["Key for", "Owner", "Key", "Made", "Last use"].map(str::to_owned).into(),
        rows: ended.keys.iter().map(row).collect(),
        ..Table::default()
    }
}

/// `POST /lictor/admin/roles/second-factor`
pub(super) async fn set_second_factor(order: Order) -> Result<Response, Early> {
    let desk = &order.desk;
    let mut factor = Filled::read(&order, &["role", "demand"]);
    let role = factor.parse("role", RoleName::parse);
    let required = match factor.value("demand") {
        "required" => Some(true),
        "none" => Some(false),
        _ => {
            factor.wrong("demand", "Choose whether it is demanded.");
            None
        }
    };
    if let (Some(role), Some(required)) = (role, required) {
        match desk.admin.set_second_factor(&role, required).await {
            Ok(()) => return Ok(desk.done(PATH, Flash::SecondFactorSet).await),
            Err(error) => factor.wrong("role", desk.fault(&error)?),
        }
    }
    let demands = Demands { factor, ..Demands::default() };
    page(StatusCode::UNPROCESSABLE_ENTITY, desk, &Filled::default(), &demands).await
}
