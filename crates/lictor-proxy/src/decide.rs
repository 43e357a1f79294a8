//! May this go through somebody else's proxy? Answered from method and original URI, for the proxies that are listed.
//!
//! The question is turned into the request that it is about, and then goes the way of any other: one canonical path, one
//! table, one decision. What a proxy does not show (bodies, frames) is refused rather than guessed, since the proxy forwards
//! the caller's own bytes and not ours.

use std::net::IpAddr;
use std::sync::Arc;

use http::header::{self, HeaderName, HeaderValue};
use http::{Method, Response};
use lictor_authn::Origin;
use lictor_authz::surface::{self, Surface};
use lictor_authz::{Access, Door, Effect, Inspect, Matched, Permit, Verb, decide, deny_unknown, matcher};
use lictor_model::{Digest, Identity, Permission, PermissionSet, Reason};

use crate::body::ResponseBody;
use crate::forward::API_MOUNT;
use crate::gateway::{Arrival, Asked, Connection, DataThread};
use crate::passed::TOKEN;
use crate::refusal::{self, Refusal};
use crate::settings::{Settings, Workspace};
use crate::story::{Story, label};
use crate::{forwarded, inspect, next_page, target};

mod shape;

pub(crate) use shape::Proxy;

const USER: HeaderName = HeaderName::from_static("x-lictor-user");
const ROLES: HeaderName = HeaderName::from_static("x-lictor-roles");
/// Where nobody is meant: no name, so that a proxy that copies headers overwrites what a caller wrote there.
const NOBODY: HeaderValue = HeaderValue::from_static("-");
/// The credential `:`, for a Prefect that asks for none: copied, it overwrites the caller's own, which must not reach it.
const NO_CREDENTIAL: HeaderValue = HeaderValue::from_static("Basic Og==");

/// Which listed proxy asks for a decision, if this is such a question; anybody else finds nothing there.
pub(crate) fn asked_by(request: &Asked, peer: IpAddr, settings: &Settings) -> Option<Proxy> {
    let (asking, peer) = (settings.decide.as_ref()?, peer.to_canonical());
    let proxy = Proxy::at(request.uri().path())?;
    let mut tokens = request.headers().get_all(&TOKEN).iter();
    let token = tokens.next().filter(|_| tokens.next().is_none())?;
    let is_listed = asking.proxies.iter().any(|network| network.contains(&peer));
    (is_listed && Digest::of(token.as_bytes()) == asking.token).then_some(proxy)
}

impl DataThread {
    /// Decides, in the form that the proxy understands.
    pub(crate) async fn decide(
        &self,
        story: &mut Story,
        connection: &Connection,
        proxy: Proxy,
        request: &mut Asked,
    ) -> Response<ResponseBody> {
        match self.rule(story, connection, proxy, request).await {
            Ok(response) => response,
            Err(refusal) => {
                story.refused_with(&refusal);
                proxy.adapt(refusal::respond(&refusal, &story.request, request, &self.gateway.settings.doors))
            }
        }
    }

    async fn rule(
        &self,
        story: &mut Story,
        connection: &Connection,
        proxy: Proxy,
        request: &mut Asked,
    ) -> Result<Response<ResponseBody>, Refusal> {
        let (gateway, settings) = (&self.gateway, &self.gateway.settings);
        proxy.restore(request)?;
        // What it forwards on behalf of others, it says itself: it is listed.
        let listed = settings.decide.iter().flat_map(|asking| &asking.proxies);
        let trusted: Vec<_> = settings.trusted_proxies.iter().chain(listed).copied().collect();
        let source = forwarded::source(connection.peer, connection.tls, request.headers(), &trusted);
        story.is_decision(request.method(), source.client_ip);
        let target = target::read(request.uri(), request.headers(), settings)?;
        story.leads_to(target.path.as_str());
        // The proxy forwards the caller's spelling, so only one that is ours already is the one that is decided on.
        let (raw, path) = (request.uri().path(), target.path.as_str());
        let outside = settings.doors.outside(target.workspace, &target.door, path);
        // One that names its workspace by ids would reach Prefect with them.
        if target.door != Door::Plain || (raw != outside && raw != settings.base_path().off(&outside)) {
            return Err(Reason::AmbiguousPath.into());
        }
        if gateway.drain.has_begun() {
            return Err(Reason::Draining.into());
        }
        if request.method() == Method::OPTIONS {
            return Err(Reason::CrossOrigin.into());
        }
        let secure = settings.public_url.as_ref().map_or(source.secure, |url| url.starts_with("https:"));
        let origin = Origin { client_ip: source.client_ip, user_agent: Arc::clone(story.user_agent()), secure };
        let matched = matched(request, &target)?;
        // The certificate of this connection, if there is one, is the proxy's and not its client's, which it may pass on. The question
        // has shown the proxy's token already.
        let own = Connection { certificate: None, ..connection.clone() };
        let certificate = self.certificate_of(&own, request.headers(), true)?;
        let arrival = Arrival { request, target, origin, peer: connection.peer.ip(), certificate };
        self.judge(story, &arrival, matched).await
    }

