//! What does a server answer to one plain request? A connection for each, with a deadline.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use lictor_model::Secret;
use tokio::net::TcpStream;

use crate::config::Upstream;

const DEADLINE: Duration = Duration::from_secs(10);
const LARGEST_ANSWER: usize = 1024 * 1024;

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// Its headers.
    pub(crate) headers: HeaderMap,
    /// Its body, up to 1 MiB.
    pub(crate) body: Bytes,
}

/// No answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProbeError {
    /// Nothing listens there, or the name is unknown.
    #[error("cannot connect: {0}")]
    Connect(#[source] std::io::Error),
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
    #[error("no answer within {} seconds", DEADLINE.as_secs())]
    Late,
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
pub(crate) async fn connect(at: &Upstream) -> Result<TcpStream, ProbeError> {
    let connecting = TcpStream::connect((at.host.as_str(), at.port));
    let stream = tokio::time::timeout(DEADLINE, connecting).await.map_err(|_| ProbeError::Late)?;
    stream.map_err(ProbeError::Connect)
}

/// `GET path`, with the upstream's credential or without.
///
/// # Errors
/// [`ProbeError`] when nothing usable came back in time.
pub(crate) async fn get(at: &Upstream, path: &str, auth: Option<&Secret>) -> Result<Answer, ProbeError> {
    let stream = connect(at).await?;
    tokio::time::timeout(DEADLINE, exchange(stream, at, path, auth)).await.map_err(|_| ProbeError::Late)?
}

async fn exchange(stream: TcpStream, at: &Upstream, path: &str, auth: Option<&Secret>) -> Result<Answer, ProbeError> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let mut request = Request::get(path).header(header::HOST, at.authority()).header(header::CONNECTION, "close");
    if let Some(auth) = auth {
        request = request.header(header::AUTHORIZATION, basic(auth));
    }
    let request = request.body(Empty::<Bytes>::new())?;
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
