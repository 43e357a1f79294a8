//! What was presented, and whose is it? References to credentials, and the identity that they prove.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::CredentialId;
use crate::narrowing::Narrowing;
use crate::principal::Principal;

/// The kind of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CredentialKind {
    /// A password, presented as HTTP Basic or in a socket's first frame.
    Password,
    /// An API key.
    Key,
    /// A signed-in browser's session.
    Session,
    /// A client certificate.
    Certificate,
    /// A token that somebody else issued.
    Token,
    /// A link that sets a password, once.
    ResetLink,
    /// The machine's own administrator at the command line; never presented over the network.
    Console,
}

impl CredentialKind {
    /// The form in the store, in JSON, in logs and in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Key => "key",
            Self::Session => "session",
            Self::Certificate => "certificate",
            Self::Token => "token",
            Self::ResetLink => "reset-link",
            Self::Console => "console",
        }
    }
}

/// Which credential was presented: its kind and id, never the secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CredentialRef {
    /// Its kind.
    pub kind: CredentialKind,
    /// Its id in the store; of a certificate, its SHA-256 fingerprint; of a token, its issuer's name here and its SHA-256.
    pub id: CredentialId,
}

/// A principal authenticated on this request, and by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Who.
    pub principal: Arc<Principal>,
    /// By which credential.
    pub credential: CredentialRef,
    /// What the credential may do at most; `None` when it may do what the principal may.
    pub narrowing: Option<Arc<Narrowing>>,
    /// Whose rights it looks through, to read and to change nothing; who acts is the principal all the same.
    pub viewing: Option<Arc<Principal>>,
}

impl Identity {
    /// By whose roles it is decided what may be seen.
    #[must_use]
    pub fn seen_as(&self) -> &Principal {
        self.viewing.as_ref().unwrap_or(&self.principal)
    }
}
