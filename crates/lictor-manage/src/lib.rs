//! What can be managed, and by whom? One function an operation, for the command line, the admin API and pages alike.
//!
//! Each looks at who asks, at what is asked for, and makes the change in one transaction with its audit event. Whoever may
//! not is refused, and a refused change is on record too.

mod administration;
mod automations;
mod bans;
mod burden;
mod entrance;
mod error;
mod factors;
mod grants;
pub mod impact;
mod keys;
mod lists;
mod people;
pub mod policy;
mod record;
mod reset_links;
mod roles;
mod sessions;
mod teams;
#[cfg(test)]
mod tests;
pub mod text;
mod viewing;
pub mod written;

pub use administration::Administration;
pub use automations::Answered;
pub use error::ManageError;
pub use factors::{FactorLine, FactorsOf};
pub use grants::{GrantLine, Holder};
pub use keys::{Keyring, MOST_KEYS, NewKey};
pub use lists::Listed;
pub use record::{LARGEST_PAGE, Page};
pub use reset_links::{LONGEST as LONGEST_RESET_LINK, NewResetLink};
