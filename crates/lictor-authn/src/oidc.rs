//! How do people sign in at an identity provider? OpenID Connect, as its relying party: code flow, PKCE, nothing else.

mod cached;
pub mod claims;
mod discovery;
pub mod endpoint;
mod exchange;
mod fetch;
mod flow;
#[cfg(test)]
mod forge;
mod id_token;
mod json;
mod keys;
mod logout_token;
mod peer;
pub mod provider;
mod rules;
mod seal;
mod token;

pub use fetch::{TrustError, check_trusted};
