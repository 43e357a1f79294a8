//! Why was no certificate issued?

use lictor_authn::SealError;
use lictor_model::key::EntropyError;
use lictor_store::StoreError;

use crate::connect::CredentialError;
use crate::tls::TlsError;

/// No certificate, for now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AcmeError {
    /// What replicas share.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Keys that are kept there.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// No randomness.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// Whom we trust to be the authority.
    #[error("tls.acme.ca_file: {0}")]
    Trust(#[from] CredentialError),
    /// What the authority said, or that it did not answer.
    #[error("{}", with_sources(.0))]
    Authority(#[from] instant_acme::Error),
    /// It looked, and did not find what it should.
    #[error("the authority did not find {domain} to be ours: {detail}")]
    NotOurs {
        /// Which name.
        domain: String,
        /// In its words.
        detail: String,
    },
    /// It looks otherwise.
    #[error("the authority does not look at {domain} by {challenge}: choose another tls.acme.challenge")]
    NotOffered {
        /// Which name.
        domain: String,
        /// How we would have it look.
        challenge: &'static str,
    },
    /// A certificate for something else.
    #[error("the authority issued a certificate that is not for {0}")]
    NotFor(String),
    /// A certificate that cannot be used.
    #[error(transparent)]
    Unusable(#[from] TlsError),
    /// No key or request could be made.
    #[error("no request can be made: {0}")]
    Request(#[from] rcgen::Error),
    /// What is kept does not read.
    #[error("what is kept in the store does not read: {0}")]
    Kept(#[from] serde_json::Error),
    /// The authority keeps us waiting.
    #[error("the authority did not issue it in time")]
    Timeout,
}

/// The library's errors say little without what they came from.
fn with_sources(error: &instant_acme::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let more = cause.to_string();
        if !text.contains(&more) {
            text += &format!(": {more}");
        }
        source = cause.source();
    }
    text
}

impl AcmeError {
    /// Whether the authority does not know our account, as after it was made anew.
    pub(super) fn is_of_no_account(&self) -> bool {
        let Self::Authority(instant_acme::Error::Api(problem)) = self else { return false };
        problem.r#type.as_deref() == Some("urn:ietf:params:acme:error:accountDoesNotExist")
    }
}
