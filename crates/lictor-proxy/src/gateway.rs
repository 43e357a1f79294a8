//! The request's story: one function of guard clauses, from the listener's hand to Prefect and back.
//!
//! [`DataThread::handle`] owns what must happen to every request: the audit event, the access line, the metrics, and the one
//! place where a refusal becomes a response. [`DataThread::answer`] tells the story; each clause says why it stands where it
//! stands.

use std::sync::Arc;

use http::header::{self, HeaderValue};
use http::{HeaderName, Method, Request, Response};
use hyper::body::Incoming;
use lictor_authn::{Attempt, Authenticator, Caller, Origin, Rejection};
use lictor_authz::surface::{self, Surface};
use lictor_authz::{Access, Door, Effect, Matched, Permit, Verb, decide, deny_nowhere, deny_unknown, matcher};
use lictor_model::{Clock, Identity, Outcome, Reason};

use crate::access_log::AccessLog;
use crate::body::ResponseBody;
use crate::caller::check_limits;
use crate::drain::Drain;
use crate::forward::API_MOUNT;
use crate::framing::{Tunnel, VIOLATION};
use crate::metrics::Metrics;
use crate::page_token::PageTokens;
use crate::pages::Pages;
use crate::recorder::Recorder;
use crate::refusal::{self, Refusal};
use crate::settings::Settings;
use crate::story::{Story, label};
use crate::target::Target;
use crate::tls::PeerCertificate;
use crate::underway::Commitment;
use crate::upstream::Upstream;
use crate::websocket::{self, Handshake, Places};
use crate::{body, cloud, decide, forwarded, headers, probes, target, ui};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What all data threads share.
pub struct Gateway {
    /// What we were told.
    pub settings: Settings,
    /// Who is calling?
    pub auth: Authenticator,
    /// The audit trail.
    pub recorder: Recorder,
    /// The access log.
    pub access_log: AccessLog,
    /// What keeps links to the next page of events from being forged.
    pub page_tokens: PageTokens,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Our own pages, made on the background runtime.
    pub pages: Pages,
    /// Room for sockets.
    pub places: Places,
    /// Whether we are stopping.
    pub drain: Drain,
    /// The time.
    pub clock: Clock,
}

/// One data thread: the gateway, and connections to Prefect that no other thread uses.
pub struct DataThread {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) upstreams: Vec<Upstream>,
}

/// What is known of a client's connection.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Whoever connected: a client, or a proxy before us.
    pub peer: std::net::SocketAddr,
    /// Whether the connection is TLS.
    pub tls: bool,
    /// What the client showed of itself in the handshake.
    pub certificate: Option<Arc<PeerCertificate>>,
    /// The switch for websockets; `None` on HTTP/2, where there are none (RFC 8441 is not offered).
    pub tunnel: Option<Tunnel>,
}

impl Connection {
    const fn is_http2(&self) -> bool {
        self.tunnel.is_none()
    }
}

/// A request on its way through the gate. Its body can be taken once; one that nobody took is still there at the end.
pub(crate) type Asked = Request<Option<Incoming>>;

/// A request whose target and sender have been read.
pub(crate) struct Arrival<'r> {
    pub(crate) request: &'r mut Asked,
    pub(crate) target: Target,
    pub(crate) origin: Origin,
    pub(crate) certificate: Option<Arc<PeerCertificate>>,
    pub(crate) peer: std::net::IpAddr,
}

impl DataThread {
    /// A thread's own view of the gateway.
    #[must_use]
    pub fn new(gateway: Arc<Gateway>) -> Self {
        let (workspaces, most) = (&gateway.settings.workspaces, gateway.settings.limits.upstream_requests);
        let upstreams = workspaces.iter().map(|workspace| Upstream::new(workspace, most)).collect();
        Self { gateway, upstreams }
    }

