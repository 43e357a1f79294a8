//! What happened? The audit event: kept for ever, with a frozen copy of who acted.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::credential::{CredentialRef, Identity};
use crate::demand::Demands;
use crate::id::{EventId, RequestId, WorkspaceName};
use crate::principal::PrincipalKind;

/// A frozen copy of a principal, so that a later rename or removal does not rewrite history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The principal's id, or empty for nobody (a refused credential).
    pub id: String,
    /// `None` for nobody and for the console.
    pub kind: Option<PrincipalKind>,
    /// The name as it was.
    pub name: String,
}

impl Actor {
    /// Whoever holds the store's files: the command line.
    #[must_use]
    pub fn console() -> Self {
        Self { id: String::new(), kind: None, name: "console".to_owned() }
    }

    /// A caller who proved nothing; `claimed` is the name they gave, if any.
    #[must_use]
    pub fn unknown(claimed: &str) -> Self {
        Self { id: String::new(), kind: None, name: claimed.chars().take(64).collect() }
    }
}

impl From<&Identity> for Actor {
    fn from(identity: &Identity) -> Self {
        let principal = &identity.principal;
        Self {
            id: principal.id.as_str().to_owned(),
            kind: Some(principal.kind),
            name: principal.name.as_str().to_owned(),
        }
    }
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Permitted (what Prefect then answered is in the status).
    Allowed,
    /// Refused (why is in the reason).
    Refused,
}

impl Outcome {
    /// The form in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Refused => "refused",
        }
    }
}

/// One thing that somebody did, or tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// Its id.
    pub id: EventId,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// By which credential.
    pub credential: Option<CredentialRef>,
    /// From where (after trusted proxies); empty at the console.
    pub client_ip: String,
    /// What: `POST /flow_runs/{id}/set_state` for Prefect's operations, `user.add` and the like for ours.
    pub operation: String,
    /// On what: the canonical path, or the name of the object.
    pub object: String,
    /// In which workspace; `None` for administration.
    pub workspace: Option<WorkspaceName>,
    /// Allowed or refused.
    pub outcome: Outcome,
    /// Why it was refused: a [`crate::Reason`] code; empty when allowed.
    pub reason: String,
    /// What its body needed besides its operation; `None` when none was looked at.
    pub demands: Option<Demands>,
    /// The HTTP status answered; 0 at the console.
    pub status: u16,
    /// The request it belongs to, if any.
    pub request: Option<RequestId>,
}
