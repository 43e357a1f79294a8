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

#[cfg(test)]
mod tests {
    use hyper::client::conn::http1;
    use hyper_util::rt::TokioIo;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_is_let_go_before_uvicorn_closes_it() {
        let pool = Pool::default();
        for (idle, is_used_again) in [(3_900, true), (4_000, false)] {
            let (ours, _theirs) = tokio::io::duplex(64);
            let (sender, connection) = http1::handshake::<_, OutgoingBody>(TokioIo::new(ours)).await.unwrap();
            let _running = tokio::spawn(connection);
            pool.lease(sender).give_back();
            tokio::time::advance(Duration::from_millis(idle)).await;
            assert_eq!(pool.take().is_some(), is_used_again, "after {idle} ms");
        }
    }
}
