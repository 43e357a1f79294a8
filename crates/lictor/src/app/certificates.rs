//! Whose client certificates are whose now, and which proxy passes them on? Rules are read again four times a second, and at
//! SIGHUP; a file that cannot be used changes nothing.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lictor_authn::Authenticator;
use lictor_authn::mtls::Rule;
use lictor_model::Clock;
use lictor_proxy::CertificateHeader;
use lictor_proxy::metrics::Metrics;
use lictor_proxy::tls::Vouching;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::MissedTickBehavior;

use super::AppError;
use crate::config::{self, Plan};
use crate::tls::watch::{Stamp, Subject, Watch};

const LOOK_EVERY: Duration = Duration::from_millis(250);

/// What the data path needs to believe a proxy, and one more who watches over files.
///
/// # Errors
/// [`AppError::Tls`] when CA or revocation lists cannot be used.
pub(super) fn passed(
    plan: &Plan,
    metrics: &Arc<Metrics>,
    clock: &Clock,
    watches: &mut Vec<Watch>,
) -> Result<Option<CertificateHeader>, AppError> {
    let Some(written) = plan.certificate_header.clone() else { return Ok(None) };
    let vouching = Arc::new(Vouching::default());
    let subject = Subject::Passed { clients: written.clients, vouching: Arc::clone(&vouching) };
    let seen = Stamp::of_files(subject.files());
    let watch = Watch { subject, metrics: Arc::clone(metrics), clock: clock.clone(), seen };
    watch.take()?;
    watches.push(watch);
    let mut passed = CertificateHeader::new(written.token, written.header, written.format, vouching);
    passed.proxies = written.proxies;
    Ok(Some(passed))
}

/// Goes on with what the file says from then on.
///
/// # Errors
/// The system's, when it gives no signals.
pub(super) fn keep_reading(
    auth: &Authenticator,
    plan: &Plan,
    background: &tokio::runtime::Handle,
) -> std::io::Result<()> {
    let Some(file) = plan.file.clone() else { return Ok(()) };
    let _inside = background.enter();
    let reader = Reader { auth: auth.clone(), file, known: plan.certificates.clone(), said: String::new() };
    background.spawn(reader.run(signal(SignalKind::hangup())?));
    Ok(())
}

struct Reader {
    auth: Authenticator,
    file: PathBuf,
    known: Vec<Rule>,
    /// What was wrong with it at the last look.
    said: String,
}

impl Reader {
    async fn run(mut self, mut hangup: Signal) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // It may have changed since the plan was made.
        let (mut seen, mut is_due) = (None, true);
        loop {
            let is_asked = tokio::select! {
                _ = ticks.tick() => false,
                Some(()) = hangup.recv() => true,
            };
            let file = self.file.clone();
            let Ok(now) = tokio::task::spawn_blocking(move || Stamp::of_files(vec![file])).await else { return };
            let is_changed = seen.replace(now.clone()) != Some(now);
            // Half of it may be written: whole rules, and too few of them. So it is read when it has stayed the same for a look.
            if is_asked || (is_due && !is_changed) {
                self.read(is_asked).await;
            }
            is_due = is_changed;
        }
    }

    async fn read(&mut self, is_asked: bool) {
        let file = self.file.clone();
        let wrong = match tokio::task::spawn_blocking(move || config::read_certificate_rules(&file)).await {
            Ok(Ok(rules)) => {
                if rules != self.known {
                    tracing::info!(rules = rules.len(), "the certificate rules have changed");
                    self.auth.replace_certificate_rules(rules.clone());
                    self.known = rules;
                }
                String::new()
            }
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        if !wrong.is_empty() && (is_asked || wrong != self.said) {
            tracing::warn!("the certificate rules stay as they were: {wrong}");
        }
        self.said = wrong;
    }
}
