//! How often may somebody do something in a minute? Counted for each, for a bounded number of them.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lictor_model::{Clock, Timestamp};

/// How many are counted at once; beyond that, new ones wait.
const COUNTED: usize = 10_000;

/// Counts by address, principal or the like.
#[derive(Debug)]
pub(crate) struct PerMinute<K> {
    clock: Clock,
    most: u32,
    minute: Mutex<Minute<K>>,
}

#[derive(Debug)]
struct Minute<K> {
    began: Timestamp,
    counts: HashMap<K, u32>,
}

impl<K: Eq + Hash> PerMinute<K> {
    /// At most so many for each.
    pub(crate) fn new(clock: Clock, most: u32) -> Self {
        let minute = Mutex::new(Minute { began: Timestamp::default(), counts: HashMap::new() });
        Self { clock, most, minute }
    }

    /// Counts one; `false` when that is one too many.
    pub(crate) fn take(&self, who: K) -> bool {
        let (most, mut minute) = (self.most, self.now());
        if minute.counts.len() >= COUNTED && !minute.counts.contains_key(&who) {
            return false;
        }
        let count = minute.counts.entry(who).or_default();
        let is_within = *count < most;
        *count = count.saturating_add(1);
        is_within
    }

    /// Whether there is no more to take.
    pub(crate) fn is_spent(&self, who: &K) -> bool {
        let minute = self.now();
        match minute.counts.get(who) {
            Some(count) => *count >= self.most,
            None => minute.counts.len() >= COUNTED,
        }
    }

    fn now(&self) -> MutexGuard<'_, Minute<K>> {
        let now = self.clock.now();
        let mut minute = self.minute.lock().unwrap_or_else(PoisonError::into_inner);
        if now.seconds_since(minute.began) >= 60 {
            *minute = Minute { began: now, counts: HashMap::new() };
        }
        minute
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_so_many_a_minute_and_strangers_wait_when_there_are_too_many() {
        let clock = Clock::manual(Timestamp::from_micros(1_700_000_000_000_000));
        let counts = PerMinute::new(clock.clone(), 2);
        assert_eq!([1, 1, 1, 2].map(|who| counts.take(who)), [true, true, false, true]);
        assert!(counts.is_spent(&1) && !counts.is_spent(&2) && !counts.is_spent(&3));
        for who in 10..20_000 {
            counts.take(who);
        }
        assert!(!counts.take(30_000) && counts.is_spent(&30_000) && counts.take(2));
        clock.advance(60);
        assert!(counts.take(1) && counts.take(30_000));
    }
}
