//! How does a permitted request leave? With our own path, our own headers, and Prefect's credential in place of the caller's.

use base64::Engine;
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, Version};
use http_body_util::{BodyExt, Either, Full, Limited};
use hyper::body::Incoming;
use lictor_authz::{Inspect, Operation, Permit, Place};
use lictor_model::{Identity, Reason};
use serde_json::Value;

use crate::automation;
use crate::body::{self, Counted, ResponseBody};
use crate::gateway::{Arrival, DataThread};
use crate::page_token::Holder;
use crate::refusal::Refusal;
use crate::settings::Workspace;
use crate::story::Story;
use crate::upstream::{OutgoingBody, SentFlag, UpstreamBody};
use crate::websocket::{Destination, Errand};
use crate::{headers, inspect, next_page, own_settings};

/// Prefect stores these two as a run's creator (`server/api/dependencies.py`), the name in base64.
const AUTOMATION_ID: HeaderName = HeaderName::from_static("prefect-automation-id");
const AUTOMATION_NAME: HeaderName = HeaderName::from_static("prefect-automation-name");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// The operations whose result shows a creator.
const CREATORS: [&str; 3] =
    ["POST /flow_runs/", "POST /deployments/{id}/create_flow_run", "POST /deployments/{id}/create_flow_run/bulk"];
/// Where Prefect's API is, for clients and upstream alike.
pub(crate) const API_MOUNT: &str = "/api";
/// Larger than any body that is written anew: 50 events of at most 1.5 MB.
const MAX_REWRITTEN: usize = 80 * 1024 * 1024;

/// How a body is written anew.
pub(crate) struct Rewriting<R> {
    /// Whether this answer is one to write anew, by its headers; others pass as they are.
    pub(crate) applies: fn(&HeaderMap) -> bool,
    /// The largest body, in bytes; a larger one is not Prefect's.
    pub(crate) largest: usize,
    /// The new body; nothing when the old one is not what it should be.
    pub(crate) rewrite: R,
}

impl<R: FnOnce(&[u8]) -> Option<Bytes>> Rewriting<R> {
    /// Of every successful answer.
    pub(crate) fn json(rewrite: R) -> Self {
        Self { applies: |_| true, largest: MAX_REWRITTEN, rewrite }
    }
}

impl DataThread {
    /// Sends the request to Prefect and streams the answer back. Takes the permit: there is no other way out.
    pub(crate) async fn forward(
        &self,
        permit: Permit,
        story: &mut Story,
        arrival: Arrival<'_>,
        identity: Option<&Identity>,
    ) -> Result<Response<ResponseBody>, Refusal> {
        let operation = permit.operation();
        if operation.place == Place::Root {
            return Box::pin(self.forward_root(permit, story, arrival, identity)).await;
        }
        if next_page::OPERATIONS.contains(&operation.name()) {
            return Box::pin(self.event_page(permit, story, arrival, identity)).await;
        }
        if automation::OPERATIONS.contains(&operation.name()) {
            return Box::pin(self.automation(permit, story, arrival, identity)).await;
        }
        let mut response = self.exchange(permit, story, arrival, identity).await?;
        // Answers to one credential are nobody else's.
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(response.map(ResponseBody::Upstream))
    }

    /// A page of events, with the link to the next one at our own origin, and sealed for this caller.
    async fn event_page(
        &self,
        permit: Permit,
        story: &mut Story,
        mut arrival: Arrival<'_>,
        identity: Option<&Identity>,
    ) -> Result<Response<ResponseBody>, Refusal> {
        let identity = identity.ok_or(Reason::AuthenticationRequired)?;
        let workspace = &self.workspace(&arrival.target)?.name;
        let (tokens, holder) = (&self.gateway.page_tokens, Holder { workspace, principal: &identity.principal.id });
        if permit.operation().name() == next_page::FOLLOWING {
            arrival.target.query = Some(tokens.open(arrival.target.query.as_deref(), &holder)?);
        }
        let origin = self.origin(&arrival);
        let outside = self.outside(&arrival.target);
        let seal = |query: &str| tokens.seal(query, &holder);
        let payloads = permit.payloads();
        let rewrite = Rewriting::json(|body| {
            next_page::rewrite(body, |path| format!("{origin}{}", outside(path)), payloads, seal)
        });
        self.rewritten(permit, story, arrival, Some(identity), rewrite).await
    }

