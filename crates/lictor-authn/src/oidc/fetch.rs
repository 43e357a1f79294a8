//! How do we ask a provider? Bounded in time and size, following nobody elsewhere.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::BuilderVerifierExt;

use super::endpoint::Endpoint;
use super::json::{self, Object};

/// An answer may take this long, from the first packet to the last byte.
const PATIENCE: Duration = Duration::from_secs(5);
/// An answer may be this long. Nobody's keys or claims are a quarter of a megabyte.
const MOST: usize = 256 * 1024;

/// No answer that can be used.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Nobody there, or no trust.
    #[error("cannot reach {url}: {what}")]
    Unreachable {
        /// Whom.
        url: String,
        /// Why not.
        what: String,
    },
    /// Too slow.
    #[error("{0} did not answer within five seconds")]
    Slow(String),
    /// Cut off, or too long.
    #[error("the answer of {0} broke off, or is longer than 256 KiB")]
    Body(String),
    /// Not what was asked for.
    #[error("{url} answered with status {status}")]
    Status {
        /// Whom.
        url: String,
        /// What it said.
        status: u16,
    },
    /// Not the JSON that was asked for.
    #[error("{0} did not answer with a JSON object (application/json, no member twice)")]
    NotJson(String),
}

/// Trust that cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// Not certificates.
    #[error("the file holds no PEM certificates")]
    NoCertificates,
    /// rustls does not take them.
    #[error(
        "the trusted certificates cannot be used: {0}; install the system's ca-certificates, or name a file in ca_file"
    )]
    Unusable(#[from] rustls::Error),
}

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    content_type: String,
    body: Bytes,
    url: String,
}

impl Answer {
    /// The answer's JSON object, whatever its status.
    pub(crate) fn object(&self) -> Result<Object, FetchError> {
        let media = self.content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let is_json = media == "application/json" || (media.starts_with("application/") && media.ends_with("+json"));
        let object = is_json.then(|| json::object(&self.body)).flatten();
        object.ok_or_else(|| FetchError::NotJson(self.url.clone()))
    }

    /// The body, whatever it is.
    pub(crate) fn into_body(self) -> Bytes {
        self.body
    }

    /// The answer, if it went well.
    pub(crate) fn expect_ok(self) -> Result<Self, FetchError> {
        if self.status == StatusCode::OK {
            Ok(self)
        } else {
            Err(FetchError::Status { url: self.url, status: self.status.as_u16() })
        }
    }
}

/// Asks one provider. It follows no redirect: who answers is who was asked.
#[derive(Debug, Clone)]
pub(crate) struct Fetcher(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl Fetcher {
    /// Trusts what this machine trusts, or only the given PEM certificates.
    pub(crate) fn new(trusted: Option<&[u8]>) -> Result<Self, TrustError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let config = match trusted {
            Some(pem) => builder.with_root_certificates(roots(pem)?).with_no_client_auth(),
            None => builder.with_platform_verifier()?.with_no_client_auth(),
        };
        let connector = HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1().build();
        let idle = Duration::from_secs(20);
        Ok(Self(
            Client::builder(TokioExecutor::new()).pool_idle_timeout(idle).pool_max_idle_per_host(2).build(connector),
        ))
    }

    /// Asks for something, with a token if there is one.
    pub(crate) async fn get(&self, endpoint: &Endpoint, bearer: Option<&str>) -> Result<Answer, FetchError> {
        let authorization = bearer.map(|token| format!("Bearer {token}"));
        self.ask(endpoint, Method::GET, authorization, None).await
    }

    /// Sends a form.
    pub(crate) async fn post_form(
        &self,
        endpoint: &Endpoint,
        authorization: Option<String>,
        form: String,
    ) -> Result<Answer, FetchError> {
        self.ask(endpoint, Method::POST, authorization, Some(("application/x-www-form-urlencoded", form))).await
    }

    /// Sends JSON.
    pub(crate) async fn post_json(
        &self,
        endpoint: &Endpoint,
        bearer: &str,
        json: String,
    ) -> Result<Answer, FetchError> {
        self.ask(endpoint, Method::POST, Some(format!("Bearer {bearer}")), Some(("application/json", json))).await
    }

    async fn ask(
        &self,
        endpoint: &Endpoint,
        method: Method,
        authorization: Option<String>,
        body: Option<(&'static str, String)>,
    ) -> Result<Answer, FetchError> {
        let url = endpoint.to_string();
        let unreachable = |what: String| FetchError::Unreachable { url: url.clone(), what };
        let mut request = Request::builder().method(method).uri(endpoint.uri()).header(ACCEPT, "application/json");
        if let Some(authorization) = authorization {
            let mut value = HeaderValue::from_str(&authorization)
                .map_err(|_| unreachable("a token that is no header".to_owned()))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let (content_type, body) = body.map_or((None, String::new()), |(kind, body)| (Some(kind), body));
        if let Some(kind) = content_type {
            request = request.header(CONTENT_TYPE, kind);
        }
        let request = request.body(Full::from(body)).map_err(|error| unreachable(error.to_string()))?;
        let whole = async {
            let response = self.0.request(request).await.map_err(|error| unreachable(causes(&error)))?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, MOST).collect().await.map_err(|_| FetchError::Body(url.clone()))?.to_bytes();
            let content_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
            let content_type = content_type.unwrap_or_default().to_owned();
            Ok(Answer { status: parts.status, content_type, body, url: url.clone() })
        };
        tokio::time::timeout(PATIENCE, whole).await.map_err(|_| FetchError::Slow(url.clone()))?
    }
}

/// Whether the text holds certificates that can be trusted.
///
/// # Errors
/// [`TrustError`].
pub fn check_trusted(pem: &[u8]) -> Result<(), TrustError> {
    roots(pem).map(drop)
}

fn roots(pem: &[u8]) -> Result<rustls::RootCertStore, TrustError> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        roots.add(certificate.map_err(|_| TrustError::NoCertificates)?)?;
    }
    if roots.is_empty() { Err(TrustError::NoCertificates) } else { Ok(roots) }
}

/// An error with what lies behind it: hyper's own text says only that it could not connect.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
