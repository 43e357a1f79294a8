//! Why was a factor not made, not accepted or not removed?

use lictor_model::Reason;
use lictor_model::key::EntropyError;
use lictor_store::StoreError;

use crate::attempt::Rejection;
use crate::seal::SealError;
use crate::sign_in::reason_of;

/// Why not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FactorError {
    /// It is wrong, was used, must wait, or cannot be looked at now.
    #[error("{}", .0.reason.advice())]
    Refused(Rejection),
    /// The question was answered, is over, or was another session's.
    #[error("this took too long, or was answered already: begin again")]
    Over,
    /// Browsers have passkeys for names over TLS, and for localhost.
    #[error("passkeys need an address with a name and TLS, or localhost")]
    NoPasskeysHere,
    /// Somebody has it.
    #[error("this passkey is in use already: choose another")]
    Taken,
    /// More than anybody needs.
    #[error("there are {0} second factors already: remove one first")]
    TooMany(usize),
    /// Whoever must have one cannot remove the last.
    #[error("a role of yours demands a second factor, and this is the last one: add another first")]
    LastOne,
}

impl From<Reason> for FactorError {
    fn from(reason: Reason) -> Self {
        Self::Refused(reason.into())
    }
}

impl From<SealError> for FactorError {
    fn from(error: SealError) -> Self {
        tracing::error!(%error, "a second factor cannot be made or read");
        Reason::InternalError.into()
    }
}

impl From<EntropyError> for FactorError {
    fn from(error: EntropyError) -> Self {
        tracing::error!(%error, "a second factor cannot be made");
        Reason::InternalError.into()
    }
}

impl From<StoreError> for FactorError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NameTaken { .. } => Self::Taken,
            StoreError::TooManyFactors(most) => Self::TooMany(most),
            StoreError::LastFactor => Self::LastOne,
            StoreError::NotFound { .. } => Reason::SessionEnded.into(),
            error => reason_of(&error).into(),
        }
    }
}
