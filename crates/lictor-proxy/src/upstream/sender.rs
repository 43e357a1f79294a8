//! One request, one answer: choose a replica, connect or reuse, send, and repeat only what certainly never left.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
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
use super::replica::Replica;
use super::route::Stream;
use crate::body::{self, Counted};
use crate::settings::Workspace;

/// Above the 60 s that Prefect's client waits, so that the client's patience ends first.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(70);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT_OF_MANY: Duration = Duration::from_secs(2);
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
    ends: Arc<[End]>,
    /// Where the next choice begins.
    turn: Arc<AtomicUsize>,
    authorization: Option<HeaderValue>,
    slots: Arc<Semaphore>,
}

/// A replica, and this thread's connections to it.
struct End {
    replica: Replica,
    pool: Pool,
    underway: AtomicUsize,
    /// How long one may take to connect: less where others can take its place.
    patience: Duration,
    is_alone: bool,
}

/// A request that is under way at a replica.
struct Underway<'e>(&'e End);

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        self.0.underway.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Upstream {
    /// The upstream of a workspace, with at most `concurrency` requests under way.
    #[must_use]
    pub fn new(workspace: &Workspace, concurrency: usize) -> Self {
        let is_alone = workspace.upstreams.len() == 1;
        let end = |replica: &Replica| End {
            replica: replica.clone(),
            pool: Pool::default(),
            underway: AtomicUsize::default(),
            patience: if is_alone { CONNECT_TIMEOUT } else { CONNECT_TIMEOUT_OF_MANY },
            is_alone,
        };
        Self {
            ends: workspace.upstreams.iter().map(end).collect(),
            turn: Arc::default(),
            authorization: workspace.authorization(),
            slots: Arc::new(Semaphore::new(concurrency)),
        }
    }

    /// Lictor's own credential there.
    #[must_use]
    pub const fn authorization(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }

    /// The replica to try next: one that is well, of them one with the least to do, and of those each in its turn. When none is well,
    /// any: what is known of them may be old.
    fn choose(&self, turn: usize, tried: &[usize]) -> Option<(usize, &End)> {
        let many = self.ends.len();
        let later = |at: usize| (at + many - turn % many) % many;
        let left = self.ends.iter().enumerate().filter(|(at, _)| !tried.contains(at));
        left.min_by_key(|(at, end)| (!end.replica.is_well(), end.underway.load(Ordering::Relaxed), later(*at)))
    }

    fn turn(&self) -> usize {
        if self.ends.len() > 1 { self.turn.fetch_add(1, Ordering::Relaxed) } else { 0 }
    }

    /// A fresh connection, to whichever replica gives one.
    ///
    /// # Errors
    /// [`SendError::Connect`].
    pub async fn connect(&self) -> Result<Stream, SendError> {
        let (turn, mut tried, mut last) = (self.turn(), Vec::new(), SendError::Busy);
        while let Some((at, end)) = self.choose(turn, &tried) {
            match end.connect().await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
            tried.push(at);
        }
        Err(last)
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
        let (turn, mut tried, mut last) = (self.turn(), Vec::new(), SendError::Busy);
        while let Some((at, end)) = self.choose(turn, &tried) {
            match end.send(request, sent.clone()).await {
                Ok(response) => return Ok(response),
                Err((error, None)) => return Err(error),
                // Not one byte of it has left, so another replica may have it.
                Err((error, Some(unsent))) => (request, last) = (*unsent, error),
            }
            tried.push(at);
        }
        Err(last)
    }
}

/// Why a replica did not answer, and the request if it certainly never left.
type Unsent = (SendError, Option<Box<Request<OutgoingBody>>>);

impl End {
    /// A fresh connection; a replica that gives none is out until it is found to be well.
    async fn connect(&self) -> Result<Stream, SendError> {
        let failed = |source| SendError::Connect { address: self.replica.to_string(), source };
        let opened = tokio::time::timeout(self.patience, self.replica.route.open()).await;
        let opened = opened.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()));
        self.replica.found(opened.is_ok(), self.is_alone);
        opened.map_err(failed)
    }

    async fn send(&self, mut request: Request<OutgoingBody>, sent: SentFlag) -> Result<Response<UpstreamBody>, Unsent> {
        self.underway.fetch_add(1, Ordering::Relaxed);
        let _underway = Underway(self);
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
                    None => return Err((self.broke(failure.into_error()), None)),
                },
            }
        }
        let mut sender = match self.open().await {
            Ok(sender) => sender,
            Err(error) => return Err((error, Some(Box::new(request)))),
        };
        match sender.send_request(request).await {
            Ok(response) => Ok(self.answer(response, sender, sent)),
            Err(error) => Err((self.broke(error), None)),
        }
    }

    fn broke(&self, error: hyper::Error) -> SendError {
        if error.is_user() {
            return SendError::Body(error);
        }
        self.replica.doubt();
        SendError::Broken(error)
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
