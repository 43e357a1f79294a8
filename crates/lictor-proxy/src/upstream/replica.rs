//! Is this replica of a Prefect Server well? What the data threads found when they connected, and the prober when it asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

use super::route::Route;

/// One of the processes that are the same Prefect Server. Clones share what is known of it.
#[derive(Debug, Clone)]
pub struct Replica {
    pub(super) route: Arc<Route>,
    health: Arc<Health>,
}

#[derive(Debug, Default)]
struct Health {
    is_out: AtomicBool,
    doubted: Notify,
}

impl Replica {
    /// A replica that is well until something else is found.
    #[must_use]
    pub fn new(route: Route) -> Self {
        Self { route: Arc::new(route), health: Arc::default() }
    }

    /// Whether requests are sent to it.
    #[must_use]
    pub fn is_well(&self) -> bool {
        !self.health.is_out.load(Ordering::Relaxed)
    }

    /// Takes it out; answers whether it was in.
    pub(super) fn take_out(&self) -> bool {
        !self.health.is_out.swap(true, Ordering::Relaxed)
    }

    /// Takes it in again; answers whether it was out.
    pub(super) fn take_in(&self) -> bool {
        // Read first: nearly always there is nothing to do, and a write would move the line between cores.
        !self.is_well() && self.health.is_out.swap(false, Ordering::Relaxed)
    }

    /// What a data thread found when it connected. One that gives no connection is out; one that listens and does not answer is for the
    /// prober to find, and to take in again. One that is alone is never asked, and taken in by the next connection.
    pub(super) fn found(&self, connected: bool, is_alone: bool) {
        if connected {
            let _ = is_alone && self.take_in();
        } else if self.take_out() && !is_alone {
            tracing::warn!(upstream = %self, "no connection: the others take the replica's requests until it answers");
            self.doubt();
        }
    }

    /// Something went wrong that may be its fault: it is asked at once.
    pub(super) fn doubt(&self) {
        self.health.doubted.notify_one();
    }

    pub(super) async fn doubted(&self) {
        self.health.doubted.notified().await;
    }
}

impl std::fmt::Display for Replica {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.route.fmt(f)
    }
}
