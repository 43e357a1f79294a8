//! Which second factors has somebody, and how do they come in who lost them? Listed, and taken away: by a link, or at once.

use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use lictor_manage::FactorLine;
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::Early;
use crate::api::asker::Asker;
use crate::api::body::Sent;
use crate::api::refusal::Refusals;
use crate::api::reset_links::{Link, NewLink};
use crate::reset_factors;

/// What a user has, and whether they must.
#[derive(Serialize, ToSchema)]
pub(crate) struct FactorList {
    name: String,
    /// Whether a role of theirs demands one.
    required: bool,
    /// Recovery codes that are left.
    recovery_codes: usize,
    /// Oldest first; ten at most.
    items: Vec<Factor>,
}

/// A second factor, without what it is verified by.
#[derive(Serialize, ToSchema)]
pub(crate) struct Factor {
    id: String,
    /// `totp` for a code of an app, or `passkey`.
    kind: String,
    /// What its owner calls it.
    label: String,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
}

fn shown(one: &FactorLine) -> Factor {
    Factor {
        id: one.id.to_string(),
        kind: one.kind.as_str().to_owned(),
        label: one.label.clone(),
        created_at: one.since.to_rfc3339(),
        last_used_at: one.last_used_at.map(|at| at.to_rfc3339()),
    }
}

/// The second factors of a user: never what they are verified by.
#[utoipa::path(get, path = "/users/{name}/factors", operation_id = "list_factors", tag = "users",
    params(("name" = String, Path)), responses((status = 200, body = FactorList), Refusals))]
pub(crate) async fn list(Path(name): Path<String>, asker: Asker) -> Result<Response, Early> {
    let name = asker.name(&name)?;
    let of = asker.admin.factors(&name).await.map_err(|error| asker.fail(&error))?;
    let list = FactorList {
        name: of.user.name.to_string(),
        required: of.required,
        recovery_codes: of.recovery_codes,
        items: of.factors.iter().map(shown).collect(),
    };
    Ok(asker.answer(StatusCode::OK, &list))
}

/// Take all second factors and recovery codes of a user away at once, which ends their sessions: for a device in wrong hands.
#[utoipa::path(delete, path = "/users/{name}/factors", operation_id = "remove_factors", tag = "users",
    params(("name" = String, Path)), responses((status = 204), Refusals))]
pub(crate) async fn remove(Path(name): Path<String>, asker: Asker) -> Result<Response, Early> {
    let name = asker.name(&name)?;
    asker.admin.remove_factors(&name).await.map_err(|error| asker.fail(&error))?;
    Ok(asker.done().await)
}

/// Make a link by which a user is rid of lost second factors, in place of any other link; the password is still asked for.
#[utoipa::path(post, path = "/users/{name}/factors/reset-link", operation_id = "make_factor_reset_link", tag = "users",
    params(("name" = String, Path)), request_body = NewLink, responses((status = 201, body = Link), Refusals))]
pub(crate) async fn make_link(Path(name): Path<String>, sent: Sent<NewLink>) -> Result<Response, Early> {
    let Sent { asker, body } = sent;
    let name = asker.name(&name)?;
    let made = asker.admin.make_factor_reset_link(&name, body.seconds()).await.map_err(|error| asker.fail(&error))?;
    Ok(asker.answer(StatusCode::CREATED, &Link::new(&asker, reset_factors::PATH, &made)))
}
