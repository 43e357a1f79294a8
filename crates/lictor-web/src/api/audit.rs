//! Who did what? The record, filtered, a page at a time.

use axum::response::Response;
use http::StatusCode;
use lictor_model::{AuditEvent, Outcome, Permission, Timestamp};
use lictor_store::AuditFilter;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::answer::Early;
use crate::api::asker::Asker;
use crate::api::body::Asked;
use crate::api::page::{Page, Turn, usual};
use crate::api::refusal::Refusals;
use crate::api::when;

/// Something that somebody did, or tried.
#[derive(Serialize, ToSchema)]
pub(crate) struct Event {
    id: String,
    #[schema(format = DateTime)]
    at: String,
    actor: Actor,
    credential: Option<Credential>,
    /// From where; empty at the console.
    client_ip: String,
    /// `POST /flow_runs/{id}/set_state` for Prefect's operations, `user.add` and the like for Lictor's.
    operation: String,
    object: String,
    /// Null: of the account.
    workspace: Option<String>,
    /// `allowed` or `refused`.
    outcome: String,
    /// Why it was refused; empty when it was allowed.
    reason: String,
    /// What its body needed; of each entry any one is enough. Null: no body was looked at.
    demands: Option<Vec<Vec<String>>>,
    /// What was answered; 0 when nobody was.
    status: u16,
    request: Option<String>,
}

/// Who did it, as they were called then.
#[derive(Serialize, ToSchema)]
pub(crate) struct Actor {
    id: String,
    /// `user`, `service-account`, or null for the console and for nobody.
    kind: Option<String>,
    name: String,
}

/// By what they did it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Credential {
    kind: String,
    id: String,
}

/// Which events.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// Of this actor: the name as it was, or the id.
    actor: Option<String>,
    /// Of this operation.
    operation: Option<String>,
    /// Not older than this.
    #[param(format = DateTime)]
    since: Option<String>,
    /// Older than this.
    #[param(format = DateTime)]
    until: Option<String>,
    /// `allowed` or `refused`.
    outcome: Option<String>,
    /// At most so many.
    #[serde(default = "usual")]
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: u32,
    /// The `next` of the page before.
    cursor: Option<String>,
}

fn shown(event: &AuditEvent) -> Event {
    let any_of = |set: lictor_model::PermissionSet| set.iter().map(|one: Permission| one.to_string()).collect();
    Event {
        id: event.id.to_string(),
        at: event.at.to_rfc3339(),
        actor: Actor {
            id: event.actor.id.clone(),
            kind: event.actor.kind.map(|kind| kind.as_str().to_owned()),
            name: event.actor.name.clone(),
        },
        credential: event
            .credential
            .as_ref()
            .map(|used| Credential { kind: used.kind.as_str().to_owned(), id: used.id.to_string() }),
        client_ip: event.client_ip.clone(),
        operation: event.operation.clone(),
        object: event.object.clone(),
        workspace: event.workspace.as_ref().map(ToString::to_string),
        outcome: event.outcome.as_str().to_owned(),
        reason: event.reason.clone(),
        demands: event.demands.as_ref().map(|demands| demands.iter().map(any_of).collect()),
        status: event.status,
        request: event.request.as_ref().map(ToString::to_string),
    }
}

fn filter(asker: &Asker, wanted: Wanted) -> Result<AuditFilter, Early> {
    let moment = |text: Option<String>| -> Result<Option<Timestamp>, Early> {
        text.map(|text| when::read(&text).ok_or_else(|| asker.unusable(when::HOW))).transpose()
    };
    let outcome = match wanted.outcome.as_deref() {
        None => None,
        Some("allowed") => Some(Outcome::Allowed),
        Some("refused") => Some(Outcome::Refused),
        Some(_) => return Err(asker.unusable("An outcome is `allowed` or `refused`.")),
    };
    Ok(AuditFilter {
        actor: wanted.actor,
        operation: wanted.operation,
        since: moment(wanted.since)?,
        until: moment(wanted.until)?,
        outcome,
        limit: wanted.limit,
        before: wanted.cursor.map(Into::into),
        after: None,
    })
}

/// The record, newest first.
#[utoipa::path(get, path = "/audit", operation_id = "list_audit", tag = "audit", params(Wanted),
    responses((status = 200, body = Page<Event>), Refusals))]
pub(crate) async fn list(asked: Asked<Wanted>) -> Result<Response, Early> {
    let Asked { asker, query } = asked;
    let turn = Turn { limit: query.limit, cursor: None };
    asker.admin.look(&lictor_authz::Deed::Oversee).map_err(|error| asker.fail(&error))?;
    turn.size().map_err(|error| asker.fail(&error))?;
    let filter = filter(&asker, query)?;
    let page = asker.admin.audit(filter).await.map_err(|error| asker.fail(&error))?;
    let next = page.next.map(|id| id.to_string());
    Ok(asker.answer(StatusCode::OK, &Page::with_next(page.events.iter().map(shown).collect(), next)))
}
