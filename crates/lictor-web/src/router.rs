//! Which pages are there? Every route of ours that is a page.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::response::Response;
use axum::routing::{get, post};
use lictor_authn::Authenticator;
use lictor_authn::factors::Factors;
use lictor_authn::oidc::SignOn;
use lictor_authz::Doors;
use lictor_model::{Clock, Reason, WorkspaceName};
use lictor_store::Store;

use crate::visit::Visit;
use crate::{
    account, admin, api, assets, back_channel, client_login, confirm, device_grant, device_page, factors, form,
    key_rotation, keys, leak, me, own_key, passkey_sign_in, password, reset, reset_factors, sessions, sign_in, sign_on,
    sign_out, token, view_as,
};

/// What the pages need. Each request must also carry a [`lictor_authn::Caller`] in its extensions.
#[derive(Clone)]
pub struct WebState {
    /// Signs people in and out.
    pub auth: Authenticator,
    /// Signs people in and out at identity providers.
    pub sign_on: SignOn,
    /// Second factors, and who proved themselves when.
    pub factors: Factors,
    /// Keys, sessions and links to reset a password.
    pub store: Store,
    /// The time, for what has expired.
    pub clock: Clock,
    /// The workspaces behind this gateway.
    pub workspaces: Arc<[WorkspaceName]>,
    /// Where they are, in the same order.
    pub doors: Arc<Doors>,
    /// What is configured of each of them.
    pub workspace_facts: Arc<[admin::WorkspaceFacts]>,
    /// Whether browsers may sign in over plain HTTP from other machines than this one.
    pub allow_plain_http: bool,
}

/// The router of everything under `/lictor/` that is a page.
pub fn router(state: WebState) -> Router {
    Router::new()
        .route("/lictor/sign-in", get(sign_in::show).post(sign_in::submit))
        .route(passkey_sign_in::PATH, get(passkey_sign_in::show).post(passkey_sign_in::submit))
        .route(confirm::PATH, get(confirm::show).post(confirm::submit))
        .route(view_as::END, post(view_as::end))
        .route("/lictor/sign-out", post(sign_out::submit))
        .route("/lictor/sso/{provider}/begin", get(sign_on::begin))
        .route("/lictor/sso/{provider}/callback", get(sign_on::complete).post(sign_on::form_post))
        .route("/lictor/sso/{provider}/back-channel-logout", post(back_channel::submit))
        .route("/lictor/account", get(account::show))
        .route("/lictor/account/keys", get(keys::show).post(keys::make))
        .route("/lictor/account/keys/revoke", get(keys::ask_to_revoke).post(keys::revoke))
        .route("/lictor/account/password", get(password::show).post(password::submit))
        .route(factors::PATH, get(factors::show))
        .route(factors::CODES_PATH, post(factors::new_codes))
        .route(factors::totp::PATH, get(factors::totp::show).post(factors::totp::submit))
        .route(factors::passkey::PATH, get(factors::passkey::show).post(factors::passkey::submit))
        .route(factors::remove::PATH, get(factors::remove::ask).post(factors::remove::submit))
        .route("/lictor/account/sessions", get(sessions::show))
        .route("/lictor/account/sessions/end", post(sessions::end_one))
        .route("/lictor/account/sessions/end-others", post(sessions::end_others))
        .route(client_login::PATH, get(client_login::show).post(client_login::submit))
        .route("/lictor/device", get(device_page::show).post(device_page::submit))
        .route("/lictor/device/code", post(device_grant::begin))
        .route("/lictor/device/token", post(device_grant::answer))
        .route("/lictor/keys/current", get(own_key::show))
        .route("/lictor/keys/revoke", post(own_key::revoke))
        .route("/lictor/keys/rotate", post(key_rotation::submit))
        .route("/lictor/report-leak", post(leak::submit))
        .route("/lictor/token", post(token::submit))
        .route("/lictor/account/sessions/end-all", post(sessions::end_all))
        .route(reset::PATH, get(reset::show).post(reset::submit))
        .route(reset_factors::PATH, get(reset_factors::show).post(reset_factors::submit))
        .route("/lictor/me", get(me::show))
        .merge(api::router())
        .route("/lictor/ui.js", get(assets::ui))
        .route("/lictor/style.css", get(assets::style))
        .route("/lictor/page.js", get(assets::script))
        .route("/lictor/hand-over.js", get(assets::hand_over))
        .route("/lictor/passkey.js", get(assets::passkey))
        .route("/lictor/icon.svg", get(assets::icon))
        .merge(admin::router())
        .fallback(async |visit: Visit| -> Response { visit.refuse(Reason::NotFound) })
        .method_not_allowed_fallback(async |visit: Visit| -> Response { visit.refuse(Reason::MethodNotAllowed) })
        .layer(DefaultBodyLimit::max(form::LIMIT))
        .with_state(state)
}
