//! What can a program manage? The admin API under `/lictor/api/v1`: the operations of `lictor-manage`, described by OpenAPI.

mod asker;
mod audit;
mod automations;
mod bans;
mod body;
mod factors;
mod grants;
mod keys;
mod me;
mod page;
mod people;
pub mod reference;
pub(crate) mod refusal;
mod reset_links;
mod roles;
mod sessions;
mod teams;
mod when;
mod workspaces;

use std::sync::Arc;

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use http::StatusCode;
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, SecurityRequirement, Server};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::router::WebState;
use asker::Known;

/// Where it is.
pub const PATH: &str = "/lictor/api/v1";

#[derive(OpenApi)]
#[openapi(
    components(schemas(refusal::Refusal)),
    info(
        title = "Lictor's admin API",
        description = "People, service accounts, teams, roles, grants, keys, sessions, bans and the record. The same operations as the \
                   command line, with the same permissions and the same audit events. Present an API key (Bearer, or Basic as \
                   `name:key`), a password (Basic), or a signed-in browser's session from the gateway's own pages."
    )
)]
struct Description;

/// Every route, with its description.
fn routes() -> OpenApiRouter<WebState> {
    let api = OpenApiRouter::new()
        .routes(routes!(me::show))
        .routes(routes!(people::list_users, people::add_user))
        .routes(routes!(people::show_user, people::change_user, people::remove_user))
        .routes(routes!(people::set_account_role_of_user))
        .routes(routes!(reset_links::make))
        .routes(routes!(factors::list, factors::remove))
        .routes(routes!(factors::make_link))
        .routes(routes!(people::list_service_accounts, people::add_service_account))
        .routes(routes!(people::show_service_account, people::change_service_account, people::remove_service_account))
        .routes(routes!(people::set_account_role_of_service_account))
        .routes(routes!(teams::list, teams::add))
        .routes(routes!(teams::show, teams::remove))
        .routes(routes!(teams::add_member, teams::remove_member))
        .routes(routes!(roles::list, roles::add))
        .routes(routes!(roles::show, roles::change, roles::remove))
        .routes(routes!(roles::set_max_key_age))
        .routes(routes!(roles::set_second_factor))
        .routes(routes!(grants::list, grants::add))
        .routes(routes!(grants::show, grants::remove))
        .routes(routes!(keys::list, keys::make))
        .routes(routes!(keys::show, keys::revoke))
        .routes(routes!(keys::rotate))
        .routes(routes!(keys::disable))
        .routes(routes!(keys::enable))
        .routes(routes!(sessions::list))
        .routes(routes!(sessions::end))
        .routes(routes!(bans::list, bans::add))
        .routes(routes!(bans::lift))
        .routes(routes!(workspaces::list))
        .routes(routes!(automations::list))
        .routes(routes!(audit::list));
    OpenApiRouter::with_openapi(Description::openapi()).nest(PATH, api)
}

/// The description, as it is served at the root of a host.
#[must_use]
pub fn description() -> utoipa::openapi::OpenApi {
    let mut described = routes().into_openapi();
    described.info.version = env!("CARGO_PKG_VERSION").to_owned();
    described.info.license = Some(utoipa::openapi::License::new("Apache-2.0"));
    let mut cookie = ApiKeyValue::new("__Host-lictor");
    cookie.description = Some("A browser's session; changes are taken from the gateway's own pages alone.".to_owned());
    let schemes = [
        ("bearer", SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build())),
        ("basic", SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Basic).build())),
        ("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie))),
    ];
    described.security =
        Some(schemes.iter().map(|(name, _)| SecurityRequirement::new(*name, Vec::<String>::new())).collect());
    let components = described.components.get_or_insert_with(Components::new);
    components.security_schemes.extend(schemes.map(|(name, scheme)| (name.to_owned(), scheme.into())));
    described
}

/// The routes, and their description for whoever is somebody here.
pub(crate) fn router() -> Router<WebState> {
    let described = Arc::new(description());
    let describe = get(async move |known: Known| -> Response {
        let base = known.visit.caller.base.as_ref();
        let mut described = (*described).clone();
        described.servers = Some(vec![Server::new(if base.is_empty() { "/" } else { base })]);
        known.answer(StatusCode::OK, &described)
    });
    let (router, _) = routes().split_for_parts();
    router.route(&format!("{PATH}/openapi.json"), describe)
}
