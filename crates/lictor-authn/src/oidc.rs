//! How do people sign in at an identity provider? OpenID Connect, as its relying party: code flow, PKCE, nothing else.
//!
//! [`SignOn`] holds the [`provider::Provider`]s: it begins a sign-in, completes it with the provider's answer, rechecks
//! whoever is signed in, and ends sessions at the provider's word. What a provider says is verified in `token`,
//! `id_token` and `logout_token`; who comes in as what is decided in `rules`.

mod begin;
pub(crate) mod cached;
mod callback;
pub mod claims;
pub(crate) mod discovery;
mod edge;
pub mod endpoint;
mod error;
pub(crate) mod exchange;
pub(crate) mod fetch;
mod flow;
#[cfg(test)]
pub(crate) mod forge;
mod gather;
mod id_token;
pub(crate) mod json;
pub(crate) mod keys;
mod load_balancer;
mod logout_token;
mod named_keys;
mod names;
pub(crate) mod peer;
mod probe;
pub mod provider;
mod recheck;
pub(crate) mod rules;
mod sign_on;
mod sign_out;
pub(crate) mod token;

pub use begin::Begun;
pub use callback::SignedOn;
pub use error::SignOnError;
pub use fetch::{TrustError, check_trusted};
pub use flow::FlowError;
pub use probe::probe;
pub use rules::NotLetIn;
pub use sign_on::{Button, SignOn, SignOnStartError};
pub use sign_out::Elsewhere;
