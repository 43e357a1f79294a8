//! One socket, from its acceptance to its end.

use std::sync::Arc;
use std::time::Duration;

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use lictor_authn::presence::{Connected, Stay};
use lictor_authn::{Attempt, Authenticator, Origin, Rejection};
use lictor_authz::{Matched, Permit, decide, deny_nowhere};
use lictor_model::{Clock, Identity, Outcome, Permission, Reason, Timestamp, WorkspaceName};
use tokio::io::AsyncWriteExt;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tungstenite::protocol::frame::coding::{Data, OpCode};

use super::authenticate::{self, Token, answer_control, read_token};
use super::close::Close;
use super::dial::{Errand, UpstreamEnd, dial};
use super::frame::{self, FrameReader, Sender};
use super::places::{OwnPlace, Places};
use super::relay::{Position, Rule, downlink, uplink};
use super::upgrade::Handshake;
use crate::drain::Drain;
use crate::recorder::Recorder;
use crate::story::Story;
use crate::tls::PeerCertificate;
use crate::upstream::Upstream;

/// How long a client is kept waiting for a Prefect that is away.
const HOLD: Duration = Duration::from_secs(30);
/// How often expiry is looked at; a change of grants or keys is looked at as soon as it is known.
const RECHECK: Duration = Duration::from_secs(1);
const FAREWELL: Duration = Duration::from_secs(5);

type ClientEnd = FrameReader<TokioIo<Upgraded>>;

/// The places that an open socket holds until its end.
struct Held {
    _own: OwnPlace,
    _at_upstream: OwnedSemaphorePermit,
    _seen: Stay,
}

/// What becomes of the client's messages, and of Prefect's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rules {
    up: Rule,
    down: Rule,
}

/// Where a socket leads.
pub(crate) struct Destination {
    /// Which workspace.
    pub(crate) workspace: WorkspaceName,
    /// Whether it is reached with a client certificate alone.
    pub(crate) needs_certificate: bool,
    /// Where its Prefect is.
    pub(crate) upstream: Upstream,
    /// What to ask it for.
    pub(crate) errand: Errand,
}

/// A socket that has been accepted.
pub(crate) struct Socket {
    /// What the client asked for.
    pub(crate) handshake: Handshake,
    /// The row of the table.
    pub(crate) matched: Matched,
    /// Where it leads; nothing when its address names no workspace.
    pub(crate) destination: Option<Destination>,
    /// Who it is, if the upgrade request said so.
    pub(crate) presented: Option<Identity>,
    /// What the client showed of itself in the handshake of TLS.
    pub(crate) certificate: Option<Arc<PeerCertificate>>,
    /// The time.
    pub(crate) clock: Clock,
    /// From where.
    pub(crate) origin: Origin,
    /// Who decides who is calling.
    pub(crate) auth: Authenticator,
    /// Where there is room.
    pub(crate) places: Places,
    /// The place held until it is known who it is.
    pub(crate) anteroom: Option<OwnedSemaphorePermit>,
    /// The audit trail.
    pub(crate) recorder: Recorder,
    /// Whether we are stopping.
    pub(crate) drain: Drain,
    /// When the person's provider last signed them out, as known at the opening.
    pub(crate) signed_out_at: Option<Timestamp>,
}

impl Socket {
    /// Lives the socket's life; the story tells of its end.
    pub(crate) async fn live(self, upgraded: Upgraded, story: &mut Story) {
        let mut client = FrameReader::new(TokioIo::new(upgraded), Sender::Client, authenticate::MAX_FRAME);
        let is_worker_channel = self.is_worker_channel();
        let (mut close, between_frames) = self.until_close(&mut client, story).await;
        if is_worker_channel {
            close = close.in_worker_words();
        }
        story.socket_closed(close.code, close.reason);
        if between_frames {
            let farewell = async {
                client.stream.write_all(&close.to_frame()).await?;
                client.stream.shutdown().await
            };
            // The client may be gone already; then there is nobody to say it to.
            let _ = tokio::time::timeout(FAREWELL, farewell).await;
        }
    }

