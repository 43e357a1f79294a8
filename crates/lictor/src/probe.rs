//! What does a server answer to one plain request? A connection for each, with a deadline.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use lictor_model::Secret;
use lictor_proxy::upstream::Stream;

use crate::config::Upstream;
use crate::tls::upstream::{self, RouteError};

const DEADLINE: Duration = Duration::from_secs(10);
const LARGEST_ANSWER: usize = 8 * 1024 * 1024;

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// Its headers.
    pub(crate) headers: HeaderMap,
    /// Its body, up to 8 MiB.
    pub(crate) body: Bytes,
}

/// No answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProbeError {
    /// Nothing listens there, or the name is unknown.
    #[error("cannot connect: {0}")]
    Connect(#[source] std::io::Error),
    /// Its certificate files.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// It listens, and does not answer in HTTP.
    #[error("no usable HTTP answer: {0}")]
    Http(#[from] hyper::Error),
    /// The answer cannot be read.
    #[error("the answer cannot be read: {0}")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The request cannot be made.
    #[error("the request cannot be made: {0}")]
    Request(#[from] http::Error),
    /// Too slow.
    #[error("no answer within {} seconds", .0.as_secs())]
    Late(Duration),
}

/// The `Authorization` value of an upstream's auth string.
pub(crate) fn basic(auth_string: &Secret) -> String {
    use base64::Engine as _;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(auth_string.expose()))
}

/// Connects, with a deadline.
///
/// # Errors
/// [`ProbeError::Connect`] or [`ProbeError::Late`].
pub(crate) async fn connect(at: &Upstream) -> Result<Stream, ProbeError> {
    let route = upstream::route(at)?;
    let stream = tokio::time::timeout(DEADLINE, route.open()).await.map_err(|_| ProbeError::Late(DEADLINE))?;
    stream.map_err(ProbeError::Connect)
}

/// `GET path`, with the upstream's credential or without.
///
/// # Errors
/// [`ProbeError`] when nothing usable came back in time.
pub(crate) async fn get(at: &Upstream, path: &str, auth: Option<&Secret>) -> Result<Answer, ProbeError> {
    get_within(DEADLINE, at, path, auth).await
}

/// The same for what a server needs longer for.
///
/// # Errors
/// [`ProbeError`] when nothing usable came back in time.
pub(crate) async fn get_within(
    deadline: Duration,
    at: &Upstream,
    path: &str,
    auth: Option<&Secret>,
) -> Result<Answer, ProbeError> {
    ask(deadline, at, request(Method::GET, at, path, auth).body(Full::default())?).await
}

/// `POST path` with JSON, with the upstream's credential or without.
///
/// # Errors
/// [`ProbeError`] when nothing usable came back in time.
pub(crate) async fn post(
    at: &Upstream,
    path: &str,
    body: &serde_json::Value,
    auth: Option<&Secret>,
) -> Result<Answer, ProbeError> {
    let request = request(Method::POST, at, path, auth).header(header::CONTENT_TYPE, "application/json");
    ask(DEADLINE, at, request.body(Full::from(body.to_string()))?).await
}

fn request(method: Method, at: &Upstream, path: &str, auth: Option<&Secret>) -> http::request::Builder {
    let request = Request::builder().method(method).uri(path);
    let request = request.header(header::HOST, at.authority()).header(header::CONNECTION, "close");
    match auth {
        Some(auth) => request.header(header::AUTHORIZATION, basic(auth)),
        None => request,
    }
}

/// A request as it is, `Host` and all.
///
/// # Errors
/// [`ProbeError`] when nothing usable came back in time.
pub(crate) async fn send(at: &Upstream, request: Request<Full<Bytes>>) -> Result<Answer, ProbeError> {
    ask(DEADLINE, at, request).await
}

async fn ask(deadline: Duration, at: &Upstream, request: Request<Full<Bytes>>) -> Result<Answer, ProbeError> {
    let stream = connect(at).await?;
    tokio::time::timeout(deadline, exchange(stream, request)).await.map_err(|_| ProbeError::Late(deadline))?
}

async fn exchange(stream: Stream, request: Request<Full<Bytes>>) -> Result<Answer, ProbeError> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let answering = async {
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = Limited::new(body, LARGEST_ANSWER).collect().await.map_err(ProbeError::Body)?.to_bytes();
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
    };
    tokio::pin!(connection, answering);
    // The connection is driven beside the exchange; when it ends first, the exchange says why.
    tokio::select! {
        answer = &mut answering => answer,
        ended = &mut connection => {
            ended?;
            answering.await
        }
    }
}
