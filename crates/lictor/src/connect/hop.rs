//! How does one request cross? With the gateway's Host, our credential, no hop-by-hop header, and its body as it comes.

use std::sync::Arc;
use std::time::Duration;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::credential::{Keeper, Terms};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Hop-by-hop (RFC 9110 section 7.6.1), and Host, which is written anew.
const OURS: [HeaderName; 9] = [
    header::CONNECTION,
    header::HOST,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// A text that is no gateway.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a gateway: write https://host or https://host:port, without a path")]
pub(crate) struct GatewayError(String);

/// The gateway did not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HopError {
    /// Not reached, or its certificate is not trusted, or ours is refused.
    #[error("cannot connect: {0}")]
    Connect(#[from] std::io::Error),
    /// Broken off.
    #[error("the connection broke: {0}")]
    Broken(#[from] hyper::Error),
}

/// Where the gateway is.
#[derive(Debug, Clone)]
pub(crate) struct Gateway {
    authority: HeaderValue,
    address: String,
    name: ServerName<'static>,
}

impl Gateway {
    /// Reads `https://host[:port]`.
    ///
    /// # Errors
    /// [`GatewayError`].
    pub(crate) fn parse(text: &str) -> Result<Self, GatewayError> {
        let wrong = || GatewayError(text.to_owned());
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or_else(wrong)?;
        if uri.scheme_str() != Some("https") || uri.path() != "/" || uri.query().is_some() || text.contains('#') {
            return Err(wrong());
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self {
            authority: HeaderValue::from_str(authority.as_str()).map_err(|_| wrong())?,
            address: format!("{}:{}", authority.host(), authority.port_u16().unwrap_or(443)),
            name: ServerName::try_from(host).map_err(|_| wrong())?,
        })
    }

    async fn open(&self, terms: &Terms) -> Result<SendRequest<Incoming>, HopError> {
        let connected = async {
            let stream = TcpStream::connect(&self.address).await?;
            stream.set_nodelay(true)?;
            TlsConnector::from(Arc::clone(&terms.tls)).connect(self.name.clone(), stream).await
        };
        let late = |_| std::io::Error::from(std::io::ErrorKind::TimedOut);
        let stream = tokio::time::timeout(CONNECT_TIMEOUT, connected).await.map_err(late)??;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(%error, "a connection to the gateway ended");
            }
        });
        Ok(sender)
    }
}

impl std::fmt::Display for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "https://{}", self.authority.to_str().unwrap_or_default())
    }
}

/// One client's connection onwards; a request follows the one before.
#[derive(Default)]
pub(crate) struct Hop {
    kept: Option<(SendRequest<Incoming>, u64)>,
}

impl Hop {
    /// Sends a request; one that certainly never left is sent again on a new connection.
    ///
    /// # Errors
    /// [`HopError`].
    pub(crate) async fn send(
        &mut self,
        gateway: &Gateway,
        keeper: &Keeper,
        mut request: Request<Incoming>,
    ) -> Result<Response<Incoming>, HopError> {
        let terms = keeper.terms();
        rewrite(request.headers_mut(), gateway, &terms);
        *request.uri_mut() = origin_form(request.uri());
        // A connection knows one credential, so after a change it is not used again.
        if let Some((mut sender, generation)) = self.kept.take()
            && generation == terms.generation
            && sender.ready().await.is_ok()
        {
            match sender.try_send_request(request).await {
                Ok(response) => {
                    self.kept = Some((sender, generation));
                    return Ok(response);
                }
                Err(mut failure) => match failure.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(failure.into_error().into()),
                },
            }
        }
        let mut sender = gateway.open(&terms).await?;
        let response = sender.send_request(request).await?;
        self.kept = Some((sender, terms.generation));
        Ok(response)
    }
}

fn origin_form(uri: &Uri) -> Uri {
    uri.path_and_query().map(|path| Uri::from(path.clone())).unwrap_or_default()
}

fn rewrite(headers: &mut HeaderMap, gateway: &Gateway, terms: &Terms) {
    let upgrade = headers.get(header::UPGRADE).cloned();
    strip(headers);
    headers.insert(header::HOST, gateway.authority.clone());
    if let Some(upgrade) = upgrade {
        headers.insert(header::UPGRADE, upgrade);
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    }
    if let Some(authorization) = &terms.authorization {
        headers.insert(header::AUTHORIZATION, authorization.clone());
    }
}

/// Takes out what is between two neighbours only.
pub(crate) fn strip(headers: &mut HeaderMap) {
    let connection = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let named: Vec<HeaderName> =
        connection.flat_map(|value| value.split(',')).filter_map(|name| name.trim().parse().ok()).collect();
    for name in OURS.iter().chain(&named) {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_is_an_https_url_without_a_path() {
        assert_eq!(Gateway::parse("https://gate.example").unwrap().address, "gate.example:443");
        assert_eq!(Gateway::parse("https://[::1]:8443/").unwrap().address, "[::1]:8443");
        for wrong in ["gate", "http://gate", "https://gate/api", "https://u:p@gate", "https://gate?x", "https://"] {
            assert!(Gateway::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_connection_names_does_not_cross() {
        let mut headers = HeaderMap::new();
        for (name, value) in [("connection", "x-inner, close"), ("x-inner", "1"), ("te", "trailers"), ("accept", "*/*")]
        {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        strip(&mut headers);
        assert_eq!(headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["accept"]);
    }
}
