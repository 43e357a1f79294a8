//! Who am I here? The only operation that asks for no account role.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use lictor_model::Principal;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::asker::Known;
use crate::api::people::Rank;
use crate::api::refusal::Refusals;
use crate::router::WebState;

/// Whoever asks.
#[derive(Serialize, ToSchema)]
pub(crate) struct Me {
    id: String,
    name: String,
    /// `user` or `service-account`.
    kind: String,
    /// Through whose rights they look, in a browser that views as somebody; what follows is of that one then.
    viewing: Option<String>,
    account_role: Rank,
    /// The workspaces whose roles they give and take, by being an owner there; an owner or admin of the account does so in all.
    owned_workspaces: Vec<String>,
}

/// Who asks, and what they are in the account.
#[utoipa::path(get, path = "/me", operation_id = "me", tag = "me", responses((status = 200, body = Me), Refusals))]
pub(crate) async fn show(State(web): State<WebState>, known: Known) -> Response {
    let (access, principal): (_, &Principal) = (&web.auth.view().access, &known.identity.principal);
    let seen_as = &known.identity.seen_as().id;
    let me = Me {
        id: principal.id.to_string(),
        name: principal.name.to_string(),
        kind: principal.kind.as_str().to_owned(),
        viewing: known.identity.viewing.as_ref().map(|viewed| viewed.name.to_string()),
        account_role: access.account_role(seen_as).into(),
        owned_workspaces: access.owned_workspaces(seen_as).iter().map(ToString::to_string).collect(),
    };
    known.answer(StatusCode::OK, &me)
}
