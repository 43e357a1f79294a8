//! Which connections are open and idle? Newest first, none older than uvicorn's keep-alive allows.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::client::conn::http1::SendRequest;
use tokio::time::Instant;

use super::sender::OutgoingBody;

/// uvicorn closes an idle connection after 5 s (`PREFECT_SERVER_API_KEEPALIVE_TIMEOUT`); we let go before it does.
const IDLE_LIMIT: Duration = Duration::from_secs(4);

/// One data thread's idle connections to one upstream.
#[derive(Clone, Default)]
pub struct Pool(Arc<Mutex<Vec<Idle>>>);

struct Idle {
    sender: SendRequest<OutgoingBody>,
    since: Instant,
}

impl Pool {
    /// The newest idle connection that is still good.
    pub(super) fn take(&self) -> Option<SendRequest<OutgoingBody>> {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(Idle { sender, since }) = idle.pop() {
            if since.elapsed() >= IDLE_LIMIT {
                // All below it have been idle for longer.
                idle.clear();
                return None;
            }
            if !sender.is_closed() {
                return Some(sender);
            }
        }
        None
    }

    /// A promise to give the connection back here.
    pub(super) fn lease(&self, sender: SendRequest<OutgoingBody>) -> Lease {
        Lease { pool: self.clone(), sender }
    }
}

/// A connection in use.
pub(super) struct Lease {
    pool: Pool,
    sender: SendRequest<OutgoingBody>,
}

impl Lease {
    pub(super) fn give_back(self) {
        if !self.sender.is_closed() {
            let mut idle = self.pool.0.lock().unwrap_or_else(PoisonError::into_inner);
            idle.push(Idle { sender: self.sender, since: Instant::now() });
        }
    }
}
