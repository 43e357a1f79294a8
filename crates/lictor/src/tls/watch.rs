//! Have certificate files changed? Looked at four times a second, and at SIGHUP; what cannot be used changes nothing.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lictor_model::{Clock, Timestamp};
use lictor_proxy::metrics::{Ending, Metrics};
use lictor_proxy::tls::{Tls as Listener, Vouching};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;

use super::load::{Pair, load_with, verifier};
use super::{Loaded, TlsError, load, own};
use crate::acme::InForce;
use crate::config::Tls;
use crate::config::tls::ClientTls;

const LOOK_EVERY: Duration = Duration::from_millis(250);
const RENEW_EVERY: Duration = Duration::from_secs(3_600);
/// Within this many seconds of its end, a certificate is worth a warning.
pub(crate) const SOON: i64 = 21 * 86_400;

/// What is made of certificate files, and from which.
pub(crate) enum Subject {
    /// The listener's terms of TLS.
    Listener {
        /// What was configured.
        tls: Box<Tls>,
        /// Whose terms are replaced.
        listener: Arc<Listener>,
        /// A certificate of our own, which we renew.
        own: Option<own::Own>,
        /// What an authority issued, where it is one that does.
        issued: Option<(Arc<InForce>, Arc<Notify>)>,
    },
    /// Who vouches for the certificates that a proxy passes on.
    Passed {
        /// What was configured.
        clients: ClientTls,
        /// What is replaced.
        vouching: Arc<Vouching>,
    },
}

/// Keeps what is made of certificate files as the files have it.
pub(crate) struct Watch {
    /// Which.
    pub(crate) subject: Subject,
    /// Where the ends of validity are told.
    pub(crate) metrics: Arc<Metrics>,
    /// The time.
    pub(crate) clock: Clock,
    /// What the files looked like before the terms in force were read.
    pub(crate) seen: Stamp,
}

/// What a file looked like: anything that writing it, or putting another in its place, changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp(Vec<Option<[i64; 6]>>);

impl Stamp {
    /// What some files look like now.
    pub(crate) fn of_files(files: Vec<PathBuf>) -> Self {
        let look = |path: PathBuf| {
            let data = std::fs::metadata(path).ok()?;
            let (size, inode) = (data.size().cast_signed(), data.ino().cast_signed());
            Some([data.mtime(), data.mtime_nsec(), data.ctime(), data.ctime_nsec(), size, inode])
        };
        Self(files.into_iter().map(look).collect())
    }
}

/// How the last look at a changed set of files went.
enum Looked {
    Used,
    /// Once: half of it may be written, or the key not yet.
    Doubted,
    Reported,
}

impl Watch {
    /// Watches from now on, on the background runtime.
    ///
    /// # Errors
    /// The system's, when it gives no signals.
    pub(crate) fn start(self, background: &tokio::runtime::Handle) -> std::io::Result<()> {
        let _inside = background.enter();
        let hangup = signal(SignalKind::hangup())?;
        background.spawn(self.run(hangup));
        Ok(())
    }

    async fn run(self, mut hangup: Signal) {
        let watch = Arc::new(self);
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut renewals = tokio::time::interval(RENEW_EVERY);
        let (mut seen, mut looked) = (watch.seen.clone(), Looked::Used);
        loop {
            let (mut is_asked, mut may_renew) = (false, false);
            tokio::select! {
                _ = ticks.tick() => {}
                _ = renewals.tick() => may_renew = true,
                Some(()) = hangup.recv() => is_asked = true,
                () = watch.subject.issued_anew() => is_asked = true,
            }
            let watch = Arc::clone(&watch);
            // Files may lie on a disk that does not answer.
            let look = tokio::task::spawn_blocking(move || {
                if may_renew && let Subject::Listener { own: Some(own), .. } = &watch.subject {
                    own.keep_fresh(watch.clock.now());
                }
                watch.look(seen, looked, is_asked)
            });
            let Ok(after) = look.await else { return };
            (seen, looked) = after;
        }
    }

    fn look(&self, seen: Stamp, looked: Looked, is_asked: bool) -> (Stamp, Looked) {
        let now = Stamp::of_files(self.subject.files());
        let is_changed = now != seen;
        if !is_changed && !is_asked && !matches!(looked, Looked::Doubted) {
            return (now, looked);
        }
        let looked = match self.take() {
            Ok(()) => Looked::Used,
            Err(_) if is_changed && !is_asked => Looked::Doubted,
            Err(error) => {
                self.report(&error);
                Looked::Reported
            }
        };
        (now, looked)
    }

    /// Reads everything, and puts it into force.
    ///
    /// # Errors
    /// [`TlsError`]; then nothing has changed.
    pub(crate) fn take(&self) -> Result<(), TlsError> {
        let now = self.clock.now();
        match &self.subject {
            Subject::Listener { tls, listener, issued, .. } => {
                let loaded = current(tls, issued.as_ref().map(|(in_force, _)| in_force.as_ref()))?;
                tell(&loaded, &self.metrics, now);
                listener.replace(loaded.terms, loaded.clients);
                tracing::info!(certificate_until = %loaded.ends_at, "the certificate files were read");
            }
            Subject::Passed { clients, vouching } => {
                let (verifier, due) = verifier(clients)?;
                tell_due(due, Ending::PassedCrl, &self.metrics, now);
                vouching.replace(Some(verifier));
                tracing::info!("the files that vouch for certificates in a header were read");
            }
        }
        Ok(())
    }

    fn report(&self, error: &TlsError) {
        self.metrics.tls_reload_failures.inc();
        tracing::warn!(key = error.key(), %error, "certificate files changed and cannot be used: the last good ones stay in force");
    }
}

impl Subject {
    /// Returns when an authority has issued another certificate; never, where none does.
    async fn issued_anew(&self) {
        match self {
            Self::Listener { issued: Some((_, changed)), .. } => changed.notified().await,
            _ => std::future::pending().await,
        }
    }

    /// All that is read.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        match self {
            Self::Listener { tls, .. } => tls.files(),
            Self::Passed { clients, .. } => clients.files().cloned().collect(),
        }
    }
}

/// The terms as the files have them, with what an authority issued, if it did.
///
/// # Errors
/// [`TlsError`].
pub(crate) fn current(tls: &Tls, in_force: Option<&InForce>) -> Result<Loaded, TlsError> {
    match in_force.and_then(InForce::load_full) {
        Some(issued) => load_with(tls, Pair::of_pem(&issued.chain, issued.key())?),
        None => load(tls),
    }
}

/// Tells in metrics, and in the log where it is urgent, when the files come to their end.
pub(crate) fn tell(loaded: &Loaded, metrics: &Metrics, now: Timestamp) {
    if loaded.is_provisional {
        tracing::info!("a provisional certificate is shown until the certificate authority has issued ours");
    } else {
        metrics.tls_expires(Ending::Certificate, loaded.ends_at);
    }
    if loaded.ends_at.seconds_since(now) < SOON {
        tracing::warn!(at = %loaded.ends_at, "the certificate ends soon, or has: renew it");
    }
    tell_due(loaded.crl_due, Ending::Crl, metrics, now);
}

fn tell_due(due: Option<Timestamp>, of: Ending, metrics: &Metrics, now: Timestamp) {
    if let Some(due) = due {
        metrics.tls_expires(of, due);
        if due <= now {
            tracing::warn!(at = %due, "a revocation list is out of date: the client certificates of its CA are refused until there is a newer one");
        }
    }
}