    /// Something done to automations: who answers for them is on record before the answer leaves.
    async fn automation(
        &self,
        permit: Permit,
        story: &mut Story,
        arrival: Arrival<'_>,
        identity: Option<&Identity>,
    ) -> Result<Response<ResponseBody>, Refusal> {
        let identity = identity.ok_or(Reason::AuthenticationRequired)?;
        let workspace = self.workspace(&arrival.target)?.name.clone();
        let (operation, mut which) = (permit.operation().name(), automation::named(&permit));
        let response = if operation == automation::MAKING {
            let made = Rewriting::json(|body| {
                which = automation::id_in(body);
                which.as_ref().map(|_| Bytes::copy_from_slice(body))
            });
            self.rewritten(permit, story, arrival, Some(identity), made).await?
        } else {
            let mut response = self.exchange(permit, story, arrival, Some(identity)).await?;
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response.map(ResponseBody::Upstream)
        };
        if let Some(which) = which {
            let done = automation::Done { operation, status: response.status().as_u16(), which, workspace };
            story.automation = done.change(story, identity);
        }
        Ok(response)
    }

    /// Forwards, and answers with Prefect's body written anew.
    pub(crate) async fn rewritten<R: FnOnce(&[u8]) -> Option<Bytes>>(
        &self,
        permit: Permit,
        story: &mut Story,
        arrival: Arrival<'_>,
        identity: Option<&Identity>,
        rewriting: Rewriting<R>,
    ) -> Result<Response<ResponseBody>, Refusal> {
        headers::ask_for_plain_body(arrival.request.headers_mut());
        let is_head = arrival.request.method() == Method::HEAD;
        let response = self.exchange(permit, story, arrival, identity).await?;
        if !response.status().is_success() || !(rewriting.applies)(response.headers()) {
            return Ok(response.map(ResponseBody::Upstream));
        }
        let (mut parts, body) = response.into_parts();
        if is_head {
            // Of the length that the rewritten body would have, nothing is known.
            parts.headers.remove(header::CONTENT_LENGTH);
            return Ok(Response::from_parts(parts, ResponseBody::Upstream(body)));
        }
        let body = Limited::new(body, rewriting.largest).collect().await.map_err(|_| Reason::UpstreamMalformed)?;
        let body = (rewriting.rewrite)(&body.to_bytes()).ok_or(Reason::UpstreamMalformed)?;
        headers::forget_body(&mut parts.headers);
        parts.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(Response::from_parts(parts, ResponseBody::from(body)))
    }

    pub(crate) async fn exchange(
        &self,
        permit: Permit,
        story: &mut Story,
        arrival: Arrival<'_>,
        identity: Option<&Identity>,
    ) -> Result<Response<UpstreamBody>, Refusal> {
        let limit = self.gateway.settings.limits.body_bytes;
        check_declared_length(arrival.request.headers(), limit)?;
        let upstream = self.upstream(&arrival.target)?;
        let outside = self.outside(&arrival.target);
        let mut outgoing = prepare_headers(&arrival);
        if let Some(authorization) = upstream.authorization() {
            outgoing.insert(header::AUTHORIZATION, authorization.clone());
        }
        if let Some(identity) = identity.filter(|_| CREATORS.contains(&permit.operation().name())) {
            stamp_creator(&mut outgoing, identity);
        }
        let method = arrival.request.method().clone();
        let sent = SentFlag::default();
        let (query, body) = self.inspect(&permit, story, arrival, &mut outgoing, &sent).await?;

        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.version_mut() = Version::HTTP_11;
        *request.uri_mut() = upstream_target(permit.operation(), permit.path(), query.as_deref())
            .parse()
            .map_err(|_| Reason::AmbiguousPath)?;
        *request.headers_mut() = outgoing;

        let mut response = upstream.send(request, sent).await.map_err(|error| {
            tracing::warn!(%error, request = %story.request, "Prefect did not answer");
            Refusal::from(error.reason())
        })?;
        headers::sanitise_response(response.headers_mut());
        headers::relative_location(response.headers_mut());
        headers::location_outside(outside, response.headers_mut());
        Ok(response)
    }

