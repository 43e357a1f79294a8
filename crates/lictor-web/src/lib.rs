//! How do people sign in and look after their account? Server-rendered pages under `/lictor/` that work without scripts.

mod account;
mod admin;
mod answer;
pub mod api;
mod assets;
mod back_channel;
mod confirm;
mod device;
mod factors;
mod form;
mod key_rotation;
mod keys;
mod layout;
mod leak;
mod me;
mod next;
mod passkey_sign_in;
mod password;
mod qr;
pub mod reasons;
pub mod reset;
pub mod reset_factors;
mod router;
mod same_origin;
mod sessions;
pub mod setup;
mod sign_in;
mod sign_on;
mod sign_out;
mod token;
mod visit;
mod when;
mod workspaces;

#[cfg(test)]
mod tests;

pub use admin::WorkspaceFacts;
pub use router::{WebState, router};
