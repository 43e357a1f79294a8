//! The nouns: plain types that every other crate speaks in. No I/O, no async, no clock of its own.

pub mod assignments;
pub mod audit;
pub mod ban;
pub mod client_address;
pub mod clock;
pub mod credential;
pub mod demand;
pub mod grant;
pub mod id;
pub mod key;
pub mod narrowing;
pub mod permission;
pub mod principal;
pub mod reason;
pub mod role;
pub mod secret;
pub mod team;

pub use assignments::Assignments;
pub use audit::{Actor, AuditEvent, Outcome};
pub use ban::{Ban, BanCause, BanSubject};
pub use client_address::ClientAddress;
pub use clock::{Clock, Timestamp};
pub use credential::{CredentialKind, CredentialRef, Identity};
pub use demand::Demands;
pub use grant::{Grant, Scope, Source};
pub use id::{CredentialId, EventId, GrantId, PrincipalId, RequestId, TeamId, WorkspaceName};
pub use key::{ApiKey, KeyError};
pub use narrowing::Narrowing;
pub use permission::{Permission, PermissionSet};
pub use principal::{Principal, PrincipalKind, PrincipalName};
pub use reason::Reason;
pub use role::{Role, RoleName};
pub use secret::{Digest, Secret};
pub use team::{Membership, Team, TeamGrant, TeamName};
