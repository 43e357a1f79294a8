//! How does somebody come in who has no password, or forgot it? By a link that is answered once, and handed over.

use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use lictor_manage::NewResetLink;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::Early;
use crate::api::asker::Asker;
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
    /// Sets a new password of the user, or takes their second factors away: once.
    url: String,
    #[schema(format = DateTime)]
    expires_at: String,
}

impl NewLink {
    /// How long it is to last.
    pub(crate) const fn seconds(&self) -> i64 {
        self.seconds
    }
}

impl Link {
    /// A link to a page of ours that was made just now.
    pub(crate) fn new(asker: &Asker, page: &str, made: &NewResetLink) -> Self {
        let url = format!("{}{page}?token={}", asker.visit.caller.home(), made.token.expose());
        Self { name: made.name.to_string(), url, expires_at: made.expires_at.to_rfc3339() }
    }
}

/// Make a link by which a user sets a password, in place of any other.
#[utoipa::path(post, path = "/users/{name}/reset-link", operation_id = "make_reset_link", tag = "users",
    params(("name" = String, Path)), request_body = NewLink, responses((status = 201, body = Link), Refusals))]
pub(crate) async fn make(Path(name): Path<String>, sent: Sent<NewLink>) -> Result<Response, Early> {
    let Sent { asker, body } = sent;
    let name = asker.name(&name)?;
    let made = asker.admin.make_reset_link(&name, body.seconds).await.map_err(|error| asker.fail(&error))?;
    Ok(asker.answer(StatusCode::CREATED, &Link::new(&asker, reset::PATH, &made)))
}