    /// The close to send, and whether a frame may be sent now.
    async fn until_close(mut self, client: &mut ClientEnd, story: &mut Story) -> (Close, bool) {
        let identity = match self.identify(client).await {
            Ok(identity) => identity,
            Err(close) => {
                self.tell_of_refusal(&close, story).await;
                return (close, true);
            }
        };
        self.anteroom = None;
        self.signed_out_at = self.auth.view().signed_out_at(&identity.principal.id);
        story.identified(&identity);
        match self.open(client, &identity, story).await {
            Ok((mut prefect, _places)) => self.relay(client, &mut prefect, &identity).await,
            Err(close) => {
                self.tell_of_refusal(&close, story).await;
                (close, true)
            }
        }
    }

    /// The credential is in the upgrade request or in the first frame; in both, they must agree.
    async fn identify(&self, client: &mut ClientEnd) -> Result<Identity, Close> {
        let refused = |reason| Close::refused(reason, Default::default());
        let token: Token = if self.handshake.speaks_prefect { read_token(client).await? } else { None };
        let Some(token) = token else {
            return self.presented.clone().ok_or_else(|| refused(Reason::SocketWithoutCredential));
        };
        match (self.auth.identify_token(&token, &self.origin).await, &self.presented) {
            (Attempt::Verified(named), None) => Ok(named),
            (Attempt::Verified(named), Some(presented)) if named.principal.id == presented.principal.id => Ok(named),
            (_, Some(_)) => Err(refused(Reason::TwoCredentials)),
            (Attempt::Rejected(rejection), None) => Err(refused(rejection.reason)),
            (Attempt::NotPresented, None) => Err(refused(Reason::SocketWithoutCredential)),
        }
    }

    async fn tell_of_refusal(&self, close: &Close, story: &mut Story) {
        let Some(reason) = close.reason else { return };
        story.refused(reason);
        if reason.status() == 401 {
            self.auth.audit_refusal(&Rejection::from(reason), &self.origin, &story.request);
        }
        if reason == Reason::SocketWithoutCredential {
            super::warn_of_silent_client(self.origin.client_ip, story.user_agent());
        }
    }

    /// Seeks the permit and opens Prefect's side, then tells the client that it is in.
    async fn open(
        &self,
        client: &mut ClientEnd,
        identity: &Identity,
        story: &Story,
    ) -> Result<(UpstreamEnd, Held), Close> {
        self.may(identity)?;
        let refused = |reason| Close::refused(reason, Default::default());
        let destination = self.destination.as_ref().ok_or_else(|| refused(Reason::NotAMember))?;
        let own = self.places.of(&identity.principal.id).map_err(refused)?;
        self.recorder.record(story.event(Outcome::Allowed), None).await.map_err(refused)?;
        let opened = tokio::select! {
            opened = self.reach_prefect(destination) => opened,
            close = tend(client) => return Err(close),
            close = self.revoked(identity, None) => return Err(close),
            () = self.drain.begun() => return Err(refused(Reason::Draining)),
        };
        // The events client keeps what it holds only once it has been let in: so it is let in first, even when Prefect
        // did not come back in time, and then sent to reconnect.
        self.let_in(client).await?;
        let (prefect, at_upstream) = opened.ok_or_else(Close::upstream_lost)?;
        let seen = self.places.enter(connected(identity, &destination.workspace, story, self.clock.now()));
        Ok((prefect, Held { _own: own, _at_upstream: at_upstream, _seen: seen }))
    }

    fn may(&self, identity: &Identity) -> Result<Permit, Close> {
        let view = self.auth.view();
        let permit = match &self.destination {
            Some(there) => decide(&self.matched, Some(identity), &view.access, &there.workspace),
            None => Err(deny_nowhere(Some(identity))),
        };
        let permit = permit.map_err(|denial| Close::refused(denial.reason, denial.lacking))?;
        // One that was shown has been held to its rules when the identity was sought.
        let needs = self.destination.as_ref().is_some_and(|there| there.needs_certificate);
        if needs && self.certificate.is_none() {
            return Err(Close::refused(Reason::CertificateRequired, Default::default()));
        }
        Ok(permit)
    }

    /// What becomes of messages, by what the permit gives.
    fn rules(&self, permit: &Permit) -> Rules {
        let template = self.matched.operation().template;
        let up = match template {
            _ if self.is_worker_channel() && !permit.holds(Permission::WriteWorkPools) => Rule::NarrowedGreeting,
            _ if !permit.meets_all() => Rule::Unconditional(permit.operation().inspect),
            _ => Rule::Pass,
        };
        let is_masked = template == "/events/out" && !permit.payloads().shows_all();
        Rules { up, down: if is_masked { Rule::Masked(permit.payloads()) } else { Rule::Pass } }
    }

