//! Is there room for one more socket? Bounds in all, per principal, and for those who have not said who they are.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use lictor_authn::presence::{Connected, Presence, Stay};
use lictor_model::{PrincipalId, Reason};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::settings::Limits;

/// The places. Clones share them.
#[derive(Clone)]
pub struct Places {
    unauthenticated: Arc<Semaphore>,
    upstream: Arc<Semaphore>,
    held: Arc<Mutex<HashMap<PrincipalId, usize>>>,
    per_principal: usize,
    presence: Presence,
}

impl Places {
    /// Places within the limits; who takes one is told where it is asked for.
    #[must_use]
    pub fn new(limits: &Limits, presence: Presence) -> Self {
        Self {
            unauthenticated: Arc::new(Semaphore::new(limits.sockets_unauthenticated)),
            upstream: Arc::new(Semaphore::new(limits.sockets)),
            held: Arc::default(),
            per_principal: limits.sockets_per_principal,
            presence,
        }
    }

    /// A place to say who one is.
    ///
    /// # Errors
    /// [`Reason::TooBusy`].
    pub fn to_authenticate(&self) -> Result<OwnedSemaphorePermit, Reason> {
        Arc::clone(&self.unauthenticated).try_acquire_owned().map_err(|_| Reason::TooBusy)
    }

    /// A place among the principal's own sockets.
    ///
    /// # Errors
    /// [`Reason::TooManySockets`].
    pub(super) fn of(&self, principal: &PrincipalId) -> Result<OwnPlace, Reason> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(principal.clone()).or_default();
        if *count >= self.per_principal {
            return Err(Reason::TooManySockets);
        }
        *count += 1;
        Ok(OwnPlace { held: Arc::clone(&self.held), principal: principal.clone() })
    }

    /// Tells that a socket is open, until the end of it.
    pub(super) fn enter(&self, connected: Connected) -> Stay {
        self.presence.enter(connected)
    }

    /// A place at Prefect; waits until there is one.
    pub(super) async fn at_upstream(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.upstream).acquire_owned().await.ok()
    }
}

/// One of a principal's places; given back when dropped.
pub(super) struct OwnPlace {
    held: Arc<Mutex<HashMap<PrincipalId, usize>>>,
    principal: PrincipalId,
}

impl Drop for OwnPlace {
    fn drop(&mut self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.principal) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.principal);
            }
        }
    }
}
