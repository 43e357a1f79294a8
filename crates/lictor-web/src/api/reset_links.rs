//! How does somebody come in who has no password, or forgot it? By a link that is answered once, and handed over.

use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::Early;
use crate::api::body::Sent;
use crate::api::refusal::Refusals;
use crate::reset;

/// A link to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewLink {
    /// How long it lasts.
    #[serde(default = "a_day")]
    #[schema(minimum = 1, maximum = 604_800, default = 86_400)]
    seconds: i64,
}

const fn a_day() -> i64 {
    86_400
}

/// A link, shown once.
#[derive(Serialize, ToSchema)]
pub(crate) struct Link {
    name: String,
    /// Sets a new password of the user, once.
    url: String,
    #[schema(format = DateTime)]
    expires_at: String,
}

/// Make a link by which a user sets a password, in place of any other.
#[utoipa::path(post, path = "/users/{name}/reset-link", operation_id = "make_reset_link", tag = "users",
    params(("name" = String, Path)), request_body = NewLink, responses((status = 201, body = Link), Refusals))]
pub(crate) async fn make(Path(name): Path<String>, sent: Sent<NewLink>) -> Result<Response, Early> {
    let Sent { asker, body } = sent;
    let name = asker.name(&name)?;
    let made = asker.admin.make_reset_link(&name, body.seconds).await.map_err(|error| asker.fail(&error))?;
    let url = format!("{}{}?token={}", asker.visit.caller.home(), reset::PATH, made.token.expose());
    let link = Link { name: made.name.to_string(), url, expires_at: made.expires_at.to_rfc3339() };
    Ok(asker.answer(StatusCode::CREATED, &link))
}
