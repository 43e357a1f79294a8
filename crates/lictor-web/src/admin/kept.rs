//! What becomes of a form whose session has ended meanwhile, or whose person must confirm who they are? It is shown again as it
//! was sent, and sent again once they have: what was entered is kept on that page, and neither in an address nor here.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use lictor_model::Reason;

use super::page::Place;
use super::words::{principal_link, team_link, visible};
use super::{factors, principal, teams};
use crate::answer;
use crate::form::Sent;
use crate::layout::{Layout, Section};
use crate::next::Next;
use crate::visit::{self, Visit};

#[derive(Template)]
#[template(path = "admin/kept.html")]
struct Page<'a> {
    layout: Layout<'a>,
    /// Whether somebody is signed in, and only has to confirm it.
    is_confirming: bool,
    /// Where to first, in another tab.
    first: &'a str,
    path: &'a str,
    fields: Vec<(&'a str, &'a str, String)>,
    leave: &'a str,
}

/// Whether nobody is signed in, where a browser sent the form.
pub(super) fn has_ended(visit: &Visit) -> bool {
    let rejected = visit.caller.rejection.as_ref().map_or(Reason::AuthenticationRequired, |one| one.reason);
    visit.reads_html() && visit.caller.identity.is_none() && rejected.status() == 401
}

/// The page that keeps the form, and says what to do first.
pub(super) fn page(sent: &Sent, path: &str) -> Response {
    let visit = &sent.visit;
    let is_confirming = visit.session().is_some();
    let is_half = visit.caller.rejection.as_ref().is_some_and(|one| one.reason == Reason::SecondFactorRequired);
    let onward = if is_confirming || is_half { crate::confirm::PATH } else { crate::sign_in::PATH };
    let reason = if is_confirming { Reason::ConfirmationRequired } else { Reason::AuthenticationRequired };
    let leave = place_of(sent, path);
    let first = Next::read(Some(&leave)).after(onward);
    let fields = sent.fields().map(|(name, value)| (name, value, visible(value))).collect();
    let layout = visit.layout(Section::Alone, None);
    let page = Page { layout, is_confirming, first: &first, path, fields, leave: &leave };
    let status = StatusCode::from_u16(reason.status()).unwrap_or(StatusCode::UNAUTHORIZED);
    let mut response = answer::page(status, &page);
    visit::mark(&mut response, reason, None);
    response
}

/// The page that has the form.
pub(super) fn place_of(sent: &Sent, path: &str) -> String {
    let is_below = |above: &str| path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let named = |one: &str, other: &str| [sent.field(one), sent.field(other)].into_iter().find(|name| !name.is_empty());
    if is_below(factors::PATH) {
        return super::words::link(factors::PATH, &[("name", sent.field("name"))]);
    }
    if is_below(principal::PATH) {
        return principal_link(sent.field("name"));
    }
    if is_below(teams::ONE) {
        return named("team", "name").map_or_else(|| teams::PATH.to_owned(), team_link);
    }
    let list = Place::ALL.into_iter().filter(|place| *place != Place::Front).find(|place| is_below(place.path()));
    list.unwrap_or(Place::Front).path().to_owned()
}
