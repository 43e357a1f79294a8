//! Which keys need their owner soon?

use lictor_model::{Clock, Secret};
use lictor_store::{Store, StoreError};

use super::Report;
use crate::expiring::{Notice, notices};

/// Tells of keys that end soon, and of rotated ones that somebody still uses.
pub(crate) async fn check(url: &Secret, clock: &Clock, report: &mut Report) {
    match due(url, clock).await {
        Ok(due) if due.is_empty() => report.ok("keys", "none in use ends within 14 days"),
        Ok(due) => due.into_iter().for_each(|notice| report.warn("keys", notice.text)),
        // The store's own check says why.
        Err(_) => {}
    }
}

async fn due(url: &Secret, clock: &Clock) -> Result<Vec<Notice>, StoreError> {
    let store = Store::open(url.expose(), clock.clone()).await?;
    Ok(notices(&store.list_keys(None).await?, &store.list_principals(None).await?, clock.now()))
}
