//! Where is everything managed? The pages under `/lictor/admin`, and every route of theirs.
//!
//! A page asks `lictor-manage` for what it shows and for what it does, as the command line and the API do. Each handler
//! begins with a [`desk::Desk`] or a [`desk::Order`], which lets in only those who manage something.

mod audit;
mod automations;
mod bans;
mod confirm;
mod desk;
mod factors;
mod filled;
mod front;
mod grants;
mod kept;
mod keys;
mod new_key;
mod page;
mod people;
mod principal;
mod providers;
mod role_demands;
mod roles;
mod rotate;
mod sessions;
mod teams;
mod words;
mod workspaces;

use axum::Router;
use axum::routing::{get, post};

use crate::router::WebState;

pub(crate) use desk::administers;
pub use workspaces::Facts as WorkspaceFacts;

/// Where they are.
pub(crate) const PATH: &str = "/lictor/admin";

/// The page of one principal.
pub(crate) fn page_of(principal: &lictor_model::Principal) -> String {
    words::principal_link(principal.name.as_str())
}

/// The routes.
pub(crate) fn router() -> Router<WebState> {
    Router::new()
        .route("/lictor/admin", get(front::show))
        .route("/lictor/admin/people", get(people::show_users).post(people::add_user))
        .route("/lictor/admin/service-accounts", get(people::show_machines).post(people::add_machine))
        .route("/lictor/admin/principal", get(principal::show))
        .route("/lictor/admin/principal/disable", get(principal::ask_to_disable).post(principal::disable))
        .route("/lictor/admin/principal/enable", post(principal::enable))
        .route("/lictor/admin/principal/remove", get(principal::ask_to_remove).post(principal::remove))
        .route("/lictor/admin/principal/view-as", post(principal::view_as))
        .route("/lictor/admin/principal/account-role", post(principal::set_account_role))
        .route("/lictor/admin/principal/reset-link", post(principal::make_reset_link))
        .route("/lictor/admin/principal/factors", get(factors::show))
        .route("/lictor/admin/principal/factors/reset-link", post(factors::make_link))
        .route("/lictor/admin/principal/factors/remove", post(factors::remove))
        .route("/lictor/admin/principal/key", post(new_key::make))
        .route("/lictor/admin/grants", get(grants::show).post(grants::add))
        .route("/lictor/admin/grants/remove", get(grants::ask_to_remove).post(grants::remove))
        .route("/lictor/admin/keys", get(keys::show))
        .route("/lictor/admin/keys/revoke", get(keys::ask_to_revoke).post(keys::revoke))
        .route("/lictor/admin/keys/disable", get(keys::ask_to_disable).post(keys::disable))
        .route("/lictor/admin/keys/rotate", get(rotate::ask).post(rotate::rotate))
        .route("/lictor/admin/keys/enable", post(keys::enable))
        .route("/lictor/admin/sessions", get(sessions::show))
        .route("/lictor/admin/sessions/end", post(sessions::end))
        .route("/lictor/admin/bans", get(bans::show).post(bans::add))
        .route("/lictor/admin/bans/lift", post(bans::lift))
        .route("/lictor/admin/teams", get(teams::show).post(teams::add))
        .route("/lictor/admin/team", get(teams::show_one))
        .route("/lictor/admin/team/add-members", post(teams::add_members))
        .route("/lictor/admin/team/remove-member", post(teams::remove_member))
        .route("/lictor/admin/team/remove", get(teams::ask_to_remove).post(teams::remove))
        .route("/lictor/admin/roles", get(roles::show).post(roles::add))
        .route("/lictor/admin/roles/change", get(roles::ask_to_change).post(roles::change))
        .route("/lictor/admin/roles/remove", get(roles::ask_to_remove).post(roles::remove))
        .route("/lictor/admin/roles/max-key-age", post(role_demands::set_max_key_age))
        .route("/lictor/admin/roles/second-factor", post(role_demands::set_second_factor))
        .route("/lictor/admin/workspaces", get(workspaces::show))
        .route("/lictor/admin/providers", get(providers::show))
        .route("/lictor/admin/providers/try", post(providers::try_rules))
        .route("/lictor/admin/automations", get(automations::show))
        .route("/lictor/admin/audit", get(audit::show))
        .route("/lictor/admin/audit/export", get(audit::export))
}