    /// The same clauses, in the same order, as for a request that is forwarded here.
    async fn judge(
        &self,
        story: &mut Story,
        arrival: &Arrival<'_>,
        matched: Option<Matched>,
    ) -> Result<Response<ResponseBody>, Refusal> {
        let gateway = &self.gateway;
        let workspace = self.workspace(&arrival.target)?;
        story.workspace = Some(workspace.name.clone());
        self.check_certificate(story, arrival, workspace)?;
        let view = gateway.auth.view();
        if let Some(open) = matched.as_ref().filter(|matched| matched.operation().access == Access::Public) {
            story.concerns(open.operation());
            decide(open, None, &view.access, &workspace.name)?;
            return Ok(self.go_on(workspace, None));
        }
        let is_socket = matched.as_ref().is_some_and(|matched| matched.operation().is_socket());
        if is_socket && lictor_authn::session::is_presented(arrival.request.headers(), arrival.origin.secure) {
            return Err(Reason::SessionOnSocket.into());
        }
        let identity = match self.identify(story, arrival).await? {
            Some(identity) => identity,
            // It would say later who it is, to somebody who is not there to hear it.
            None if is_socket => return Err(Reason::FrameNotSeen.into()),
            None => return Err(Reason::AuthenticationRequired.into()),
        };
        self.check_session(&identity, arrival)?;
        let view = gateway.auth.view();
        let Some(matched) = matched else {
            story.is_about(label::UNKNOWN);
            return Err(deny_unknown(Some(&identity), &view.access, &workspace.name).into());
        };
        story.concerns(matched.operation());
        let permit = decide(&matched, Some(&identity), &view.access, &workspace.name)?;
        story.reveals(check_what_is_seen(&permit, arrival.target.query.as_deref())?);
        if matched.operation().effect == Effect::Change {
            gateway.recorder.check()?;
        }
        Ok(self.go_on(workspace, Some(&identity)))
    }

    /// A yes: who it is, and Prefect's own credential.
    fn go_on(&self, workspace: &Workspace, identity: Option<&Identity>) -> Response<ResponseBody> {
        let (mut user, mut roles) = (NOBODY, NOBODY);
        if let Some(identity) = identity {
            let holdings = self.gateway.auth.view().access.explain(&identity.seen_as().id, &workspace.name);
            let mut names: Vec<&str> = holdings.iter().map(|holding| holding.role.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            // Both are of letters, digits and a few signs: see their types.
            user = HeaderValue::from_str(identity.principal.name.as_str()).unwrap_or(NOBODY);
            roles = HeaderValue::from_str(&names.join(",")).unwrap_or(NOBODY);
        }
        let mut response = Response::new(ResponseBody::empty());
        let headers = response.headers_mut();
        headers.insert(USER, user);
        headers.insert(ROLES, roles);
        headers.insert(header::AUTHORIZATION, workspace.authorization().unwrap_or(NO_CREDENTIAL));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

/// The row. Proxies keep the upgrade to themselves, so a `GET` of a socket's path is that socket.
fn matched(request: &Asked, target: &target::Target) -> Result<Option<Matched>, Reason> {
    let verb = target::verb_of(request).ok_or(Reason::MethodNotAllowed)?;
    match surface::classify(verb, &target.path, API_MOUNT) {
        Some(Surface::Api(below)) if verb == Verb::Get => {
            Ok(matcher::find(verb, below).or_else(|| matcher::find(Verb::Socket, below)))
        }
        Some(Surface::Api(below)) => Ok(matcher::find(verb, below)),
        Some(Surface::Root(matched)) => Ok(Some(matched)),
        // Ours are to be asked for here.
        Some(Surface::Ours | Surface::Absent) => Err(Reason::NotFound),
        None => Ok(None),
    }
}

/// Whether the decision rests on nothing that the proxy keeps to itself; answers whether secrets are revealed.
fn check_what_is_seen(permit: &Permit, query: Option<&str>) -> Result<bool, Refusal> {
    let operation = permit.operation();
    // A worker's greeting may ask for its pool to be made.
    let greets = operation.is_socket() && operation.template.ends_with("/workers/connect");
    if greets && !permit.holds(Permission::WriteWorkPools) {
        return Err(Reason::FrameNotSeen.into());
    }
    match operation.inspect {
        // Links to further pages are sealed for one caller, which takes the answer that they stand in.
        Inspect::Nothing if next_page::OPERATIONS.contains(&operation.name()) => Err(Reason::BodyNotSeen.into()),
        Inspect::Nothing => Ok(false),
        Inspect::SecretsInQuery => {
            let reveals = inspect::secrets_in_query(query, true)?.reveals;
            if reveals && !permit.may_see_secrets() {
                let lacking = PermissionSet::of(&[Permission::SeeSecretBlocks]);
                return Err(Refusal { lacking, ..Reason::PermissionDenied.into() });
            }
            Ok(reveals)
        }
        _ if operation.is_socket() => Err(Reason::FrameNotSeen.into()),
        _ => Err(Reason::BodyNotSeen.into()),
    }
}
