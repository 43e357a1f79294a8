//! What is written down later? When keys and sessions were last used: kept in memory, flushed every few seconds.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lictor_model::{CredentialId, Timestamp};
use lictor_store::{LastUse, Store, StoreError};

/// Uses that are not in the store yet.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    keys: Mutex<HashMap<CredentialId, LastUse>>,
    sessions: Mutex<HashMap<CredentialId, Timestamp>>,
}

impl Ledger {
    /// Notes the use of a key.
    pub(crate) fn note(&self, key: &CredentialId, used: LastUse) {
        lock(&self.keys).insert(key.clone(), used);
    }

    /// Notes the use of a session.
    pub(crate) fn touch(&self, session: &CredentialId, at: Timestamp) {
        lock(&self.sessions).insert(session.clone(), at);
    }

    /// Writes down what was noted. What cannot be written is kept for the next time.
    pub(crate) async fn flush(&self, store: &Store) -> Result<(), StoreError> {
        let uses: Vec<_> = lock(&self.keys).drain().collect();
        let result = store.note_key_uses(&uses).await;
        if result.is_err() {
            keep(&self.keys, uses);
        }
        result?;
        let seen: Vec<_> = lock(&self.sessions).drain().collect();
        let result = store.touch_sessions(&seen).await;
        if result.is_err() {
            keep(&self.sessions, seen);
        }
        result
    }
}

/// Puts back what was not written, unless something newer was noted meanwhile.
fn keep<V>(map: &Mutex<HashMap<CredentialId, V>>, entries: Vec<(CredentialId, V)>) {
    let mut map = lock(map);
    for (id, value) in entries {
        map.entry(id).or_insert(value);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
