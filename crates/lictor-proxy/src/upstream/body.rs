//! When may a connection be used again? When both bodies have ended; only then does it go back to the pool.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::pool::Lease;

/// Raised once a request's body has been handed over whole.
///
/// An early answer (404 or 401 before the body arrived) leaves the rest of the body on the connection, where uvicorn
/// would read the next request from; such a connection is never used again.
#[derive(Debug, Clone, Default)]
pub struct SentFlag(Arc<AtomicBool>);

impl SentFlag {
    /// The body has been handed over.
    pub fn raise(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn is_raised(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Prefect's response body; gives its connection back at its end.
pub struct UpstreamBody {
    inner: Incoming,
    lease: Option<Lease>,
    sent: SentFlag,
}

impl UpstreamBody {
    pub(super) fn new(inner: Incoming, lease: Option<Lease>, sent: SentFlag) -> Self {
        let mut body = Self { inner, lease, sent };
        if body.inner.is_end_stream() {
            body.give_back();
        }
        body
    }

    fn give_back(&mut self) {
        if let Some(lease) = self.lease.take()
            && self.sent.is_raised()
        {
            lease.give_back();
        }
    }
}

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let body = self.get_mut();
        let frame = ready!(Pin::new(&mut body.inner).poll_frame(cx));
        match &frame {
            Some(Ok(_)) if body.inner.is_end_stream() => body.give_back(),
            Some(Ok(_)) => {}
            Some(Err(_)) => body.lease = None,
            None => body.give_back(),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
