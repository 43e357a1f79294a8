//! When is something of a provider's fetched again? When it is stale, once for all who wait; while it cannot be, the last
//! good one goes on for a day.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use lictor_model::{Clock, Timestamp};
use tokio::sync::Mutex;

/// Fetched again when older than this, in seconds.
const FRESH: i64 = 3_600;
/// Of no use when older than this.
const KEPT: i64 = 24 * 3_600;
/// After a failure, nobody asks again for so long.
const REST: i64 = 5;
/// How far apart unknown keys may send us back to the provider.
const FORCED_APART: i64 = 60;

/// One thing that is fetched from a provider, kept and renewed.
pub(crate) struct Cached<T> {
    clock: Clock,
    /// For those who do not wait while it is fetched.
    at_hand: ArcSwapOption<(Arc<T>, Timestamp)>,
    state: Mutex<State<T>>,
}

struct State<T> {
    last_good: Option<(Arc<T>, Timestamp)>,
    failed: Option<(Timestamp, String)>,
    forced: Option<Timestamp>,
}

/// It cannot be had now, and was not had within a day.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct NotHad(pub(crate) String);

impl<T> Cached<T> {
    pub(crate) fn new(clock: Clock) -> Self {
        let state = Mutex::new(State { last_good: None, failed: None, forced: None });
        Self { clock, at_hand: ArcSwapOption::empty(), state }
    }

    /// The thing, if it is here and fresh, whoever may be fetching another.
    pub(crate) fn at_hand(&self) -> Option<Arc<T>> {
        let held = self.at_hand.load();
        held.as_ref().filter(|held| self.is_within(held.1, FRESH)).map(|held| Arc::clone(&held.0))
    }

    /// The thing, fetched if need be.
    pub(crate) async fn get<E, F>(&self, fetch: impl FnOnce() -> F) -> Result<Arc<T>, NotHad>
    where
        E: std::fmt::Display,
        F: Future<Output = Result<T, E>>,
    {
        // Whoever waits for the lock waits for the fetch, and then finds what it brought.
        let mut state = self.state.lock().await;
        if let Some((value, at)) = &state.last_good
            && self.is_within(*at, FRESH)
        {
            return Ok(Arc::clone(value));
        }
        if state.failed.as_ref().is_some_and(|(at, _)| self.is_within(*at, REST)) {
            return state.what_there_is(|at| self.is_within(at, KEPT));
        }
        self.renew(&mut state, fetch).await
    }

    /// The thing fetched anew because it lacks something, unless that was done within the last minute.
    pub(crate) async fn get_newer<E, F>(&self, than: &Arc<T>, fetch: impl FnOnce() -> F) -> Result<Arc<T>, NotHad>
    where
        E: std::fmt::Display,
        F: Future<Output = Result<T, E>>,
    {
        let mut state = self.state.lock().await;
        // Somebody before us may have brought another.
        let is_same = state.last_good.as_ref().is_some_and(|(value, _)| Arc::ptr_eq(value, than));
        if !is_same || state.forced.is_some_and(|at| self.is_within(at, FORCED_APART)) {
            return state.what_there_is(|at| self.is_within(at, KEPT));
        }
        state.forced = Some(self.clock.now());
        self.renew(&mut state, fetch).await
    }

    async fn renew<E, F>(&self, state: &mut State<T>, fetch: impl FnOnce() -> F) -> Result<Arc<T>, NotHad>
    where
        E: std::fmt::Display,
        F: Future<Output = Result<T, E>>,
    {
        match fetch().await {
            Ok(value) => {
                let (value, now) = (Arc::new(value), self.clock.now());
                self.at_hand.store(Some(Arc::new((Arc::clone(&value), now))));
                *state = State { last_good: Some((Arc::clone(&value), now)), failed: None, forced: state.forced };
                Ok(value)
            }
            Err(error) => {
                tracing::warn!(%error, "an identity provider does not answer as it should");
                state.failed = Some((self.clock.now(), error.to_string()));
                state.what_there_is(|at| self.is_within(at, KEPT))
            }
        }
    }

