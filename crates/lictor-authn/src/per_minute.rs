//! How often may one address, or one person, ask for something that costs us? So many times a minute, each replica by itself.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use lictor_model::{Clock, Timestamp};

/// Callers that are counted at once; beyond that, new ones wait.
const CALLERS: usize = 10_000;

/// Counts by caller.
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
    /// So many a minute.
    pub(crate) fn new(clock: Clock, most: u32) -> Self {
        Self { clock, most, minute: Mutex::new(Minute { began: Timestamp::default(), counts: HashMap::new() }) }
    }

    /// Takes one of them; false when there is none left.
    pub(crate) fn take(&self, caller: K) -> bool {
        let now = self.clock.now();
        let mut minute = self.minute.lock().unwrap_or_else(PoisonError::into_inner);
        if now.seconds_since(minute.began) >= 60 {
            *minute = Minute { began: now, counts: HashMap::new() };
        }
        if minute.counts.len() >= CALLERS && !minute.counts.contains_key(&caller) {
            return false;
        }
        let count = minute.counts.entry(caller).or_default();
        let is_left = *count < self.most;
        *count += u32::from(is_left);
        is_left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_caller_has_so_many_a_minute() {
        let clock = Clock::manual(Timestamp::from_micros(1_000_000_000));
        let counter = PerMinute::new(clock.clone(), 2);
        assert_eq!(["a", "a", "a", "b"].map(|caller| counter.take(caller)), [true, true, false, true]);
        clock.advance(60);
        assert!(counter.take("a"));
    }

    #[test]
    fn no_crowd_grows_the_map_without_end() {
        let counter = PerMinute::new(Clock::manual(Timestamp::from_micros(1_000_000_000)), 2);
        assert!((0..CALLERS).all(|caller| counter.take(caller)));
        assert!(!counter.take(CALLERS) && counter.take(0));
    }
}
