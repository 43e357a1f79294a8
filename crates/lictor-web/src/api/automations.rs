//! Who answers for what runs by itself? The automations with an owner on record, and those whose owner could not save them today.

use axum::response::Response;
use http::StatusCode;
use lictor_manage::Answered;
use lictor_model::{Permission, PermissionSet, WorkspaceName};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::answer::Early;
use crate::api::body::Asked;
use crate::api::page::{Page, Turn, turn, usual};
use crate::api::refusal::Refusals;

/// An automation that was saved through Lictor.
#[derive(Serialize, ToSchema)]
pub(crate) struct Automation {
    id: String,
    workspace: String,
    name: String,
    owner: AutomationOwner,
    /// When its owner made it, or last changed what it does.
    #[schema(format = DateTime)]
    saved_at: String,
    /// What its actions need; of each entry any one permission is enough.
    needs: Vec<Vec<String>>,
    /// Whether its owner could not save it today. Prefect runs it all the same.
    lapsed: bool,
    /// Why it has lapsed; empty when it has not.
    why: String,
    /// Which permissions its owner lacks.
    lacking: Vec<String>,
}

/// Who answers for it.
#[derive(Serialize, ToSchema)]
pub(crate) struct AutomationOwner {
    id: String,
    /// As it was when it was saved.
    name: String,
}

/// Which automations.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// Of this workspace.
    workspace: Option<String>,
    /// Only those whose owner could not save them today.
    #[serde(default)]
    #[param(default = false)]
    lapsed: bool,
    /// At most so many.
    #[serde(default = "usual")]
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: u32,
    /// The `next` of the page before.
    cursor: Option<String>,
}

fn shown(answered: &Answered) -> Automation {
    let row = &answered.automation;
    let names = |set: PermissionSet| set.iter().map(|one: Permission| one.to_string()).collect();
    Automation {
        id: row.id.clone(),
        workspace: row.workspace.to_string(),
        name: row.name.clone(),
        owner: AutomationOwner { id: row.principal.to_string(), name: row.principal_name.clone() },
        saved_at: row.saved_at.to_rfc3339(),
        needs: row.demands.iter().map(names).collect(),
        lapsed: answered.lapse.is_some(),
        why: answered.lapse.as_ref().map(|lapse| lapse.why.clone()).unwrap_or_default(),
        lacking: answered.lapse.as_ref().map(|lapse| names(lapse.lacking)).unwrap_or_default(),
    }
}

/// The automations with an owner on record.
#[utoipa::path(get, path = "/automations", operation_id = "list_automations", tag = "automations", params(Wanted),
    responses((status = 200, body = Page<Automation>), Refusals))]
pub(crate) async fn list(asked: Asked<Wanted>) -> Result<Response, Early> {
    let Asked { asker, query } = asked;
    let only = query.workspace.as_deref().map(WorkspaceName::from);
    let mut all = asker.admin.list_automations(only.as_ref()).await.map_err(|error| asker.fail(&error))?;
    all.retain(|one| one.lapse.is_some() || !query.lapsed);
    let asked = Turn { limit: query.limit, cursor: query.cursor };
    let page = turn(&asked, all, |one| one.automation.id.as_str(), shown);
    Ok(asker.answer(StatusCode::OK, &page.map_err(|error| asker.fail(&error))?))
}
