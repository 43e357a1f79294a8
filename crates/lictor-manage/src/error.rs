//! Why was it not done, and what is to be changed? As words for a person, and as a reason for a program.

use lictor_authz::Unauthorized;
use lictor_model::Reason;
use lictor_model::key::EntropyError;
use lictor_store::StoreError;

/// An operation that was not done.
#[derive(Debug, thiserror::Error)]
pub enum ManageError {
    /// Whoever asks may not.
    #[error(transparent)]
    Unauthorized(#[from] Unauthorized),
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system has no randomness to give.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// No workspace of that name.
    #[error("there is no workspace {name:?}; there is {known}")]
    NoSuchWorkspace {
        /// What was named.
        name: String,
        /// What there is.
        known: String,
    },
    /// Owners are made by a grant.
    #[error("{0:?} is an owner by the role owner everywhere, which a grant gives and takes away")]
    OwnerByGrant(String),
    /// A text that cannot be shown in a list.
    #[error("the {what} must be one line of at most {most} characters that show")]
    Text {
        /// Of what.
        what: &'static str,
        /// How long it may be.
        most: usize,
    },
    /// A disabled user's link would do nothing.
    #[error("{0:?} is disabled, and a link would do nothing: enable the account first")]
    Disabled(String),
    /// A change by somebody who looks through another's rights.
    #[error("you view as somebody else, which changes nothing: stop viewing first")]
    ViewOnly,
    /// There is nothing to see through.
    #[error("{0:?} is disabled, and sees nothing: enable the account first")]
    SeesNothing(String),
    /// Everybody sees through their own rights already.
    #[error("this is your own account, whose rights you see through already")]
    OwnView,
    /// A length of time that is none, or too long.
    #[error("the {what} must be at least a second and at most {most}")]
    Length {
        /// Of what.
        what: &'static str,
        /// The longest, in words.
        most: &'static str,
    },
    /// An end that is over.
    #[error("the key would have ended already: choose an end that is to come")]
    Past,
    /// Each key in use is held in memory by every replica.
    #[error("{owner} has {most} keys in use already: revoke some that are not needed first")]
    TooManyKeys {
        /// Whose.
        owner: String,
        /// How many there may be.
        most: usize,
    },
    /// A page that is empty, or too large.
    #[error("a page has 1 to {0} items: choose another limit")]
    PageSize(u32),
    /// A link to a page that was never given.
    #[error("this cursor was not given by the page before: begin without one")]
    UnknownCursor,
}

impl ManageError {
    /// The stable code of it.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Unauthorized(_) => Reason::PermissionDenied,
            Self::Store(error) => of_store(error),
            Self::Entropy(_) => Reason::InternalError,
            Self::UnknownCursor => Reason::UnknownCursor,
            Self::ViewOnly => Reason::ViewOnly,
            Self::TooManyKeys { .. }
            | Self::Disabled(_)
            | Self::SeesNothing(_)
            | Self::OwnView
            | Self::OwnerByGrant(_) => Reason::StateConflict,
            Self::NoSuchWorkspace { .. } | Self::Text { .. } | Self::Length { .. } | Self::Past | Self::PageSize(_) => {
                Reason::UnusableValue
            }
        }
    }
}

const fn of_store(error: &StoreError) -> Reason {
    match error {
        StoreError::NotFound { .. } | StoreError::AmbiguousKey(_) => Reason::NotFound,
        StoreError::NameTaken { .. } => Reason::NameTaken,
        StoreError::LastOwner => Reason::LastOwner,
        StoreError::KeyRotated { .. } => Reason::KeyRotated,
        StoreError::NoLongerAllowed => Reason::PermissionDenied,
        StoreError::Moved
        | StoreError::RoleInUse(_)
        | StoreError::RoleBuiltIn(_)
        | StoreError::FromSignIn { .. }
        | StoreError::KeyNotInUse { .. }
        | StoreError::KeyOfToken(_)
        | StoreError::LastFactor
        | StoreError::TooManyFactors(_)
        | StoreError::NoPasswords(_) => Reason::StateConflict,
        StoreError::UnknownRole(_) | StoreError::BaseNotBuiltIn(_) | StoreError::KeyOutlivesRole { .. } => {
            Reason::UnusableValue
        }
        StoreError::Unavailable(_)
        | StoreError::Database(_)
        | StoreError::Migration(_)
        | StoreError::Newer { .. }
        | StoreError::Url(_)
        | StoreError::File { .. }
        | StoreError::Corrupt { .. } => Reason::StoreUnavailable,
    }
}
