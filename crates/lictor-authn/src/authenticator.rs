//! Who holds it all together? The authenticator: one a process, cloned into every thread.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use arc_swap::ArcSwap;
use lictor_model::{Clock, CredentialKind, Digest, Identity, RequestId};
use lictor_store::{LastUse, Store, StoreError};
use moka::sync::Cache;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::attempt::{Origin, Rejection};
use crate::break_glass::Passwords;
use crate::devices::Devices;
use crate::feed::Feed;
use crate::jwt::Tokens;
use crate::ledger::Ledger;
use crate::mtls::Rule;
use crate::options::Options;
use crate::refusals::Refusals;
use crate::reports::Reports;
use crate::throttle::Throttle;
use crate::verifier::Verifier;
use crate::view::View;

/// Digests that are known to belong to nobody.
const NEVER_WAS: u64 = 10_000;
const NEVER_WAS_FOR: Duration = Duration::from_secs(300);
/// Every so many flushes, sessions that ended of themselves are deleted.
const FLUSHES_A_CLEANING: u32 = 120;
/// How long a key that a token was exchanged for stays listed after its end, in seconds.
const EXCHANGED_KEPT: i64 = 24 * 3_600;

/// Says who is calling. Clones share everything.
#[derive(Clone)]
pub struct Authenticator {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) background: Handle,
    pub(crate) feed: Arc<Feed>,
    pub(crate) verifier: Verifier,
    pub(crate) throttle: Arc<Throttle>,
    pub(crate) ledger: Ledger,
    refusals: Refusals,
    pub(crate) reports: Reports,
    pub(crate) devices: Devices,
    /// Digests of keys and sessions that the store did not have when their holders already had them. They never will
    /// be: a secret is handed out after it is stored. So a client with a dead key costs the store nothing.
    pub(crate) never_was: Cache<Digest, ()>,
    pub(crate) passwords: Passwords,
    pub(crate) password_alone: bool,
    /// When the use of the break-glass account was last recorded for a program.
    pub(crate) sounded_at: AtomicI64,
    pub(crate) session_idle: i64,
    pub(crate) session_absolute: i64,
    pub(crate) certificate_rules: ArcSwap<Vec<Rule>>,
    pub(crate) tokens: Tokens,
}

/// Authentication could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The view cannot be loaded.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No key for what is remembered.
    #[error("the system's random source failed: {0}")]
    Entropy(#[from] getrandom::Error),
}

impl Authenticator {
    /// Loads the view and keeps it true from then on; store and hashing work on the background runtime.
    ///
    /// # Errors
    /// [`StartError`] when the view cannot be loaded.
    pub async fn start(store: Store, clock: Clock, background: Handle, options: Options) -> Result<Self, StartError> {
        let verifier = Verifier::new(clock.clone(), background.clone(), &options)?;
        let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        let (session_idle, session_absolute) = (seconds(options.session_idle), seconds(options.session_absolute));
        let (flush_every, passwords) = (options.flush_every, options.passwords.clone());
        let password_alone = options.password_alone;
        let certificate_rules = ArcSwap::from_pointee(options.certificate_rules.clone());
        let throttle = Arc::new(Throttle::new(clock.clone()));
        let shared = Arc::clone(&throttle);
        let feed = Feed::load(store.clone(), clock.clone(), background.clone(), options, shared).await?;
        let inner = Arc::new(Inner {
            feed: Arc::new(feed),
            verifier,
            throttle,
            ledger: Ledger::default(),
            refusals: Refusals::new(clock.clone()),
            reports: Reports::new(clock.clone()),
            devices: Devices::new(&clock),
            never_was: Cache::builder().max_capacity(NEVER_WAS).time_to_live(NEVER_WAS_FOR).build(),
            passwords,
            password_alone,
            sounded_at: AtomicI64::new(i64::MIN / 2),
            session_idle,
            session_absolute,
            certificate_rules,
            tokens: Tokens::new(clock.clone()),
            store,
            clock,
            background,
        });
        inner.feed.keep_polling();
        keep_flushing(&inner, flush_every);
        Ok(Self { inner })
    }

    /// The view as it is now.
    #[must_use]
    pub fn view(&self) -> Arc<View> {
        self.inner.feed.view()
    }