    /// Looks into query or body where the table's row asks for it; all else streams untouched.
    async fn inspect(
        &self,
        permit: &Permit,
        story: &mut Story,
        arrival: Arrival<'_>,
        outgoing: &mut HeaderMap,
        sent: &SentFlag,
    ) -> Result<(Option<String>, OutgoingBody), Refusal> {
        let limit = self.gateway.settings.limits.body_bytes;
        let Arrival { request, target, .. } = arrival;
        let body = request.body_mut().take().ok_or(Reason::InternalError)?;
        let streamed = |body: Incoming| Either::Left(Counted::new(body, limit, sent.clone()));
        match permit.operation().inspect {
            Inspect::Nothing => Ok((target.query, streamed(body))),
            Inspect::SecretsInQuery => {
                let inspected = inspect::secrets_in_query(target.query.as_deref(), permit.may_see_secrets())?;
                story.reveals(inspected.reveals);
                Ok((inspected.rewritten, streamed(body)))
            }
            Inspect::SecretsInBody => {
                check_json(request.headers())?;
                let body = collect(body, limit).await?;
                let inspected = inspect::secrets_in_body(&body, permit.may_see_secrets())?;
                story.reveals(inspected.reveals);
                outgoing.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
                sent.raise();
                Ok((target.query, Either::Right(Full::new(inspected.rewritten))))
            }
            // Sent all the time, by those who may: nothing in it could be refused.
            Inspect::Events | Inspect::EventFilter if permit.meets_all() => Ok((target.query, streamed(body))),
            Inspect::Schema => {
                check_json(request.headers())?;
                let body = collect(body, inspect::MAX_SCHEMA).await?;
                outgoing.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
                sent.raise();
                Ok((target.query, Either::Right(Full::new(inspect::schema(&body)?))))
            }
            Inspect::Enabling => {
                check_json(request.headers())?;
                let body = inspect::read_body(&collect(body, limit).await?)?;
                if automation::enables(body.as_ref()) {
                    let upstream = self.upstream(&target)?;
                    let path = format!("{API_MOUNT}{}", permit.path());
                    let enabled =
                        Box::pin(own_settings::read(&path, upstream, outgoing)).await?.ok_or(Reason::NotFound)?;
                    story.demands = Some(permit.demands(&enabled));
                    permit.check_body(&enabled)?;
                }
                Ok((target.query, written(body.as_ref(), outgoing, sent)?))
            }
            _ => {
                check_json(request.headers())?;
                let body = collect(body, limit).await?;
                let mut body = inspect::read_body(&body)?;
                if let Some(run) = body.as_mut().filter(|_| permit.operation().inspect == Inspect::RunOfDeployment)
                    && permit.check_body(run).is_err()
                {
                    let upstream = self.upstream(&target)?;
                    Box::pin(own_settings::leave_out(run, permit, upstream, outgoing)).await?;
                }
                let looked_at = body.as_ref().unwrap_or(&Value::Null);
                story.demands = Some(permit.demands(looked_at));
                permit.check_body(looked_at)?;
                if permit.operation().inspect == Inspect::Automation {
                    story.draft = Some(automation::Draft::of(looked_at));
                }
                Ok((target.query, written(body.as_ref(), outgoing, sent)?))
            }
        }
    }

