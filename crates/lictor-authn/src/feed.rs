//! How does the view stay true? By polling the store's versions, and by asking at once when a credential is unknown.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use lictor_model::{Clock, Timestamp};
use lictor_store::{Store, StoreError, Versions};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, watch};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, sleep_until, timeout};

use crate::options::Options;
use crate::throttle::Throttle;
use crate::view::{Sessions, View};

/// How long ago the store may have answered last for the view to count as fresh.
const FRESH_SECONDS: i64 = 5;
/// How many times as long reading what moved may take.
const LOADING: u32 = 15;

/// How much a refresh reads although no version moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Depth {
    /// What has moved.
    Changes,
    /// The sessions too: other replicas write down when a session was used without moving a version.
    SessionUse,
}

/// The view, and what keeps it true.
pub(crate) struct Feed {
    store: Store,
    clock: Clock,
    background: Handle,
    options: Options,
    /// Holds the bans, which are the store's too.
    throttle: Arc<Throttle>,
    view: ArcSwap<View>,
    changes: watch::Sender<u64>,
    heard_at: AtomicI64,
    /// Refreshes happen one at a time; whoever waited learns from the one that began after they came.
    turn: Mutex<Turn>,
}

#[derive(Debug, Default)]
struct Turn {
    began: Option<Instant>,
    forced: Option<Instant>,
    depth: Option<Depth>,
    heard: bool,
}

impl Feed {
    /// Loads the first view.
    pub(crate) async fn load(
        store: Store,
        clock: Clock,
        background: Handle,
        options: Options,
        throttle: Arc<Throttle>,
    ) -> Result<Self, StoreError> {
        let heard_at = AtomicI64::new(clock.now().as_micros());
        let changes = watch::Sender::new(0);
        let turn = Mutex::default();
        let feed = Self {
            store,
            clock,
            background,
            options,
            throttle,
            view: ArcSwap::from_pointee(View::empty()),
            changes,
            heard_at,
            turn,
        };
        feed.read(feed.store.versions().await?, Depth::Changes).await?;
        Ok(feed)
    }

    /// The view as it is now.
    pub(crate) fn view(&self) -> Arc<View> {
        self.view.load_full()
    }

    /// The view for as long as a look-up takes.
    pub(crate) fn peek<T>(&self, look: impl FnOnce(&View) -> T) -> T {
        look(&self.view.load())
    }

    /// Is moved forward by each change of the view.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Moves whoever follows the view to look again: what they decide by has changed beside it.
    pub(crate) fn nudge(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Whether the store answered in the last seconds.
    pub(crate) fn is_fresh(&self) -> bool {
        self.silence() <= FRESH_SECONDS
    }

    /// Whether the store has been away for so long that nothing in memory is trusted any more.
    pub(crate) fn is_lost(&self) -> bool {
        self.silence() > i64::try_from(self.options.store_grace.as_secs()).unwrap_or(i64::MAX)
    }

    fn silence(&self) -> i64 {
        self.clock.now().seconds_since(Timestamp::from_micros(self.heard_at.load(Ordering::Relaxed)))
    }

    /// Waits until the view is at least as new as this call, sharing one bounded refresh with all who wait. Answers
    /// whether the store was heard.
    ///
    /// Under a flood of unknown keys everybody waits up to [`Options::forced_refresh_every`], and the store is asked ten
    /// times a second, however many they are.
    pub(crate) async fn catch_up(self: &Arc<Self>, depth: Depth) -> bool {
        self.take_turn(depth, true).await
    }

    /// Reads what this process has just changed.
    pub(crate) async fn refresh(self: &Arc<Self>) -> bool {
        self.take_turn(Depth::Changes, false).await
    }

    async fn take_turn(self: &Arc<Self>, depth: Depth, forced: bool) -> bool {
        let (feed, arrived) = (Arc::clone(self), Instant::now());
        // On the background runtime, which owns the store's connections; and a caller who hangs up must not take the
        // turn of those behind it along.
        let turn = self.background.spawn(async move { feed.turn_since(arrived, depth, forced).await });
        turn.await.unwrap_or(false)
    }

    async fn turn_since(&self, arrived: Instant, depth: Depth, forced: bool) -> bool {
        let mut turn = self.turn.lock().await;
        if turn.began.is_some_and(|began| began >= arrived) && turn.depth >= Some(depth) {
            return turn.heard;
        }
        if let Some(last) = turn.forced.filter(|_| forced) {
            sleep_until(last + self.options.forced_refresh_every).await;
        }
        let began = Instant::now();
        let heard = match self.hear(depth).await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                tracing::warn!(%error, "the store does not answer; what is in memory goes on for a while");
                false
            }
            Err(_) => {
                tracing::warn!("the store does not answer in time; what is in memory goes on for a while");
                false
            }
        };
        let forced = if forced { Some(began) } else { turn.forced };
        *turn = Turn { began: Some(began), forced, depth: Some(depth), heard };
        heard
    }

    /// The versions within the time that a store may take; then what moved, which may be all there is of a big one: a store that
    /// has just answered is not away, and giving up would only mean to begin again.
    async fn hear(&self, depth: Depth) -> Result<Result<(), StoreError>, Elapsed> {
        match timeout(self.options.store_timeout, self.store.versions()).await? {
            Ok(versions) => timeout(self.options.store_timeout * LOADING, self.read(versions, depth)).await,
            Err(error) => Ok(Err(error)),
        }
    }

    async fn read(&self, versions: Versions, depth: Depth) -> Result<(), StoreError> {
        let now = self.view();
        let mut next = View {
            access: Arc::clone(&now.access),
            people: Arc::clone(&now.people),
            sessions: Arc::clone(&now.sessions),
        };
        let directory_moved = versions.directory != now.people.version;
        if directory_moved {
            next.take_in(self.store.load_directory_since(now.version()).await?);
        }
        if versions.sessions != now.sessions.version || depth == Depth::SessionUse {
            next.sessions = Arc::new(Sessions::build(self.store.load_sessions().await?, &now.sessions));
        }
        if versions.bans != self.throttle.version() {
            let (version, bans) = self.store.load_bans().await?;
            self.throttle.heed(version, &bans);
        }
        self.heard_at.store(self.clock.now().as_micros(), Ordering::Relaxed);
        // What was loaded may be newer than the versions that were asked for first.
        let sessions_moved = next.sessions.version != now.sessions.version;
        self.view.store(Arc::new(next));
        if directory_moved || sessions_moved {
            self.nudge();
        }
        Ok(())
    }

    /// Polls until nobody holds the feed any more.
    pub(crate) fn keep_polling(self: &Arc<Self>) {
        let (feed, every) = (Arc::downgrade(self), self.options.poll_every);
        self.background.spawn(async move {
            // The first view has just been loaded.
            let mut ticks = tokio::time::interval_at(Instant::now() + every, every.max(Duration::from_millis(1)));
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let Some(feed) = feed.upgrade() else { return };
                feed.turn_since(Instant::now(), Depth::Changes, false).await;
            }
        });
    }
}
