//! One request, one answer: connect or reuse, send, and repeat only what certainly never left.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use lictor_model::Reason;
use tokio::sync::Semaphore;

use super::body::{SentFlag, UpstreamBody};
use super::pool::Pool;
use super::route::{Route, Stream};
use crate::body::{self, Counted};
use crate::settings::Workspace;

/// Above the 60 s that Prefect's client waits, so that the client's patience ends first.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(70);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// What is read ahead of a client that takes its answer slowly; Prefect's own heads are below 1 KiB.
const READ_AHEAD: usize = 32 * 1024;

/// What we send: a streamed body as it came, or bytes that we wrote ourselves.
pub type OutgoingBody = Either<Counted<Incoming>, Full<Bytes>>;

/// Prefect did not answer.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// No connection could be made.
    #[error("cannot connect to {address}: {source}")]
    Connect {
        /// Where to.
        address: String,
        /// What failed.
        source: std::io::Error,
    },
    /// Too many requests are under way.
    #[error("too many requests are under way to this upstream")]
    Busy,
    /// No answer within 70 s.
    #[error("no answer within {} s", ANSWER_TIMEOUT.as_secs())]
    Timeout,
    /// The connection broke after the request had left: it may have been carried out, so it is not repeated.
    #[error("the connection broke: {0}")]
    Broken(#[source] hyper::Error),
    /// The request's own body ended badly (too large, too slow, cut off, malformed).
    #[error("the request's body failed: {0}")]
    Body(#[source] hyper::Error),
}

impl SendError {
    /// What the caller is told.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Connect { .. } => Reason::UpstreamUnavailable,
            Self::Busy => Reason::TooBusy,
            Self::Timeout => Reason::UpstreamTimeout,
            Self::Broken(error) if error.is_parse() => Reason::UpstreamMalformed,
            Self::Broken(_) => Reason::UpstreamUnavailable,
            Self::Body(error) => body::reason_of(error).unwrap_or(Reason::MalformedFraming),
        }
    }
}

/// One upstream as one data thread sees it.
#[derive(Clone)]
pub struct Upstream {
    route: Arc<Route>,
    authorization: Option<HeaderValue>,
    pool: Pool,
    slots: Arc<Semaphore>,
}

impl Upstream {
    /// The upstream of a workspace, with at most `concurrency` requests under way.
    #[must_use]
    pub fn new(workspace: &Workspace, concurrency: usize) -> Self {
        Self {
            route: Arc::new(workspace.upstream.clone()),
            authorization: workspace.authorization(),
            pool: Pool::default(),
            slots: Arc::new(Semaphore::new(concurrency)),
        }
    }

    /// Lictor's own credential there.
    #[must_use]
    pub const fn authorization(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }

    /// A fresh connection.
    ///
    /// # Errors
    /// [`SendError::Connect`].
    pub async fn connect(&self) -> Result<Stream, SendError> {
        let failed = |source| SendError::Connect { address: self.route.to_string(), source };
        tokio::time::timeout(CONNECT_TIMEOUT, self.route.open())
            .await
            .map_err(|_| failed(std::io::ErrorKind::TimedOut.into()))?
            .map_err(failed)
    }

    /// Sends the request and waits for the head of the answer. `sent` is raised by the body itself.
    ///
    /// # Errors
    /// [`SendError`]; the request may have been carried out only on `Broken`, `Timeout` and `Body`.
    pub async fn send(
        &self,
        request: Request<OutgoingBody>,
        sent: SentFlag,
    ) -> Result<Response<UpstreamBody>, SendError> {
        let _slot = self.slots.try_acquire().map_err(|_| SendError::Busy)?;
        tokio::time::timeout(ANSWER_TIMEOUT, self.send_in_time(request, sent)).await.map_err(|_| SendError::Timeout)?
    }

    async fn send_in_time(
        &self,
        mut request: Request<OutgoingBody>,
        sent: SentFlag,
    ) -> Result<Response<UpstreamBody>, SendError> {
        // A reused connection may turn out to be closed. hyper hands the request back if not one byte of it was
        // written; then, and only then, it is sent again, once more on each remaining idle connection or on a new one.
        while let Some(mut sender) = self.pool.take() {
            if sender.ready().await.is_err() {
                continue;
            }
            match sender.try_send_request(request).await {
                Ok(response) => return Ok(self.answer(response, sender, sent)),
                Err(mut failure) => match failure.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(classify(failure.into_error())),
                },
            }
        }
        let mut sender = self.open().await?;
        match sender.send_request(request).await {
            Ok(response) => Ok(self.answer(response, sender, sent)),
            Err(error) => Err(classify(error)),
        }
    }

    async fn open(&self) -> Result<SendRequest<OutgoingBody>, SendError> {
        let stream = self.connect().await?;
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(READ_AHEAD)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(SendError::Broken)?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "upstream connection ended");
            }
        });
        Ok(sender)
    }

    fn answer(
        &self,
        response: Response<Incoming>,
        sender: SendRequest<OutgoingBody>,
        sent: SentFlag,
    ) -> Response<UpstreamBody> {
        // After an unhandled exception uvicorn closes without saying so; the next request would meet a reset.
        let lease = (!response.status().is_server_error()).then(|| self.pool.lease(sender));
        response.map(|body| UpstreamBody::new(body, lease, sent))
    }
}

fn classify(error: hyper::Error) -> SendError {
    if error.is_user() { SendError::Body(error) } else { SendError::Broken(error) }
}
