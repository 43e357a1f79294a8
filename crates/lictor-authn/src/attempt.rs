//! How did identifying end? Not presented, verified or rejected: three outcomes, and no fourth by accident.

use std::net::IpAddr;
use std::sync::Arc;

use lictor_model::{CredentialRef, Identity, PrincipalName, Reason, RequestId};

/// The outcome of reading a request's credentials.
///
/// A rejected credential never falls through to another scheme, nor to "nothing was presented".
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a rejected attempt must become a refusal"]
pub enum Attempt {
    /// The request carries no credential at all.
    NotPresented,
    /// The credential is good.
    Verified(Identity),
    /// The credential is not good.
    Rejected(Rejection),
}

impl Attempt {
    /// The verified identity, if there is one.
    #[must_use]
    pub const fn identity(&self) -> Option<&Identity> {
        match self {
            Self::Verified(identity) => Some(identity),
            Self::NotPresented | Self::Rejected(_) => None,
        }
    }
}

/// Why a credential was rejected, and whose it was said to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Why.
    pub reason: Reason,
    /// The name that was claimed. Empty when none was, or when it was no canonical name: people type passwords into
    /// name fields, and this name is written down.
    pub claimed: String,
    /// The credential, when it is one that we know (revoked, expired, of another, of a disabled principal).
    pub credential: Option<CredentialRef>,
    /// In how many seconds it may be tried again, when that is known.
    pub retry_after: Option<u32>,
    /// What is wrong with it in particular, in words of ours.
    pub detail: Option<&'static str>,
}

impl Rejection {
    /// Rejected for the reason; `name` as it was presented.
    #[must_use]
    pub fn of(reason: Reason, name: &str) -> Self {
        let canonical = PrincipalName::parse(name).is_ok();
        let claimed = if canonical { name.to_owned() } else { String::new() };
        Self { claimed, ..Self::from(reason) }
    }
}

impl From<Reason> for Rejection {
    fn from(reason: Reason) -> Self {
        Self { reason, claimed: String::new(), credential: None, retry_after: None, detail: None }
    }
}

impl From<Result<Identity, Rejection>> for Attempt {
    fn from(result: Result<Identity, Rejection>) -> Self {
        result.map_or_else(Self::Rejected, Self::Verified)
    }
}

/// Where a credential came from.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The client's address, after trusted proxies.
    pub client_ip: IpAddr,
    /// What the client calls itself; empty when it does not say.
    pub user_agent: Arc<str>,
    /// Whether the browser speaks TLS to us (itself or through a trusted proxy): decides the cookie's name.
    pub secure: bool,
}

/// Who calls one of our own pages: put into the request's extensions before the page's router sees it.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The request's id.
    pub request: RequestId,
    /// The client's address, after trusted proxies.
    pub client_ip: IpAddr,
    /// Whoever connected to us: the client, or the last proxy before us.
    pub peer: IpAddr,
    /// Whether the browser speaks TLS to us.
    pub secure: bool,
    /// `scheme://host` as the browser sees it.
    pub origin: String,
    /// The path that the browser sees before ours; empty at the root.
    pub base: Arc<str>,
    /// What the client calls itself.
    pub user_agent: Arc<str>,
    /// Who it is, if a credential was verified.
    pub identity: Option<Identity>,
    /// Why a presented credential was rejected.
    pub rejection: Option<Rejection>,
}

impl Caller {
    /// Where our own pages and Prefect's are, as the browser spells it: `scheme://host/base`.
    #[must_use]
    pub fn home(&self) -> String {
        format!("{}{}", self.origin, self.base)
    }

    /// The caller as the origin of a sign-in, a sign-out or a password change.
    #[must_use]
    pub fn as_origin(&self) -> Origin {
        Origin { client_ip: self.client_ip, user_agent: Arc::clone(&self.user_agent), secure: self.secure }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_names_are_written_down() {
        let claimed = |name: &str| Rejection::of(Reason::InvalidCredentials, name).claimed;
        assert_eq!(claimed("alice"), "alice");
        assert_eq!(claimed("MyS3cret!"), "");
        assert_eq!(claimed(&"a".repeat(1000)), "");
    }
}
