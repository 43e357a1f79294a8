//! What can a response carry? Bytes of our own, or a stream passed through.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use lictor_model::Reason;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::ui::prefix::Linked;
use crate::upstream::{SentFlag, UpstreamBody};

/// Any failure of a body; it ends the connection and is logged.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// The body of every response that leaves.
pub enum ResponseBody {
    /// Bytes of our own.
    Own(Full<Bytes>),
    /// Prefect's, streamed.
    Upstream(UpstreamBody),
    /// Prefect's, streamed, with the public URL's prefix put in.
    Linked(Linked<UpstreamBody>),
    /// One of our pages, made on the background runtime.
    Page(Pin<Box<dyn Body<Data = Bytes, Error = BodyError> + Send>>),
}

impl ResponseBody {
    /// No bytes.
    #[must_use]
    pub fn empty() -> Self {
        Self::Own(Full::default())
    }
}

impl<T: Into<Bytes>> From<T> for ResponseBody {
    fn from(bytes: T) -> Self {
        Self::Own(Full::new(bytes.into()))
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Own(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
            Self::Upstream(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
            Self::Linked(body) => Pin::new(body).poll_frame(cx),
            Self::Page(body) => body.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Own(body) => body.is_end_stream(),
            Self::Upstream(body) => body.is_end_stream(),
            Self::Linked(body) => body.is_end_stream(),
            Self::Page(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Own(body) => body.size_hint(),
            Self::Upstream(body) => body.size_hint(),
            Self::Linked(body) => body.size_hint(),
            Self::Page(body) => body.size_hint(),
        }
    }
}

/// How much of a refused body is read, and for how long, before its sender is cut off all the same.
const DISCARD_BYTES: u64 = 16 * 1024 * 1024;
const DISCARD_TIME: Duration = Duration::from_secs(2);

/// Reads what is left of a refused request's body, within bounds, so that the sender is listening when the refusal comes.
pub(crate) async fn discard(body: Incoming) {
    let mut body = Counted::new(body, DISCARD_BYTES, SentFlag::default());
    let read = async { while let Some(Ok(_)) = body.frame().await {} };
    // Who sends on after that is cut off; the refusal was theirs to read.
    let _ = tokio::time::timeout(DISCARD_TIME, read).await;
}

/// A body grew past the limit while it was streamed.
#[derive(Debug, thiserror::Error)]
#[error("the body is larger than {0} bytes")]
pub struct TooLarge(pub u64);

/// How long a client may keep a body waiting before it has sent anything of it.
const GRACE: Duration = Duration::from_secs(10);
/// What it may save up by sending faster than it must.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes that buy a second of waiting: a client that sends less is holding a connection, not uploading.
const BYTES_PER_SECOND: f64 = 1024.0;

/// A body came too slowly.
#[derive(Debug, thiserror::Error)]
#[error("the body comes at less than {BYTES_PER_SECOND} bytes a second")]
pub struct TooSlow;

/// Why a request is refused whose body failed, if it is its sender's doing.
#[must_use]
pub fn reason_of(error: &(dyn std::error::Error + 'static)) -> Option<Reason> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<TooLarge>() {
            return Some(Reason::BodyTooLarge);
        }
        if error.is::<TooSlow>() {
            return Some(Reason::RequestTimeout);
        }
        cause = error.source();
    }
    None
}

/// How long the sender may still keep us waiting. Only time that we wait for it counts: when Prefect is slow to take what is
/// there, nobody asks for more.
struct Pace {
    budget: Duration,
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Pace {
    fn poll_overdue(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let (budget, now) = (self.budget, Instant::now());
        let (_, alarm) = self.waiting.get_or_insert_with(|| (now, Box::pin(sleep_until(now + budget))));
        alarm.as_mut().poll(cx)
    }

    fn came(&mut self, bytes: u64) {
        if let Some((since, _)) = self.waiting.take() {
            self.budget = self.budget.saturating_sub(since.elapsed());
        }
        let bought = Duration::from_secs_f64(f64::from(u32::try_from(bytes).unwrap_or(u32::MAX)) / BYTES_PER_SECOND);
        self.budget = self.budget.saturating_add(bought).min(PATIENCE);
    }
}

/// A request body that is counted as it streams, must keep a pace, and says when it has been sent whole.
pub struct Counted<B> {
    inner: B,
    left: u64,
    limit: u64,
    pace: Pace,
    sent: SentFlag,
}

impl<B: Body> Counted<B> {
    /// Counts `inner` against `limit`; `sent` is raised at its end.
    pub fn new(inner: B, limit: u64, sent: SentFlag) -> Self {
        if inner.is_end_stream() {
            sent.raise();
        }
        Self { inner, left: limit, limit, pace: Pace { budget: GRACE, waiting: None }, sent }
    }
}

impl<B> Body for Counted<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BodyError>,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let counted = self.get_mut();
        let frame = match Pin::new(&mut counted.inner).poll_frame(cx) {
            Poll::Pending => {
                ready!(counted.pace.poll_overdue(cx));
                return Poll::Ready(Some(Err(Box::new(TooSlow))));
            }
            Poll::Ready(Some(Ok(frame))) => frame,
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(None) => {
                counted.sent.raise();
                return Poll::Ready(None);
            }
        };
        // Trailers are dropped: no client of Prefect sends them, and they would be headers that nobody checked.
        let Ok(data) = frame.into_data() else {
            counted.sent.raise();
            return Poll::Ready(None);
        };
        let length = u64::try_from(data.len()).unwrap_or(u64::MAX);
        counted.pace.came(length);
        match counted.left.checked_sub(length) {
            Some(left) => counted.left = left,
            None => return Poll::Ready(Some(Err(Box::new(TooLarge(counted.limit))))),
        }
        if counted.inner.is_end_stream() {
            counted.sent.raise();
        }
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
