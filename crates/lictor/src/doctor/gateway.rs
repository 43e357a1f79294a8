//! What does the record of the running gateway say about its clients?

use lictor_model::{Clock, Outcome, Reason, Secret};
use lictor_store::{AuditFilter, Store, StoreError};

use super::Report;

const A_DAY: i64 = 86_400;

/// Looks for clients that were turned away for a setting that can be changed.
pub(crate) async fn check(url: &Secret, clock: &Clock, report: &mut Report) {
    match rejected_sockets(url, clock).await {
        Ok(names) if names.is_empty() => {
            report.ok("clients", "none was turned away in the last day for sending no credential on websockets")
        }
        Ok(names) => report.warn(
            "clients",
            format!(
                "{} presented nothing on websockets in the last day. {}",
                names.join(", "),
                Reason::SocketWithoutCredential.advice()
            ),
        ),
        // The store's own check says why.
        Err(_) => {}
    }
}

async fn rejected_sockets(url: &Secret, clock: &Clock) -> Result<Vec<String>, StoreError> {
    let store = Store::open(url.expose(), clock.clone()).await?;
    let filter = AuditFilter {
        outcome: Some(Outcome::Refused),
        since: Some(clock.now().plus_seconds(-A_DAY)),
        limit: 10_000,
        ..AuditFilter::default()
    };
    let events = store.list_audit(filter).await?;
    let turned_away = events.iter().filter(|event| event.reason == Reason::SocketWithoutCredential.code());
    let mut from: Vec<String> = turned_away
        .map(|event| {
            if event.client_ip.is_empty() { "somebody".to_owned() } else { format!("a client at {}", event.client_ip) }
        })
        .collect();
    from.sort();
    from.dedup();
    Ok(from)
}
