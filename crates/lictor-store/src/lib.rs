//! What do we remember? The only SQL of Lictor: one text for SQLite and PostgreSQL.

mod audit;
mod by;
mod directory;
mod error;
mod grants;
mod keys;
mod meta;
mod open;
mod passwords;
mod pool;
mod principals;
mod roles;
mod rows;
mod sessions;
mod statement;

pub use by::By;
pub use error::StoreError;
pub use rows::{AuditFilter, Directory, KeyRow, LastUse, NewKey, NewPrincipal, PasswordRow, SessionRow, Versions};

/// Principals, credentials, roles, grants, sessions and the record. Clones share one pool.
///
/// Every change is one transaction with its audit event, and bumps the version that replicas poll.
#[derive(Debug, Clone)]
pub struct Store {
    pool: pool::Pool,
    clock: lictor_model::Clock,
}
