//! What do we remember? The only SQL of Lictor: one text for SQLite and PostgreSQL.

mod account_roles;
mod acme;
mod activity;
mod audit;
mod automations;
mod backup;
mod bans;
mod by;
mod challenges;
mod device_requests;
mod directory;
mod error;
mod exchange;
mod external_accounts;
mod external_sessions;
mod factor_roles;
mod factors;
mod granted;
mod grants;
mod guard;
mod key_ages;
mod keys;
mod lists;
mod mail;
mod managed;
mod memberships;
mod meta;
mod moved;
mod open;
mod owners;
mod paged;
mod passwords;
mod pool;
mod principals;
mod proofs;
mod reset_links;
mod roles;
mod rosters;
mod rotation;
mod rows;
mod sessions;
mod sign_in_rules;
mod spent;
mod statement;
mod teams;

pub use acme::AcmeEntry;
pub use activity::Stretch;
pub use backup::{BackedUp, BackupError, Restored};
pub use bans::HeldBan;
pub use by::By;
pub use challenges::{ChallengeRef, NewChallenge};
pub use device_requests::{DeviceAllowance, DeviceAnswer, DeviceRequest, NewDeviceRequest};
pub use error::StoreError;
pub use factors::{FactorRow, Factors, NewFactor};
pub use granted::{GrantFilter, Granted};
pub use guard::Guard;
pub use keys::choose as choose_key;
pub use lists::{KeyFilter, Owned, PrincipalFilter, SessionFilter, UNCOUNTED};
pub use managed::{Change, Managed, ManagedKind};
pub use paged::{Bounds, Paged};
pub use proofs::{NewCookie, Used};
pub use reset_links::ResetLink;
pub use rosters::{Member, Roster};
pub use rows::{
    AuditFilter, AutomationChange, AutomationRow, Directory, ExternalSessionRow, KeyRow, KeyState, LastUse,
    NewExternalAccount, NewKey, NewPrincipal, NewSecret, Part, PasswordRow, Rotation, SessionRow, Versions,
};
pub use sessions::SignedIn;
pub use sign_in_rules::{RuleChange, RuleGifts};

/// Principals, credentials, roles, teams, grants, sessions and the record. Clones share one pool.
///
/// Every change is one transaction with its audit event, and bumps the version that replicas poll.
#[derive(Debug, Clone)]
pub struct Store {
    pool: pool::Pool,
    clock: lictor_model::Clock,
    guard: Option<Guard>,
}
