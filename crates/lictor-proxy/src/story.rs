//! What is there to tell about a request? Gathered on its way, for the audit trail, the log and the metrics.

use std::net::IpAddr;
use std::sync::Arc;

use lictor_authz::{Effect, Operation};
use lictor_model::{
    Actor, AuditEvent, Demands, EventId, Identity, Outcome, Permission, PermissionSet, Reason, RequestId, Timestamp,
    WorkspaceName,
};
use lictor_store::AutomationChange;
use tokio::time::Instant;

use crate::access_log::AccessLine;
use crate::automation::Draft;
use crate::refusal::Refusal;
use crate::underway::Commitment;

/// Labels of what is no row of the table.
pub(crate) mod label {
    pub(crate) const UNREAD: &str = "unread";
    pub(crate) const UNKNOWN: &str = "unknown";
    pub(crate) const OURS: &str = "lictor page";
    pub(crate) const CLOUD: &str = "lictor cloud";
    pub(crate) const PROBE: &str = "lictor probe";
}

/// Stands in the record for a change that was allowed here and made through somebody else's proxy.
const DECIDED: &str = "decided";

/// One request's or socket's story so far.
#[derive(Clone)]
pub(crate) struct Story {
    /// Its id.
    pub request: RequestId,
    began: Instant,
    at: Timestamp,
    pub(crate) client_ip: IpAddr,
    method: String,
    is_decided: bool,
    pub(crate) path: String,
    user_agent: Arc<str>,
    pub(crate) operation: &'static str,
    effect: Effect,
    pub(crate) workspace: Option<WorkspaceName>,
    identity: Option<Identity>,
    reason: Option<Reason>,
    lacking: PermissionSet,
    reveals: bool,
    /// Whether it goes on when the caller leaves.
    pub(crate) commitment: Commitment,
    /// What the body needed besides the row, once it was looked at.
    pub(crate) demands: Option<Demands>,
    /// What an automation is to be.
    pub(crate) draft: Option<Draft>,
    /// What was done to automations.
    pub(crate) automation: Option<AutomationChange>,
    status: u16,
}

impl Story {
    /// Begins at the first look at a request.
    pub(crate) fn begin(at: Timestamp, peer: IpAddr, method: &http::Method, headers: &http::HeaderMap) -> Self {
        let user_agent = headers.get(http::header::USER_AGENT).and_then(|value| value.to_str().ok());
        Self {
            request: RequestId::fresh(),
            began: Instant::now(),
            at,
            client_ip: peer,
            method: method.as_str().to_owned(),
            is_decided: false,
            path: String::new(),
            user_agent: user_agent.unwrap_or_default().into(),
            operation: label::UNREAD,
            effect: Effect::Read,
            workspace: None,
            identity: None,
            reason: None,
            lacking: PermissionSet::EMPTY,
            reveals: false,
            commitment: Commitment::default(),
            demands: None,
            draft: None,
            automation: None,
            status: 0,
        }
    }

    /// The story of the socket that this request has opened: its own line, at its end.
    pub(crate) fn fork(&self) -> Self {
        self.clone()
    }

    /// The canonical path, once it has been read.
    pub(crate) fn leads_to(&mut self, path: &str) {
        self.path = redact(path);
    }

    pub(crate) fn identified(&mut self, identity: &Identity) {
        self.identity = Some(identity.clone());
    }

    pub(crate) fn concerns(&mut self, operation: &'static Operation) {
        self.operation = operation.name();
        self.effect = operation.effect;
    }

    /// What is no row of the table.
    pub(crate) fn is_about(&mut self, label: &'static str) {
        self.operation = label;
    }

    pub(crate) fn refused(&mut self, reason: Reason) {
        self.reason = Some(reason);
        self.status = reason.status();
    }

    pub(crate) fn refused_with(&mut self, refusal: &Refusal) {
        self.refused(refusal.reason);
        self.lacking = refusal.lacking;
    }

    pub(crate) fn answered(&mut self, status: u16) {
        self.status = status;
    }

    pub(crate) fn socket_closed(&mut self, code: u16, reason: Option<Reason>) {
        self.status = code;
        self.reason = reason.or(self.reason);
    }

    /// That Prefect is asked to reveal secrets, which is on record like a change.
    pub(crate) fn reveals(&mut self, reveals: bool) {
        self.reveals = reveals;
        if reveals {
            let mut demands = Demands::default();
            demands.add(PermissionSet::of(&[Permission::SeeSecretBlocks]));
            self.demands = Some(demands);
        }
    }

    /// That this is a question of a proxy, about a request of somebody else's.
    pub(crate) fn is_decision(&mut self, method: &http::Method, client_ip: IpAddr) {
        self.method = method.as_str().to_owned();
        self.client_ip = client_ip;
        self.is_decided = true;
    }

    pub(crate) fn at(&self) -> Timestamp {
        self.at
    }

    pub(crate) fn user_agent(&self) -> &Arc<str> {
        &self.user_agent
    }

    pub(crate) fn reason(&self) -> Option<Reason> {
        self.reason
    }

    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    pub(crate) fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// Whether this must be on record before it is answered: changes, reveals of secrets, and refused attempts at either.
    pub(crate) fn is_for_the_record(&self) -> bool {
        let tried_to_change = self.effect == Effect::Change;
        match self.reason {
            None => tried_to_change || self.reveals,
            // Refused credentials are recorded by lictor-authn, which folds repeated ones; our own troubles are not acts.
            Some(reason) => tried_to_change && reason.status() == 403 && self.identity.is_some(),
        }
    }

    /// The audit event of this request.
    pub(crate) fn event(&self, outcome: Outcome) -> AuditEvent {
        // What Prefect then answered is not known here.
        let is_decided = self.is_decided && self.reason.is_none();
        AuditEvent {
            id: EventId::fresh(),
            at: self.at,
            actor: self.identity.as_ref().map_or_else(|| Actor::unknown(""), Actor::from),
            credential: self.identity.as_ref().map(|identity| identity.credential.clone()),
            client_ip: self.client_ip.to_string(),
            operation: self.operation.to_owned(),
            object: self.path.clone(),
            workspace: self.workspace.clone(),
            outcome,
            reason: self.reason.map_or(if is_decided { DECIDED } else { "" }, Reason::code).to_owned(),
            demands: self.demands.clone(),
            status: if is_decided { 0 } else { self.status },
            request: Some(self.request.clone()),
        }
    }

    /// The access line of this request.
    pub(crate) fn line(&self) -> AccessLine<'_> {
        let identity = self.identity.as_ref();
        AccessLine {
            at: self.at.to_rfc3339(),
            request: self.request.as_str(),
            client_ip: self.client_ip.to_string(),
            principal: identity.map_or("-", |identity| identity.principal.name.as_str()),
            scheme: identity.map_or("-", |identity| identity.credential.kind.as_str()),
            credential: identity.map_or("-", |identity| identity.credential.id.as_str()),
            workspace: self.workspace.as_ref().map_or("-", WorkspaceName::as_str),
            method: &self.method,
            path: if self.path.is_empty() { "-" } else { &self.path },
            operation: self.operation,
            status: self.status,
            reason: self.reason.map_or("-", Reason::code),
            micros: u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX),
            user_agent: &self.user_agent,
        }
    }
}

/// A key that somebody put into a path must not be kept in logs and in the record.
fn redact(path: &str) -> String {
    let Some((before, after)) = path.split_once("lictor_") else { return path.to_owned() };
    let rest = after.trim_start_matches(|c: char| c.is_ascii_alphanumeric());
    format!("{before}lictor_\u{2026}{}", redact(rest))
}