    /// Answers one request, whatever it is.
    pub(crate) async fn handle(
        self: Arc<Self>,
        connection: Connection,
        request: Request<Incoming>,
        commitment: Commitment,
    ) -> Response<ResponseBody> {
        let gateway = &self.gateway;
        let doors = &gateway.settings.doors;
        let mut story = Story::begin(gateway.clock.now(), connection.peer.ip(), request.method(), request.headers());
        story.commitment = commitment;
        let upgrades = websocket::asked_for(request.headers());
        let has_body = !http_body::Body::is_end_stream(request.body());
        let mut request = request.map(Some);

        let mut response = match self.answer(&mut story, &connection, &mut request).await {
            Ok(response) => response,
            Err(refusal) => {
                story.refused_with(&refusal);
                refusal::respond(&refusal, &story.request, &request, doors)
            }
        };
        story.answered(response.status().as_u16());

        // Nobody learns that a change was made, or was refused, before it is on record.
        if story.is_for_the_record() {
            let outcome = if story.reason().is_none() { Outcome::Allowed } else { Outcome::Refused };
            if let Err(reason) = gateway.recorder.record(story.event(outcome), story.automation.take()).await {
                story.refused(reason);
                response = refusal::respond(&reason.into(), &story.request, &request, doors);
            }
        }
        let refused_handshake = upgrades && response.status() != http::StatusCode::SWITCHING_PROTOCOLS;
        if refused_handshake || (has_body && story.reason().is_some()) {
            if !connection.is_http2() {
                // Nothing is read behind a handshake that was not accepted, nor the body of what was refused.
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            } else if let Some(unread) = request.body_mut().take() {
                // One connection carries other requests as well, and a reset in mid-body would hide our answer.
                Box::pin(body::discard(unread)).await;
            }
        }
        if let Ok(id) = HeaderValue::from_str(story.request.as_str()) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        // Never over plain HTTP (RFC 6797 section 7.2), nor what Prefect may say of it.
        if let Some(hsts) = gateway.settings.tls.as_ref().and_then(|tls| tls.terms().hsts.clone()) {
            response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, hsts);
        }
        self.close_the_story(&story);
        response
    }

    pub(crate) fn close_the_story(&self, story: &Story) {
        let Gateway { metrics, access_log, .. } = &*self.gateway;
        metrics.request(story.operation, story.status(), story.seconds());
        if let Some(reason) = story.reason() {
            metrics.refusal(reason);
        }
        access_log.write(&story.line());
    }

    /// Tells the story, or says why it ends early.
    async fn answer(
        self: &Arc<Self>,
        story: &mut Story,
        connection: &Connection,
        request: &mut Asked,
    ) -> Result<Response<ResponseBody>, Refusal> {
        let gateway = &self.gateway;
        // First, because nothing else in a marker request means anything.
        if let Some(violation) = request.headers().get(VIOLATION) {
            let reason = violation.to_str().ok().and_then(Reason::parse).unwrap_or(Reason::MalformedFraming);
            return Err(reason.into());
        }
        // Before anything is read out of them: two readers must find the same headers.
        headers::check(request.headers())?;
        let source =
            forwarded::source(connection.peer, connection.tls, request.headers(), &gateway.settings.trusted_proxies);
        story.client_ip = source.client_ip;
        target::check_scheme(request.uri(), connection.tls)?;
        // Before the target is read: a proxy's question is about another one.
        if let Some(proxy) = decide::asked_by(request, connection.peer.ip(), &gateway.settings) {
            return Ok(Box::pin(self.decide(story, connection, proxy, request)).await);
        }
        let target = target::read(request.uri(), request.headers(), &gateway.settings)?;
        story.leads_to(target.path.as_str());
        // Probes stand before authentication and before the drain: an orchestrator must always get its answer.
        if let Some(response) = probes::answer(gateway, request.method(), target.path.as_str()) {
            story.is_about(label::PROBE);
            return Ok(response);
        }
        if gateway.drain.has_begun() {
            return Err(Reason::Draining.into());
        }
        // Never forwarded: Prefect would allow every origin everything, before it asks who is calling.
        if request.method() == Method::OPTIONS {
            return Err(Reason::CrossOrigin.into());
        }
        let verb = target::verb_of(request).ok_or(Reason::MethodNotAllowed)?;
        let secure = gateway.settings.public_url.as_ref().map_or(source.secure, |url| url.starts_with("https:"));
        let user_agent = Arc::clone(story.user_agent());
        let origin = Origin { client_ip: source.client_ip, user_agent, secure };
        let (certificate, peer) = (self.certificate_of(connection, request.headers(), false)?, connection.peer.ip());
        let incoming = Arrival { request, target, origin, certificate, peer };
        // Before the table: these are ours, below paths that Prefect has nothing at.
        if let Some(call) = cloud::asked(verb, &incoming.target) {
            return Box::pin(self.cloud(story, incoming, call)).await;
        }
        let path = incoming.target.path.clone();
        match surface::classify(verb, &path, API_MOUNT) {
            // Boxed, as sockets are: rare, large, and otherwise part of every request's future.
            Some(Surface::Ours) => Box::pin(self.ours(story, incoming)).await,
            Some(Surface::Api(below)) if verb == Verb::Socket => {
                Box::pin(self.socket(story, connection, incoming, matcher::find(verb, below))).await
            }
            Some(Surface::Api(below)) => match matcher::find(verb, below) {
                None if matcher::find(Verb::Socket, below).is_some() => Err(Reason::UpgradeRequired.into()),
                matched => self.prefect(story, incoming, matched).await,
            },
            Some(Surface::Root(matched)) => self.prefect(story, incoming, Some(matched)).await,
            Some(Surface::Absent) => Err(Reason::NotFound.into()),
            None => self.prefect(story, incoming, None).await,
        }
    }

    /// One of our own pages: it decides for itself what a caller without an identity sees.
    async fn ours(&self, story: &mut Story, incoming: Arrival<'_>) -> Result<Response<ResponseBody>, Refusal> {
        story.is_about(label::OURS);
        if let Some(response) = self.ours_elsewhere(&incoming) {
            return response;
        }
        let (identity, rejection) = match self.attempt(&incoming).await {
            Attempt::Verified(identity) => (Some(identity), None),
            Attempt::Rejected(rejection) => (None, Some(rejection)),
            Attempt::NotPresented => (None, None),
        };
        if let Some(identity) = &identity {
            story.identified(identity);
            self.check_unasked(identity, &incoming)?;
            check_limits(identity, &incoming)?;
        }
        let caller = Caller {
            request: story.request.clone(),
            client_ip: incoming.origin.client_ip,
            peer: incoming.peer,
            secure: incoming.origin.secure,
            origin: self.origin(&incoming),
            base: self.gateway.settings.base_path().as_str().into(),
            user_agent: Arc::clone(story.user_agent()),
            identity,
            rejection,
        };
        let workspace = self.found(&incoming.target).map(|workspace| workspace.name.clone());
        self.gateway.pages.answer(incoming, caller, workspace).await.map_err(Into::into)
    }

    /// Something of Prefect's: an operation of its API, a page of its UI, a static file.
    async fn prefect(
        &self,
        story: &mut Story,
        incoming: Arrival<'_>,
        matched: Option<Matched>,
    ) -> Result<Response<ResponseBody>, Refusal> {
        let gateway = &self.gateway;
        let Some(workspace) = self.found(&incoming.target) else { return self.nowhere(story, &incoming).await };
        story.workspace = Some(workspace.name.clone());
        let by_ids = incoming.target.door != Door::Plain;
        self.check_door(story, &incoming, Some(workspace))?;
        // Health checks and static files carry no credential, and a stale one must not make them fail. By its ids nothing of a
        // workspace is open: whether it is there is for its members.
        let is_open = |matched: &&Matched| !by_ids && matched.operation().access == Access::Public;
        if let Some(open) = matched.as_ref().filter(is_open) {
            story.concerns(open.operation());
            let permit = decide(open, None, &gateway.auth.view().access, &workspace.name)?;
            return self.forward(permit, story, incoming, None).await;
        }
        // Before the operation is looked at: strangers learn nothing about what exists.
        let identity = self.identify(story, &incoming).await?.ok_or(Reason::AuthenticationRequired)?;
        self.check_session(&identity, &incoming)?;
        let view = gateway.auth.view();
        if by_ids {
            cloud::check(&identity, &view.access, &workspace.name)?;
            self.check_certificate(story, &incoming, workspace)?;
        }
        let Some(matched) = matched else {
            story.is_about(label::UNKNOWN);
            return Err(deny_unknown(Some(&identity), &view.access, &workspace.name).into());
        };
        story.concerns(matched.operation());
        let permit: Permit = match decide(&matched, Some(&identity), &view.access, &workspace.name) {
            Ok(permit) => permit,
            Err(denial) if ui::is_start(&matched, &identity, denial.reason) => return Ok(ui::reduced_settings()),
            Err(denial) => return Err(denial.into()),
        };
        // No change is made that could not be recorded, nor left alone once it may have been made.
        if matched.operation().effect == Effect::Change {
            gateway.recorder.check()?;
            story.commitment.make();
        }
        self.forward(permit, story, incoming, Some(&identity)).await
    }

    /// One of Prefect's five sockets.
    async fn socket(
        self: &Arc<Self>,
        story: &mut Story,
        connection: &Connection,
        incoming: Arrival<'_>,
        matched: Option<Matched>,
    ) -> Result<Response<ResponseBody>, Refusal> {
        let (gateway, workspace) = (&self.gateway, self.found(&incoming.target));
        story.workspace = workspace.map(|workspace| workspace.name.clone());
        self.check_door(story, &incoming, workspace)?;
        let request = &incoming.request;
        let handshake = Handshake::read(request.method(), request.version(), request.headers())?;
        let tunnel = connection.tunnel.clone().ok_or(Reason::MalformedUpgrade)?;
        // Neither of Prefect's UIs opens a socket, so a cookie on one is somebody else's page at work.
        if lictor_authn::session::is_presented(request.headers(), incoming.origin.secure) {
            return Err(Reason::SessionOnSocket.into());
        }
        let presented = self.identify(story, &incoming).await?;
        // Who cannot say later who they are must have said so now.
        if presented.is_none() && !handshake.speaks_prefect {
            websocket::warn_of_silent_client(incoming.origin.client_ip, story.user_agent());
            let rejection = Rejection::from(Reason::SocketWithoutCredential);
            gateway.auth.audit_refusal(&rejection, &incoming.origin, &story.request);
            return Err(Reason::SocketWithoutCredential.into());
        }
        let access = &gateway.auth.view().access;
        let Some(matched) = matched else {
            let named = workspace.map(|workspace| &workspace.name);
            let unknown = |name| deny_unknown(presented.as_ref(), access, name);
            return Err(named.map_or_else(|| deny_nowhere(presented.as_ref()), unknown).into());
        };
        story.concerns(matched.operation());
        if let Some(identity) = &presented {
            self.check_unasked(identity, &incoming)?;
            let workspace = workspace.ok_or_else(|| deny_nowhere(presented.as_ref()))?;
            decide(&matched, presented.as_ref(), access, &workspace.name)?;
        }
        let anteroom = Some(gateway.places.to_authenticate()?);
        let response = websocket::accept(&handshake);
        // A workspace that there is not is refused where one is whose member the caller turns out not to be.
        let destination = workspace.map(|workspace| self.destination(workspace, &matched, &incoming)).transpose()?;
        let socket = websocket::Socket {
            handshake,
            matched,
            destination,
            presented,
            certificate: incoming.certificate,
            clock: gateway.clock.clone(),
            origin: incoming.origin,
            auth: gateway.auth.clone(),
            places: gateway.places.clone(),
            anteroom,
            recorder: gateway.recorder.clone(),
            drain: gateway.drain.clone(),
            signed_out_at: None,
        };
        tunnel.open();
        let upgrade = hyper::upgrade::on(incoming.request);
        websocket::begin(Arc::clone(self), socket, upgrade, story.fork());
        Ok(response)
    }

    /// Three outcomes: nobody, somebody, or a credential that was refused and falls through to nothing else.
    pub(crate) async fn identify(
        &self,
        story: &mut Story,
        incoming: &Arrival<'_>,
    ) -> Result<Option<Identity>, Refusal> {
        match self.attempt(incoming).await {
            Attempt::NotPresented => Ok(None),
            Attempt::Verified(identity) => {
                story.identified(&identity);
                self.gateway.auth.note_use(&identity, &incoming.origin);
                Ok(Some(identity))
            }
            Attempt::Rejected(rejection) => {
                self.gateway.auth.audit_refusal(&rejection, &incoming.origin, &story.request);
                Err(rejection.into())
            }
        }
    }
}
