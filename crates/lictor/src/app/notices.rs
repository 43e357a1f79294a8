//! Who tells that keys end soon? The log, of each key once a day.

use std::collections::HashMap;
use std::time::Duration;

use lictor_model::{Clock, CredentialId, Timestamp};
use lictor_store::{Store, StoreError};

use crate::expiring::{Notice, notices};

const EVERY: Duration = Duration::from_secs(600);
const A_DAY: i64 = 86_400;

/// Looks now and every few minutes, for as long as the runtime lives.
pub(crate) fn keep_telling(store: Store, clock: Clock, background: &tokio::runtime::Handle) {
    background.spawn(async move {
        let mut told = HashMap::new();
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            match due(&store, &clock).await {
                Ok(due) => fresh(due, &mut told, clock.now()).iter().for_each(tell),
                Err(error) => tracing::warn!(%error, "whether keys end soon could not be looked up"),
            }
        }
    });
}

async fn due(store: &Store, clock: &Clock) -> Result<Vec<Notice>, StoreError> {
    Ok(notices(&store.list_keys(None).await?, &store.list_principals(None).await?, clock.now()))
}

/// Those that were not told in the last day; the others are forgotten when they are no longer due.
fn fresh(due: Vec<Notice>, told: &mut HashMap<CredentialId, Timestamp>, now: Timestamp) -> Vec<Notice> {
    told.retain(|key, _| due.iter().any(|notice| notice.key == *key));
    let is_fresh = |notice: &Notice| told.get(&notice.key).is_none_or(|before| now.seconds_since(*before) >= A_DAY);
    let fresh: Vec<Notice> = due.into_iter().filter(is_fresh).collect();
    told.extend(fresh.iter().map(|notice| (notice.key.clone(), now)));
    fresh
}

fn tell(notice: &Notice) {
    if notice.is_urgent {
        tracing::warn!("{}", notice.text);
    } else {
        tracing::info!("{}", notice.text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_is_told_of_once_a_day() {
        let notice = |key: &str| Notice {
            key: key.into(),
            owner: "p".into(),
            made_at: Timestamp::default(),
            ends_at: Timestamp::default(),
            is_urgent: false,
            text: String::new(),
        };
        let (mut told, now) = (HashMap::new(), Timestamp::from_micros(0));
        let keys = |fresh: Vec<Notice>| fresh.into_iter().map(|notice| notice.key.to_string()).collect::<Vec<_>>();
        assert_eq!(keys(fresh(vec![notice("a")], &mut told, now)), ["a"]);
        assert_eq!(keys(fresh(vec![notice("a"), notice("b")], &mut told, now.plus_seconds(600))), ["b"]);
        assert_eq!(keys(fresh(vec![notice("a"), notice("b")], &mut told, now.plus_seconds(A_DAY))), ["a"]);
        assert_eq!(keys(fresh(vec![], &mut told, now.plus_seconds(A_DAY))), Vec::<String>::new());
        assert!(told.is_empty());
    }
}
