//! On whose behalf is a change made? What its audit event says of the one who made it.

use lictor_model::{Actor, CredentialId, CredentialKind, CredentialRef, Identity, RequestId};

/// Who makes a change, with what, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// Who.
    pub actor: Actor,
    /// By which credential.
    pub credential: Option<CredentialRef>,
    /// From where; empty at the console.
    pub client_ip: String,
    /// In which request, if any.
    pub request: Option<RequestId>,
}

impl By {
    /// Whoever holds the store's files: the command line.
    #[must_use]
    pub fn console() -> Self {
        let credential = CredentialRef { kind: CredentialKind::Console, id: CredentialId::from("console") };
        Self { actor: Actor::console(), credential: Some(credential), client_ip: String::new(), request: None }
    }

    /// An authenticated caller.
    #[must_use]
    pub fn caller(identity: &Identity, client_ip: impl Into<String>, request: Option<RequestId>) -> Self {
        Self {
            actor: Actor::from(identity),
            credential: Some(identity.credential.clone()),
            client_ip: client_ip.into(),
            request,
        }
    }

    /// The session that the change is made from, if it is made from one.
    pub(crate) fn session(&self) -> Option<&CredentialId> {
        self.credential.as_ref().filter(|used| used.kind == CredentialKind::Session).map(|used| &used.id)
    }
}