    fn is_worker_channel(&self) -> bool {
        self.matched.operation().template.ends_with("/workers/connect")
    }

    /// Tries until Prefect answers, for as long as a client can be kept waiting.
    async fn reach_prefect(&self, there: &Destination) -> Option<(UpstreamEnd, OwnedSemaphorePermit)> {
        let give_up = Instant::now() + HOLD;
        let place = tokio::time::timeout(HOLD, self.places.at_upstream()).await.ok()??;
        let mut pause = Duration::from_millis(100);
        while Instant::now() < give_up {
            match dial(&there.upstream, &there.errand).await {
                Ok(prefect) => return Some((prefect, place)),
                Err(error) => {
                    tracing::warn!(%error, target = %there.errand.target, "cannot open Prefect's side of a socket")
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
        None
    }

    async fn let_in(&self, client: &mut ClientEnd) -> Result<(), Close> {
        if !self.handshake.speaks_prefect {
            return Ok(());
        }
        let mut success = Vec::new();
        frame::write(OpCode::Data(Data::Text), br#"{"type":"auth_success"}"#, None, &mut success);
        client.stream.write_all(&success).await.map_err(|_| Close::gone())?;
        client.stream.flush().await.map_err(|_| Close::gone())
    }

    async fn relay(&self, client: &mut ClientEnd, prefect: &mut UpstreamEnd, identity: &Identity) -> (Close, bool) {
        let mut position = Position::default();
        let rules = match self.may(identity) {
            Ok(permit) => self.rules(&permit),
            Err(close) => return (close, true),
        };
        let close = {
            let (mut from_client, mut to_client) = tokio::io::split(&mut client.stream);
            let (mut from_prefect, mut to_prefect) = tokio::io::split(&mut prefect.stream);
            tokio::select! {
                close = downlink(&mut from_prefect, &mut prefect.buffer, &mut to_client, &mut position, rules.down) => close,
                close = uplink(&mut from_client, &mut client.buffer, &mut to_prefect, rules.up) => close,
                close = self.revoked(identity, Some(rules)) => close,
                () = self.drain.begun() => Close::refused(Reason::Draining, Default::default()),
            }
        };
        (close, !position.mid_frame)
    }

    /// Returns when the identity or its right to this socket is gone, or has changed what becomes of messages: then the
    /// client comes again, under the new rules.
    async fn revoked(&self, identity: &Identity, rules: Option<Rules>) -> Close {
        let mut changes = self.auth.subscribe();
        loop {
            // A certificate is looked at whoever the first frame named: it stands for the connection.
            let borne = self
                .certificate
                .as_ref()
                .map_or(Ok(()), |one| self.auth.recheck_certificate(one.trusted(self.clock.now())?, identity));
            if let Err(reason) = borne.and_then(|()| self.auth.recheck(identity)) {
                return Close::refused(reason, Default::default());
            }
            // Told by the change of the answer, not by its time: replicas' clocks differ.
            if self.auth.view().signed_out_at(&identity.principal.id) != self.signed_out_at {
                return Close::signed_out();
            }
            match self.may(identity) {
                Err(close) => return close,
                Ok(permit) if rules.is_some_and(|rules| rules != self.rules(&permit)) => return Close::ruled_anew(),
                Ok(_) => {}
            }
            // Either is reason to look again; a closed feed leaves the clock.
            let _ = tokio::time::timeout(RECHECK, changes.changed()).await;
        }
    }
}

/// What is told of an open socket.
fn connected(identity: &Identity, workspace: &WorkspaceName, story: &Story, since: Timestamp) -> Connected {
    Connected {
        principal: identity.principal.id.clone(),
        credential: identity.credential.clone(),
        workspace: workspace.clone(),
        path: story.path.clone(),
        client_ip: story.client_ip.to_string(),
        user_agent: Arc::clone(story.user_agent()),
        since,
    }
}

/// Answers the client's pings while Prefect's side is being opened.
async fn tend(client: &mut ClientEnd) -> Close {
    loop {
        let frame = match client.next_control().await {
            Ok(Some(frame)) => frame,
            Ok(None) => return Close::gone(),
            Err(_) => return Close::protocol(),
        };
        let OpCode::Control(control) = frame.opcode else { return Close::protocol() };
        if let Err(close) = answer_control(client, control, &frame.payload).await {
            return close;
        }
    }
}
