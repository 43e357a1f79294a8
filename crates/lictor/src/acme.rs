//! How do we come by a certificate, and by the next one in time? From an authority that looks whether the names are ours (ACME, RFC 8555).
//!
//! Replicas share what is under way and what came of it through the store: one of them orders, all of them answer the authority, and all
//! of them use what was issued.

mod alpn;
mod client;
mod due;
mod error;
mod keeper;
mod kept;
mod order;

pub(crate) use client::reach;
pub(crate) use error::AcmeError;
pub(crate) use keeper::{Begun, begin};
pub(crate) use kept::{InForce, Kept, Shelf};
pub(crate) use order::ends_at;
