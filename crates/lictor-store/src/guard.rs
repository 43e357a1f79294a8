//! Does the right to a change still hold when it is made? Looked at once more inside its transaction, where nobody else can
//! change it.

use std::sync::Arc;

use lictor_model::{Assignments, PrincipalId};

use crate::error::StoreError;
use crate::pool::Tx;
use crate::statement::sql;
use crate::{Store, directory};

/// What the right of whoever asks rests on.
#[derive(Clone)]
pub struct Guard {
    /// Who asks.
    pub actor: PrincipalId,
    /// The version of the directory by which the right was found to hold.
    pub seen: i64,
    /// Whether it holds by these.
    pub holds: Arc<dyn Fn(&Assignments) -> bool + Send + Sync>,
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard").field("actor", &self.actor).field("seen", &self.seen).finish_non_exhaustive()
    }
}

impl Store {
    /// The same store for one change, which is made only if the right to it holds when it is made.
    #[must_use]
    pub fn guarded(&self, guard: Guard) -> Self {
        Self { guard: Some(guard), ..self.clone() }
    }
}

impl Guard {
    /// Takes the directory's lock, so that what is looked at here stays so until the end of the transaction.
    pub(crate) async fn check(&self, tx: &mut Tx) -> Result<(), StoreError> {
        sql("UPDATE changes SET version = version WHERE name = 'directory'").execute(tx).await?;
        if directory::versions(tx).await?.directory == self.seen {
            return Ok(());
        }
        let statement = sql("SELECT id FROM principals WHERE id = $1 AND disabled = 0").bind(self.actor.as_str());
        let is_there = statement.fetch_first(tx, "principals").await?.is_some();
        if is_there && (self.holds)(&directory::assignments(tx).await?) {
            Ok(())
        } else {
            Err(StoreError::NoLongerAllowed)
        }
    }
}
