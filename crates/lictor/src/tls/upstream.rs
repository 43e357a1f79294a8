//! Which way leads to an upstream? As its workspace says, with what its certificate files hold now.

use std::sync::Arc;

use lictor_proxy::upstream::Route;
use rustls::pki_types::ServerName;

use crate::config::{Upstream, Via};
use crate::connect::{CredentialError, client_config};

/// No way leads there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RouteError {
    /// CA, certificate or key.
    #[error(transparent)]
    Files(#[from] CredentialError),
    /// Neither a DNS name nor an address.
    #[error("{0:?} is no name that a certificate can be for")]
    Name(String),
}

/// The way to an upstream.
///
/// # Errors
/// [`RouteError`].
pub(crate) fn route(to: &Upstream) -> Result<Route, RouteError> {
    match &to.via {
        Via::Plain => Ok(Route::Tcp(to.authority())),
        Via::Unix(path) => Ok(Route::Unix(path.clone())),
        Via::Tls(tls) => {
            let client = tls.client.as_ref().map(|(cert, key)| (cert.as_path(), key.as_path()));
            let config = Arc::new(client_config(tls.ca_file.as_deref(), client)?);
            let name = ServerName::try_from(to.host.clone()).map_err(|_| RouteError::Name(to.host.clone()))?;
            Ok(Route::Tls { address: to.authority(), name, config })
        }
    }
}
