//! How is the authority spoken to? By HTTP/1.1 over TLS, with whom we trust, in bounded time and size.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use instant_acme::{BodyWrapper, BytesResponse, HttpClient};

use super::error::AcmeError;
use crate::config::acme::Acme;
use crate::connect::client_config;

const PATIENCE: Duration = Duration::from_secs(30);
/// Certificates with their chains take some kilobytes.
const MOST: usize = 1024 * 1024;

/// What the library sends its requests by.
pub(super) struct Http(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

type Answer = Result<BytesResponse, instant_acme::Error>;

impl Http {
    /// Trusts `ca_file`, or the system's CAs.
    pub(super) fn new(acme: &Acme) -> Result<Self, AcmeError> {
        let mut tls = client_config(acme.ca_file.as_deref(), None)?;
        // The connector says which protocols there are.
        tls.alpn_protocols.clear();
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_only().enable_http1().build();
        Ok(Self(Client::builder(TokioExecutor::new()).build(connector)))
    }
}

impl HttpClient for Http {
    fn request(&self, request: Request<BodyWrapper<Bytes>>) -> Pin<Box<dyn Future<Output = Answer> + Send>> {
        let client = self.0.clone();
        Box::pin(async move {
            let other = |error: Box<dyn std::error::Error + Send + Sync>| instant_acme::Error::Other(error);
            let sent = tokio::time::timeout(PATIENCE, async {
                let (parts, body) = request.into_parts();
                let body = match body.collect().await {
                    Ok(body) => body.to_bytes(),
                    Err(never) => match never {},
                };
                let response = client.request(Request::from_parts(parts, Full::new(body))).await?;
                let (parts, body) = response.into_parts();
                let body = Limited::new(body, MOST).collect().await?.to_bytes();
                Ok(Response::from_parts(parts, Full::new(body)))
            });
            let response = sent.await.map_err(|elapsed| other(elapsed.into()))?.map_err(other)?;
            Ok(BytesResponse::from(response))
        })
    }
}

/// Whether the authority's directory can be read.
///
/// # Errors
/// [`AcmeError`].
pub(crate) async fn reach(acme: &Acme) -> Result<(), AcmeError> {
    let request = Request::builder().method(Method::GET).uri(&acme.directory).body(BodyWrapper::default());
    let answer = Http::new(acme)?.request(request.map_err(instant_acme::Error::from)?).await?;
    let status = answer.parts.status;
    if status.is_success() {
        Ok(())
    } else {
        Err(instant_acme::Error::Other(format!("{} answered {status}", acme.directory).into()).into())
    }
}
