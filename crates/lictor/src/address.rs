//! How do people spell the gateway? By its public URL, else by the address that it listens on.

use std::net::SocketAddr;

use lictor_store::{Store, StoreError};

use crate::config::plan::PublicUrl;

/// What the store calls it.
const NAME: &str = "address";
/// Where `lictor up` listens unless it is told otherwise.
const USUAL: &str = "http://127.0.0.1:4300";

/// `https://host[/path]`, as a person can open it: the unspecified address is spelled as this machine.
pub(crate) fn of(public_url: Option<&PublicUrl>, has_tls: bool, listens: SocketAddr) -> String {
    let scheme = if has_tls { "https" } else { "http" };
    match public_url {
        Some(url) => url.to_string(),
        None if listens.ip().is_unspecified() => format!("{scheme}://127.0.0.1:{}", listens.port()),
        None => format!("{scheme}://{listens}"),
    }
}

/// Notes it for the command line, which may work on a data directory alone.
///
/// # Errors
/// [`StoreError::Unavailable`] when the database is away.
pub(crate) async fn note(store: &Store, address: &str) -> Result<(), StoreError> {
    store.meta_set(NAME, address).await
}

/// As it was noted at the gateway's last start.
///
/// # Errors
/// [`StoreError::Unavailable`] when the database is away.
pub(crate) async fn noted(store: &Store) -> Result<String, StoreError> {
    Ok(store.meta_get(NAME).await?.unwrap_or_else(|| USUAL.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_comes_before_what_is_listened_on() {
        let url = PublicUrl::parse("https://prefect.example.com/tools/").unwrap();
        let any = "0.0.0.0:4200".parse().unwrap();
        assert_eq!(of(Some(&url), false, any), "https://prefect.example.com/tools");
        assert_eq!(of(None, true, any), "https://127.0.0.1:4200");
        assert_eq!(of(None, false, "[::1]:4300".parse().unwrap()), "http://[::1]:4300");
    }
}
