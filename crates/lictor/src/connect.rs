//! How does a program that can show no certificate reach a gateway that wants one? Through us: plain HTTP here, TLS there.

mod credential;
mod hop;
mod listener;

pub(crate) use credential::{Credential, CredentialError, Keeper, client_config};
pub(crate) use hop::Gateway;
pub(crate) use listener::serve;
