//! Whose passwords are not looked at for a while? A ban: of an account, of an address, or of an account from an address.

use serde::{Deserialize, Serialize};

use crate::client_address::ClientAddress;
use crate::clock::Timestamp;
use crate::principal::PrincipalName;

/// What a ban is on; what is not named is any.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BanSubject {
    /// The account whose password was guessed at.
    pub account: Option<PrincipalName>,
    /// The address that guessed.
    pub address: Option<ClientAddress>,
}

/// Why there is a ban.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BanCause {
    /// Too many wrong passwords.
    Failures,
    /// An administrator's word.
    Administrator,
}

/// A temporary ban. It concerns passwords alone: sessions and API keys go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ban {
    /// On what.
    pub subject: BanSubject,
    /// Why.
    pub cause: BanCause,
    /// Since when.
    pub began_at: Timestamp,
    /// Until when.
    pub ends_at: Timestamp,
}

impl BanCause {
    /// The form in the store and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failures => "failures",
            Self::Administrator => "administrator",
        }
    }

    /// Reads [`BanCause::as_str`]'s form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Failures, Self::Administrator].into_iter().find(|cause| cause.as_str() == text)
    }
}

impl std::fmt::Display for BanSubject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.account, &self.address) {
            (Some(account), Some(address)) => write!(f, "{account} from {address}"),
            (Some(account), None) => account.fmt(f),
            (None, Some(address)) => address.fmt(f),
            (None, None) => f.write_str("everybody"),
        }
    }
}
