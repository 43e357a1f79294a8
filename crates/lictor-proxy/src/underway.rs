//! Does a change come to its end when its caller leaves? Prefect carries it out all the same, so it must get on record.
//!
//! hyper drops a request's future as soon as the client is gone. A read may end with it. A change that may have reached
//! Prefect may not: whoever hangs up in time would otherwise change things without a trace.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use http::{Method, Request, Response};
use hyper::body::Incoming;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle};

use crate::body::ResponseBody;
use crate::gateway::{Connection, DataThread};

/// Whether a request goes on without its caller. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Commitment(Arc<AtomicBool>);

impl Commitment {
    /// From now on it does.
    pub(crate) fn make(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn is_made(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Held by everything of a connection that is under way. Nothing is ever sent by it.
pub(crate) type Trace = mpsc::Sender<std::convert::Infallible>;

/// The end at which to wait for the last [`Trace`].
pub(crate) struct Traces(mpsc::Receiver<std::convert::Infallible>);

/// A first trace, and where to wait for the last.
pub(crate) fn traces() -> (Trace, Traces) {
    let (trace, traces) = mpsc::channel(1);
    (trace, Traces(traces))
}

impl Traces {
    /// Returns when there is no trace left.
    pub(crate) async fn all_gone(mut self) {
        // Nothing can be sent, so that this is the end of the senders.
        let _ = self.0.recv().await;
    }
}

/// A request that is being answered; dropped, it goes on if it is committed, and otherwise ends.
struct Underway {
    task: JoinHandle<Response<ResponseBody>>,
    commitment: Commitment,
}

impl Future for Underway {
    type Output = Result<Response<ResponseBody>, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.task).poll(cx)
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        if !self.commitment.is_made() {
            self.task.abort();
        }
    }
}

/// Answers a request.
///
/// # Errors
/// When the answering itself broke down.
pub(crate) async fn answer(
    thread: Arc<DataThread>,
    connection: Connection,
    request: Request<Incoming>,
    trace: Trace,
) -> Result<Response<ResponseBody>, JoinError> {
    let commitment = Commitment::default();
    // No row that changes anything is asked for by these, and a task of its own for each request has its price.
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(thread.handle(connection, request, commitment).await);
    }
    let committed = commitment.clone();
    let task = tokio::spawn(async move {
        let response = thread.handle(connection, request, committed).await;
        drop(trace);
        response
    });
    Underway { task, commitment }.await
}