    /// Is moved forward by each change of the view.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.inner.feed.subscribe()
    }

    /// Reads what this process has just changed, so that an answer that says so is true when it arrives.
    pub async fn refresh(&self) {
        self.inner.feed.refresh().await;
    }

    /// Whether the store answered in the last seconds.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.inner.feed.is_fresh()
    }

    /// How many password guesses cost a verification since the start.
    #[must_use]
    pub fn verifications(&self) -> u64 {
        self.inner.verifier.looked_at()
    }

    /// Notes that a key was used, from where and by which Prefect client; at most once a second for each key.
    pub fn note_use(&self, identity: &Identity, origin: &Origin) {
        if identity.credential.kind != CredentialKind::Key {
            return;
        }
        let now = self.inner.clock.now();
        let id = &identity.credential.id;
        if self.inner.feed.peek(|view| view.people.key_by_id(id).is_some_and(|key| key.should_note(now))) {
            let client_version = prefect_version(&origin.user_agent).to_owned();
            self.inner.ledger.note(id, LastUse { at: now, client_ip: origin.client_ip.to_string(), client_version });
        }
    }

    /// Records that a credential was refused, without waiting for it. Repeated ones are folded, so that it may be called
    /// for every refusal; what is no refusal of a key or a password is left out.
    pub fn audit_refusal(&self, rejection: &Rejection, origin: &Origin, request: &RequestId) {
        self.inner.refusals.add(rejection, origin, request);
    }

    /// Writes down what was noted and recorded; the last thing before the end.
    pub async fn flush(&self) {
        self.inner.flush().await;
    }
}

/// `3.8.8` of `prefect/3.8.8 (API 0.8.4)`; empty for any other client.
fn prefect_version(user_agent: &str) -> &str {
    let version = user_agent.strip_prefix("prefect/").and_then(|rest| rest.split(' ').next());
    version.filter(|version| version.len() <= 64).unwrap_or_default()
}

impl Inner {
    async fn flush(&self) {
        self.record_refusals().await;
        self.share_bans().await;
        if let Err(error) = self.ledger.flush(&self.store).await {
            tracing::warn!(%error, "uses of keys and sessions could not be written down yet");
        }
    }

    async fn record_refusals(&self) {
        if let Err(error) = self.refusals.flush(&self.store).await {
            tracing::warn!(%error, "refused credentials could not be recorded yet");
        }
    }

    /// Tells the store, and so the other replicas and the command line, which bans have begun here.
    async fn share_bans(&self) {
        let begun = self.throttle.take_begun();
        if let Err(error) = self.store.begin_bans(&begun).await {
            tracing::warn!(%error, "bans could not be shared with other replicas yet; they hold here");
            self.throttle.keep_begun(begun);
        }
    }

    async fn clean(&self) {
        let idle_before = self.clock.now().plus_seconds(-self.session_idle);
        if let Err(error) = self.store.delete_expired_sessions(idle_before).await {
            tracing::warn!(%error, "ended sessions could not be deleted yet");
        }
        let ended_before = self.clock.now().plus_seconds(-EXCHANGED_KEPT);
        if let Err(error) = self.store.delete_exchanged_keys(ended_before).await {
            tracing::warn!(%error, "ended keys that tokens were exchanged for could not be deleted yet");
        }
    }
}

/// Flushes until nobody holds the authenticator any more: refusals soon, uses every few seconds.
fn keep_flushing(inner: &Arc<Inner>, every: Duration) {
    let weak = Arc::downgrade(inner);
    inner.background.spawn(async move {
        let mut ticks = tokio::time::interval(every.max(Duration::from_millis(1)));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut flushes = 0_u32;
        while let Some(inner) = weak.upgrade() {
            tokio::select! {
                // A refusal is written at once; those that come while it is written share the next commit.
                () = inner.refusals.wake.notified() => inner.record_refusals().await,
                () = inner.throttle.wake.notified() => inner.share_bans().await,
                _ = ticks.tick() => {
                    inner.flush().await;
                    flushes = flushes.wrapping_add(1);
                    if flushes.is_multiple_of(FLUSHES_A_CLEANING) {
                        inner.clean().await;
                    }
                }
            }
        }
    });
}
