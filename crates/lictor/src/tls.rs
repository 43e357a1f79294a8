//! Which certificates do we use? Read whole and checked before they are, read again when their files change.

pub(crate) mod load;
pub(crate) mod own;
pub(crate) mod upstream;
pub(crate) mod watch;

pub(crate) use load::{Loaded, TlsError, load};
