//! Who is calling? Reads what a request presents and answers with an [`Attempt`]: not presented, verified or rejected.
//!
//! [`Presented`] reads the headers; [`claim`] reads the text in them; [`Authenticator`] holds the [`View`] of the store
//! that answers without I/O, and the password checks that cannot. One file a scheme: [`basic`], [`bearer`], [`session`],
//! [`first_message`], [`mtls`], [`jwt`]. What comes after a password: [`factors`].

mod attempt;
mod authenticator;
pub mod basic;
pub mod bearer;
mod break_glass;
pub mod claim;
pub mod devices;
pub mod factors;
mod feed;
pub mod first_message;
mod guess;
mod identify;
pub mod jwt;
mod ledger;
pub mod mtls;
pub mod oidc;
mod options;
mod own_key;
pub mod password;
mod per_minute;
pub mod presence;
mod presented;
mod refusals;
mod reports;
pub mod reset;
mod seal;
pub mod session;
mod shards;
mod sign_in;
mod signed_in;
#[cfg(test)]
mod stage;
mod throttle;
mod verifier;
mod view;

pub use attempt::{Attempt, Caller, Origin, Rejection};
pub use authenticator::{Authenticator, StartError};
pub use break_glass::Passwords;
pub use options::Options;
pub use presented::{Authorization, Presented};
pub use seal::{Seal, SealError};
pub use sign_in::{PasswordChangeError, SignedIn};
pub use view::View;
