//! Can the listener's certificate be used, and for how long? And who vouches for clients?

use lictor_authn::mtls::Rule;
use lictor_model::{Clock, Secret, Timestamp};
use lictor_store::Store;

use super::Report;
use crate::config::Tls;
use crate::config::tls::ClientTls;
use crate::tls::load;
use crate::tls::load::verifier;
use crate::tls::watch::SOON;

/// Reads the files as the gateway does.
pub(crate) fn check(tls: &Tls, clock: &Clock, report: &mut Report) {
    let loaded = match load(tls) {
        Ok(loaded) => loaded,
        Err(error) => return report.fail("tls", format!("{}: {error}", error.key())),
    };
    // One that an authority issues is another check's.
    if !loaded.is_provisional {
        report.ok("tls", "certificate and key go together");
        judge("tls certificate", loaded.ends_at, clock.now(), report);
    }
    if let Some(client) = &tls.client {
        judge_list(client, loaded.crl_due, clock.now(), report);
    }
}

/// Reads the files that vouch for what a proxy passes on, as the gateway does.
pub(crate) fn check_passed(clients: &ClientTls, clock: &Clock, report: &mut Report) {
    match verifier(clients) {
        Ok((_, due)) => judge_list(clients, due, clock.now(), report),
        Err(error) => report.fail("certificate header", format!("{}: {error}", error.key())),
    }
}

fn judge_list(client: &ClientTls, due: Option<Timestamp>, now: Timestamp, report: &mut Report) {
    let (ca, crl) = (client.keys.ca_file, client.keys.crl_file);
    match due {
        None if client.crl_file.is_none() => {
            report.warn(
                "client certificates",
                format!("of {ca}, none is ever revoked: set {crl} to your CA's revocation list"),
            );
        }
        None => report.warn("revocation list", format!("{crl} says nothing of when the next one is due")),
        Some(due) if due <= now => report.fail(
            "revocation list",
            format!("{crl}: a newer one was due at {due}, so client certificates are refused: fetch it"),
        ),
        Some(due) => report.ok("revocation list", format!("{crl} is good until {due}")),
    }
}

/// Whether each rule leads to somebody. What the store says of itself is another check's.
pub(crate) async fn check_rules(url: &Secret, rules: &[Rule], report: &mut Report) {
    let Ok(store) = Store::open(url.expose(), Clock::system()).await else { return };
    for rule in rules {
        if let Ok(None) = store.find_principal(&rule.principal).await {
            report.warn(
                "certificates",
                format!("{} is nobody: whoever bears its certificate is refused", rule.principal),
            );
        }
    }
}

/// How long it is until then.
pub(super) fn judge(check: &str, end: Timestamp, now: Timestamp, report: &mut Report) {
    let left = end.seconds_since(now);
    let days = left / 86_400;
    match left {
        ..0 => report.fail(check, format!("expired at {end}: renew it")),
        0..SOON => report.warn(check, format!("expires in {days} days, at {end}: renew it")),
        _ => report.ok(check, format!("valid for {days} days, until {end}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_told_while_there_is_time() {
        let now = Timestamp::default().plus_seconds(1_000_000_000);
        for (left, level) in [(-1, "FAIL"), (86_400, "warn"), (90 * 86_400, "ok  ")] {
            let mut report = Report::default();
            judge("tls certificate", now.plus_seconds(left), now, &mut report);
            assert!(report.as_text().starts_with(level), "{left}: {}", report.as_text());
        }
    }
}
