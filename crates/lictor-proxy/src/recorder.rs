//! Is it on record? Audit events, durable before the change that they tell of is answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lictor_model::{AuditEvent, Reason};
use lictor_store::{AutomationChange, Store};
use tokio::sync::{mpsc, oneshot};

/// Events that one commit may carry.
const BATCH: usize = 256;
/// Events that may wait; beyond it, callers wait too.
const QUEUE: usize = 4096;
/// How long a caller waits for its event to become durable.
const PATIENCE: Duration = Duration::from_secs(10);
const RETRY: Duration = Duration::from_millis(250);

struct Entry {
    event: AuditEvent,
    change: Option<AutomationChange>,
    done: oneshot::Sender<()>,
}

/// The way into the audit trail. Clones share one queue and one writer.
#[derive(Clone)]
pub struct Recorder {
    queue: mpsc::Sender<Entry>,
    failing: Arc<AtomicBool>,
}

impl Recorder {
    /// Starts the writer on the background runtime.
    #[must_use]
    pub fn start(store: Store, background: &tokio::runtime::Handle) -> Self {
        let (queue, entries) = mpsc::channel(QUEUE);
        let failing = Arc::new(AtomicBool::new(false));
        background.spawn(write(store, entries, Arc::clone(&failing)));
        Self { queue, failing }
    }

    /// Refuses while events cannot be written, so that no change is made that could not be recorded.
    ///
    /// # Errors
    /// [`Reason::AuditUnavailable`].
    pub fn check(&self) -> Result<(), Reason> {
        if self.failing.load(Ordering::Acquire) { Err(Reason::AuditUnavailable) } else { Ok(()) }
    }

    /// Returns once the event is durable, and what it did to automations with it.
    ///
    /// # Errors
    /// [`Reason::AuditUnavailable`] when it is not within 10 s; it is still tried.
    pub async fn record(&self, event: AuditEvent, change: Option<AutomationChange>) -> Result<(), Reason> {
        let (done, durable) = oneshot::channel();
        let written = async {
            self.queue.send(Entry { event, change, done }).await.ok()?;
            durable.await.ok()
        };
        match tokio::time::timeout(PATIENCE, written).await {
            Ok(Some(())) => Ok(()),
            _ => Err(Reason::AuditUnavailable),
        }
    }
}

/// Takes whatever has gathered while the last commit was under way, and commits it together.
async fn write(store: Store, mut entries: mpsc::Receiver<Entry>, failing: Arc<AtomicBool>) {
    let mut batch = Vec::with_capacity(BATCH);
    while entries.recv_many(&mut batch, BATCH).await > 0 {
        let (mut events, mut changes, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
        for entry in batch.drain(..) {
            events.push(entry.event);
            changes.extend(entry.change);
            waiting.push(entry.done);
        }
        while let Err(error) = store.append_changes(&events, &changes).await {
            if !failing.swap(true, Ordering::AcqRel) {
                tracing::error!(%error, "audit events cannot be written: changes are refused until they can");
            }
            tokio::time::sleep(RETRY).await;
        }
        if failing.swap(false, Ordering::AcqRel) {
            tracing::info!("audit events can be written again");
        }
        for done in waiting {
            // A caller that gave up has been answered already.
            let _ = done.send(());
        }
    }
}
