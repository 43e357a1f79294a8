//! How do people sign in and look after their account? Server-rendered pages under `/lictor/` that work without scripts.

mod account;
mod admin;
mod answer;
pub mod api;
mod assets;
mod back_channel;
mod callback;
mod client_login;
mod confirm;
mod device;
mod device_grant;
mod device_page;
mod factors;
mod form;
mod key_rotation;
mod keys;
mod layout;
mod leak;
mod me;
mod next;
mod oauth;
mod own_key;
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
mod view_as;
mod visit;
mod when;
mod workspaces;

#[cfg(test)]
mod tests;

pub use admin::WorkspaceFacts;
pub use router::{WebState, router};