    /// Where a socket leads, and what to ask Prefect for there.
    pub(crate) fn destination(
        &self,
        workspace: &Workspace,
        matched: &lictor_authz::Matched,
        arrival: &Arrival<'_>,
    ) -> Result<Destination, Reason> {
        // Without Lictor's credential: sockets take theirs in the first frame, and would ignore a header.
        let headers = prepare_headers(arrival);
        let target = upstream_target(matched.operation(), matched.path(), arrival.target.query.as_deref());
        let errand = Errand { target, headers, auth_string: workspace.auth_string.clone() };
        let (workspace, needs_certificate) = (workspace.name.clone(), workspace.needs_certificate);
        Ok(Destination { workspace, needs_certificate, upstream: self.upstream(&arrival.target)?.clone(), errand })
    }
}

/// A body in our own spelling.
fn written(body: Option<&Value>, outgoing: &mut HeaderMap, sent: &SentFlag) -> Result<OutgoingBody, Reason> {
    let rewritten = inspect::write_body(body)?;
    outgoing.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    sent.raise();
    Ok(Either::Right(Full::new(rewritten)))
}

fn upstream_target(operation: &Operation, path: &str, query: Option<&str>) -> String {
    let mount = match operation.place {
        Place::Api => API_MOUNT,
        Place::Root => "",
    };
    match query {
        None => format!("{mount}{path}"),
        Some(query) => format!("{mount}{path}?{query}"),
    }
}

fn check_declared_length(headers: &HeaderMap, limit: u64) -> Result<(), Reason> {
    let declared = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > limit) { Err(Reason::BodyTooLarge) } else { Ok(()) }
}

/// Only JSON in UTF-8 reads one way: Prefect runs its defaults on `text/plain`, and ignores `Content-Encoding`.
fn check_json(headers: &HeaderMap) -> Result<(), Reason> {
    let essence = |value: &HeaderValue| {
        let kind = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        kind == "application/json"
    };
    let plain =
        headers.get(header::CONTENT_TYPE).is_none_or(essence) && !headers.contains_key(header::CONTENT_ENCODING);
    if plain { Ok(()) } else { Err(Reason::MalformedBody) }
}

async fn collect(body: Incoming, limit: u64) -> Result<Bytes, Reason> {
    match Counted::new(body, limit, SentFlag::default()).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) => Err(body::reason_of(&*error).unwrap_or(Reason::MalformedFraming)),
    }
}

/// What Prefect needs of the caller's headers, then ours, which nobody can forge.
fn prepare_headers(arrival: &Arrival<'_>) -> HeaderMap {
    let mut outgoing = headers::forwardable(arrival.request.headers());
    // Host and address have been checked: they are visible ASCII.
    if let Ok(host) = HeaderValue::from_str(&arrival.target.host) {
        // The public Host: Prefect builds redirects and next_page from it.
        outgoing.insert(header::HOST, host.clone());
        outgoing.insert(FORWARDED_HOST, host);
    }
    if let Ok(client) = HeaderValue::from_str(&arrival.origin.client_ip.to_string()) {
        outgoing.insert(FORWARDED_FOR, client);
    }
    let scheme = if arrival.origin.secure { "https" } else { "http" };
    outgoing.insert(FORWARDED_PROTO, HeaderValue::from_static(scheme));
    outgoing
}

/// The run shows in Prefect's own UI who started it.
fn stamp_creator(outgoing: &mut HeaderMap, identity: &Identity) {
    let principal = &identity.principal;
    let name = base64::engine::general_purpose::STANDARD.encode(principal.name.as_str());
    for (header, value) in [(AUTOMATION_ID, principal.id.as_str()), (AUTOMATION_NAME, name.as_str())] {
        if let Ok(value) = HeaderValue::from_str(value) {
            outgoing.insert(header, value);
        }
    }
}
