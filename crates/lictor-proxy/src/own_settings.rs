//! Does a run's body only repeat what its deployment says? Then it reconfigures nothing.
//!
//! The forms of Prefect's UI send a deployment's own queue, job variables and parameter check along with every run
//! (`ui-v2`, "custom run"). For a caller who may not reconfigure runs, what is equal to the deployment's own is left out, so
//! that Prefect takes the deployment's; whatever differs stays, and is refused. Nothing rests on the moment of the comparison.

use bytes::Bytes;
use http::header::{self, HeaderMap};
use http::{Request, Version};
use http_body_util::{BodyExt, Either, Full, Limited};
use lictor_authz::Permit;
use lictor_model::Reason;
use serde_json::Value;

use crate::forward::API_MOUNT;
use crate::refusal::Refusal;
use crate::upstream::{SentFlag, Upstream};

/// The settings of a run that a deployment has as well (`server/schemas/actions.py`, `DeploymentFlowRunCreate`).
const SETTINGS: [&str; 4] =
    ["work_queue_name", "job_variables", "enforce_parameter_schema", "infrastructure_document_id"];
/// A deployment with a large schema is some 100 KiB.
const MAX_ANSWER: usize = 8 * 1024 * 1024;

/// Leaves out of `run` what is the deployment's own. `headers` are those of the request that the permit is for.
///
/// # Errors
/// When Prefect does not answer.
pub(crate) async fn leave_out(
    run: &mut Value,
    permit: &Permit,
    upstream: &Upstream,
    headers: &HeaderMap,
) -> Result<(), Refusal> {
    let (Some(run), Some(path)) = (run.as_object_mut(), permit.path().strip_suffix("/create_flow_run")) else {
        return Ok(());
    };
    if let Some(deployment) = read(&format!("{API_MOUNT}{path}"), upstream, headers).await? {
        for setting in SETTINGS {
            if run.get(setting).is_some_and(|value| deployment.get(setting) == Some(value)) {
                run.shift_remove(setting);
            }
        }
    }
    Ok(())
}

/// What Prefect has at the path; nothing when it is not there.
///
/// # Errors
/// When Prefect does not answer, or not in JSON.
pub(crate) async fn read(path: &str, upstream: &Upstream, headers: &HeaderMap) -> Result<Option<Value>, Refusal> {
    let mut request = Request::new(Either::Right(Full::<Bytes>::default()));
    *request.version_mut() = Version::HTTP_11;
    *request.uri_mut() = path.parse().map_err(|_| Reason::AmbiguousPath)?;
    for name in [header::HOST, header::AUTHORIZATION] {
        if let Some(value) = headers.get(&name) {
            request.headers_mut().insert(name, value.clone());
        }
    }
    let sent = SentFlag::default();
    sent.raise();
    let response = upstream.send(request, sent).await.map_err(|error| error.reason())?;
    // A server that is busy for a moment has not said that there is nothing.
    if response.status().is_server_error() {
        return Err(Reason::UpstreamUnavailable.into());
    }
    if !response.status().is_success() {
        return Ok(None);
    }
    let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await.map_err(|_| Reason::UpstreamMalformed)?;
    Ok(Some(serde_json::from_slice(&body.to_bytes()).map_err(|_| Reason::UpstreamMalformed)?))
}
