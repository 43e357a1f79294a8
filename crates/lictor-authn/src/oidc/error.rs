//! Why did a sign-in at a provider not succeed? For the person in words, for the log in detail.

use lictor_model::Reason;

use super::cached::NotHad;
use super::exchange::ExchangeError;
use super::fetch::FetchError;
use super::flow::FlowError;
use super::peer::VerifyError;
use super::rules::NotLetIn;

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignOnError {
    /// No provider of that name.
    #[error("there is no provider of this name")]
    UnknownProvider,
    /// The answer belongs to no sign-in that this browser began.
    #[error("the answer belongs to no sign-in: {0}")]
    Flow(#[from] FlowError),
    /// The answer is not what the specification allows.
    #[error("the provider's answer has {0}")]
    Answer(&'static str),
    /// The provider did not sign the person in.
    #[error("the provider answered with an error: {0}")]
    Said(String),
    /// It cannot be asked, or does not answer as it should.
    #[error("{0}")]
    Unavailable(String),
    /// It answered, and is not believed.
    #[error("{0}")]
    Rejected(String),
    /// It vouches for a person that no rule lets in.
    #[error("no rule lets this person in: {0}")]
    NotLetIn(NotLetIn),
    /// Our own trouble, or the account's.
    #[error("{0}")]
    Ours(Reason),
}

impl SignOnError {
    /// The stable code.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::UnknownProvider => Reason::NotFound,
            Self::Flow(_) => Reason::SignOnExpired,
            Self::Answer(_) | Self::Rejected(_) => Reason::SignOnRejected,
            Self::Said(_) => Reason::ProviderRefused,
            Self::Unavailable(_) => Reason::ProviderUnavailable,
            Self::NotLetIn(_) => Reason::SignOnRefused,
            Self::Ours(reason) => *reason,
        }
    }

    /// What the person is told: what went wrong, and what to do; nothing that a token said.
    #[must_use]
    pub fn words(&self, label: &str) -> String {
        match self {
            Self::UnknownProvider => "There is no such identity provider here.".to_owned(),
            Self::Flow(why) => format!("This sign-in cannot be completed: {why}. Begin again."),
            Self::Answer(what) => format!("{label} answered with {what}. Begin again."),
            Self::Said(code) => format!("{label} did not sign you in ({code})."),
            Self::Unavailable(_) => {
                format!(
                    "{label} cannot be asked at the moment. Try again shortly; other ways to sign in are not affected."
                )
            }
            Self::Rejected(what) => {
                format!(
                    "The answer of {label} was not accepted: {what}. Begin again; if it stays so, tell whoever runs this gateway."
                )
            }
            Self::NotLetIn(why) => format!("{label} knows you, but no rule here lets you in. {why}"),
            Self::Ours(reason) => reason.advice().to_owned(),
        }
    }
}

impl From<NotHad> for SignOnError {
    fn from(error: NotHad) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<FetchError> for SignOnError {
    fn from(error: FetchError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<VerifyError> for SignOnError {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Token(_) => Self::Rejected(error.to_string()),
            VerifyError::Keys(not_had) => not_had.into(),
        }
    }
}

impl From<ExchangeError> for SignOnError {
    fn from(error: ExchangeError) -> Self {
        match error {
            ExchangeError::Fetch(error @ (FetchError::NotJson(_) | FetchError::Body(_))) => {
                Self::Rejected(error.to_string())
            }
            ExchangeError::Fetch(error) => error.into(),
            other => Self::Rejected(other.to_string()),
        }
    }
}
