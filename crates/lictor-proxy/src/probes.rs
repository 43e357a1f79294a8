//! Is Lictor alive, ready, and what does it count? For orchestrators and Prometheus, without a credential.

use http::header::{self, HeaderValue};
use http::{Method, Response, StatusCode};

use crate::body::ResponseBody;
use crate::gateway::Gateway;

/// Answers a probe; `None` when it is none.
pub(crate) fn answer(gateway: &Gateway, method: &Method, path: &str) -> Option<Response<ResponseBody>> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return None;
    }
    match path {
        "/lictor/health" => Some(json(StatusCode::OK, r#"{"status":"alive"}"#)),
        "/lictor/ready" => Some(ready(gateway)),
        "/lictor/metrics" => Some(metrics(gateway)),
        _ => None,
    }
}

/// Ready means: deciding on fresh knowledge, recording changes, and not about to stop. Prefect's own health is not part of
/// it: while Prefect restarts, clients are better held here than refused by a load balancer.
fn ready(gateway: &Gateway) -> Response<ResponseBody> {
    if gateway.drain.has_begun() {
        return json(StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"draining"}"#);
    }
    if gateway.recorder.check().is_err() || !gateway.auth.is_fresh() {
        return json(StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"store unavailable"}"#);
    }
    json(StatusCode::OK, r#"{"status":"ready"}"#)
}

fn json(status: StatusCode, body: &'static str) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn metrics(gateway: &Gateway) -> Response<ResponseBody> {
    let (view, now) = (gateway.auth.view(), gateway.clock.now());
    gateway.metrics.keys_expiring(|seconds| view.keys_ending_within(seconds, now));
    let (well, out): (Vec<_>, Vec<_>) =
        gateway.settings.workspaces.iter().flat_map(|one| &one.upstreams).partition(|replica| replica.is_well());
    gateway.metrics.upstreams(well.len(), out.len());
    let mut response = Response::new(ResponseBody::from(gateway.metrics.render()));
    let kind = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
