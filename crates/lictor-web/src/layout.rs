//! What stands around a page? Where its links begin, who is signed in, which page of the account it is, what was done.

/// What the frame of every template is filled with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout<'a> {
    /// The path that the browser sees before ours, empty at the root. Every link, form and file of a template begins
    /// with it, and every redirect is made by [`crate::visit::Visit::at`].
    pub(crate) base: &'a str,
    /// Who is signed in; empty where nobody is.
    pub(crate) name: &'a str,
    /// Through whose rights they look; empty for their own.
    pub(crate) viewing: &'a str,
    /// Which entry of the navigation is this page.
    pub(crate) here: Section,
    /// What was done before this page was shown.
    pub(crate) done: Option<Done>,
}

/// The entries of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    /// A page without navigation.
    Alone,
    /// Who am I?
    Account,
    /// My keys.
    Keys,
    /// My sessions.
    Sessions,
    /// My password.
    Password,
    /// My second factors.
    Factors,
}

impl Section {
    /// The navigation, in order: where each entry leads, and what it is called.
    pub(crate) const ALL: [Self; 5] = [Self::Account, Self::Keys, Self::Sessions, Self::Password, Self::Factors];

    /// Its path, to be put behind the base.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Alone | Self::Account => crate::account::PATH,
            Self::Keys => crate::keys::PATH,
            Self::Sessions => crate::sessions::PATH,
            Self::Password => crate::password::PATH,
            Self::Factors => crate::factors::PATH,
        }
    }

    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Alone | Self::Account => "Account",
            Self::Keys => "API keys",
            Self::Sessions => "Sessions",
            Self::Password => "Password",
            Self::Factors => "Second factors",
        }
    }
}

/// What was done by the form that led here: a code in the query, so that no text of a link's author is ever shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    /// A key was revoked.
    KeyRevoked,
    /// One session was ended.
    SessionEnded,
    /// All but this one.
    OthersEnded,
    /// The password was set by a link.
    PasswordReset,
    /// The password was changed.
    PasswordChanged,
    /// All sessions were ended, this one too.
    AllEnded,
    /// A program was let in.
    DeviceAllowed,
    /// A program was not let in.
    DeviceDenied,
    /// A second factor was added.
    FactorAdded,
    /// A second factor was removed.
    FactorRemoved,
    /// All second factors were taken away by a link.
    FactorsReset,
}

impl Done {
    const ALL: [Self; 11] = [
        Self::KeyRevoked,
        Self::SessionEnded,
        Self::OthersEnded,
        Self::PasswordReset,
        Self::PasswordChanged,
        Self::AllEnded,
        Self::DeviceAllowed,
        Self::DeviceDenied,
        Self::FactorAdded,
        Self::FactorRemoved,
        Self::FactorsReset,
    ];

    /// The code in the query.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::KeyRevoked => "key-revoked",
            Self::PasswordReset => "password-reset",
            Self::SessionEnded => "session-ended",
            Self::OthersEnded => "others-ended",
            Self::PasswordChanged => "password-changed",
            Self::AllEnded => "all-ended",
            Self::DeviceAllowed => "device-allowed",
            Self::DeviceDenied => "device-denied",
            Self::FactorAdded => "factor-added",
            Self::FactorRemoved => "factor-removed",
            Self::FactorsReset => "factors-reset",
        }
    }

    /// What the page says of it.
    pub(crate) const fn sentence(self) -> &'static str {
        match self {
            Self::KeyRevoked => "The key is revoked.",
            Self::PasswordReset => "The password is set. Sign in with it.",
            Self::SessionEnded => "The session has ended.",
            Self::OthersEnded => "All other sessions have ended.",
            Self::PasswordChanged => "The password is changed, and your other sessions have ended.",
            Self::AllEnded => "All your sessions have ended, this one too.",
            Self::DeviceAllowed => "Allowed. The program fetches its key in a moment: go back to it.",
            Self::DeviceDenied => "Denied. The program gets no key.",
            Self::FactorAdded => "The second factor is added.",
            Self::FactorRemoved => "The second factor is removed.",
            Self::FactorsReset => "Your second factors are gone. Sign in with your password.",
        }
    }

    /// Reads a code.
    pub(crate) fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|done| done.code() == code)
    }
}
