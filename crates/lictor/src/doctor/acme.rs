//! Can the certificate authority be asked, and how did it go when it was?

use lictor_model::{Clock, Secret, Timestamp};
use lictor_store::Store;

use super::Report;
use super::tls::judge;
use crate::acme::{self, AcmeError, Kept, Shelf};
use crate::app::SEAL_SECRET;
use crate::config::acme::Acme;
use crate::config::sign_in::SignIn;

/// Asks for the authority's directory, and looks at what the replicas have kept. What the store says of itself is another check's.
pub(crate) async fn check(acme: &Acme, url: &Secret, sign_in: &SignIn, clock: &Clock, report: &mut Report) {
    match acme::reach(acme).await {
        Ok(()) => report.ok("acme directory", format!("{} answers", acme.directory)),
        Err(error) => report.fail("acme directory", error.to_string()),
    }
    let Ok(store) = Store::open(url.expose(), clock.clone()).await else { return };
    match shelf(acme, store, sign_in, clock).await {
        Ok(shelf) => judge_shelf(&shelf, clock.now(), report),
        Err(error) => report.fail("acme certificate", error.to_string()),
    }
}

async fn shelf(acme: &Acme, store: Store, sign_in: &SignIn, clock: &Clock) -> Result<Shelf, AcmeError> {
    let secret = match &sign_in.seal_key {
        Some(secret) => Some(secret.clone()),
        None => store.meta_get(SEAL_SECRET).await?.map(Secret::new),
    };
    // Without a secret nothing was ever kept.
    let Some(secret) = secret else { return Ok(Shelf::default()) };
    Kept::new(store, clock.clone(), &secret, acme)?.shelf().await
}

fn judge_shelf(shelf: &Shelf, now: Timestamp, report: &mut Report) {
    match shelf.issued.as_ref().filter(|_| shelf.is_ours).and_then(acme::ends_at) {
        Some(end) => judge("acme certificate", end, now, report),
        None => {
            report.warn("acme certificate", "none was issued for these names yet: the gateway orders it when it runs")
        }
    }
    if shelf.state.failures > 0 {
        let next = Timestamp::from_micros(shelf.state.next_at);
        let text = format!(
            "the last {} failed: {}; the next is at {next}, or at SIGHUP",
            shelf.state.failures, shelf.state.error
        );
        report.warn("acme attempts", text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_told_with_the_next_attempt() {
        let now = Timestamp::default().plus_seconds(1_000_000_000);
        let mut shelf = Shelf::default();
        let text = |shelf: &Shelf| {
            let mut report = Report::default();
            judge_shelf(shelf, now, &mut report);
            report.as_text()
        };
        assert!(text(&shelf).contains("none was issued") && !text(&shelf).contains("attempts"));
        shelf.state.failures = 2;
        shelf.state.error = "it is away".to_owned();
        assert!(text(&shelf).contains("the last 2 failed: it is away"));
    }
}