    /// Whether the moment was within the last seconds; a clock that went back makes it not so.
    fn is_within(&self, at: Timestamp, seconds: i64) -> bool {
        (0..seconds).contains(&self.clock.now().seconds_since(at))
    }
}

impl<T> State<T> {
    fn what_there_is(&self, is_kept: impl FnOnce(Timestamp) -> bool) -> Result<Arc<T>, NotHad> {
        match &self.last_good {
            Some((value, at)) if is_kept(*at) => Ok(Arc::clone(value)),
            _ => Err(NotHad(self.failed.as_ref().map_or_else(String::new, |(_, what)| what.clone()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    struct Source {
        asked: AtomicU32,
        up: std::sync::atomic::AtomicBool,
        cached: Cached<u32>,
        clock: Clock,
    }

    impl Source {
        fn new() -> Self {
            let clock = Clock::manual(Timestamp::from_micros(1_700_000_000_000_000));
            Self { asked: AtomicU32::new(0), up: true.into(), cached: Cached::new(clock.clone()), clock }
        }

        async fn fetch(&self) -> Result<u32, &'static str> {
            let count = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
            tokio::task::yield_now().await;
            if self.up.load(Ordering::SeqCst) { Ok(count) } else { Err("down") }
        }

        async fn get(&self) -> Option<u32> {
            self.cached.get(|| self.fetch()).await.ok().map(|value| *value)
        }

        fn asked(&self) -> u32 {
            self.asked.load(Ordering::SeqCst)
        }
    }

    #[tokio::test]
    async fn many_who_wait_share_one_fetch_and_its_failure() {
        let source = Source::new();
        let all = futures_util::future::join_all((0..20).map(|_| source.get())).await;
        assert_eq!((all, source.asked()), (vec![Some(1); 20], 1));
        let down = Source::new();
        down.up.store(false, Ordering::SeqCst);
        let all = futures_util::future::join_all((0..20).map(|_| down.get())).await;
        assert_eq!((all, down.asked()), (vec![None; 20], 1));
        down.clock.advance(REST);
        assert_eq!((down.get().await, down.asked()), (None, 2));
    }

    #[tokio::test]
    async fn what_was_good_goes_on_for_a_day_while_the_provider_is_down() {
        let source = Source::new();
        assert_eq!(source.get().await, Some(1));
        source.up.store(false, Ordering::SeqCst);
        source.clock.advance(FRESH);
        assert_eq!((source.get().await, source.asked()), (Some(1), 2));
        source.clock.advance(KEPT - FRESH);
        assert_eq!(source.get().await, None);
        source.up.store(true, Ordering::SeqCst);
        source.clock.advance(REST);
        assert_eq!(source.get().await, Some(4));
    }

    #[tokio::test]
    async fn what_is_fresh_is_at_hand_while_another_is_fetched() {
        let source = Source::new();
        assert_eq!(source.cached.at_hand(), None);
        let held = source.cached.get(|| source.fetch()).await.unwrap();
        let fetching = source.cached.get_newer(&held, || async {
            assert_eq!(source.cached.at_hand().as_deref(), Some(&1));
            source.fetch().await
        });
        assert_eq!(*fetching.await.unwrap(), 2);
        assert_eq!(source.cached.at_hand().as_deref(), Some(&2));
        source.clock.advance(FRESH);
        assert_eq!(source.cached.at_hand(), None);
    }

    #[tokio::test]
    async fn unknown_keys_send_us_back_once_a_minute() {
        let source = Source::new();
        let mut held = source.cached.get(|| source.fetch()).await.unwrap();
        for _ in 0..1_000 {
            held = source.cached.get_newer(&held, || source.fetch()).await.unwrap();
        }
        assert_eq!((*held, source.asked()), (2, 2));
        source.clock.advance(FORCED_APART);
        assert_eq!(*source.cached.get_newer(&held, || source.fetch()).await.unwrap(), 3);
        // Whoever still held the old one is given the new one without a fetch.
        assert_eq!(*source.cached.get_newer(&held, || source.fetch()).await.unwrap(), 3);
        assert_eq!(source.asked(), 3);
    }
}
