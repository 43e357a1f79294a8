//! How long to wait before the next start? Twice as long each time, until a server lived for a minute.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);
const LIVED_WELL: Duration = Duration::from_secs(60);

/// The waits between starts.
#[derive(Debug, Default)]
pub(crate) struct Backoff(Option<Duration>);

impl Backoff {
    /// The wait after a server that lived so long.
    pub(crate) fn next(&mut self, lived: Duration) -> Duration {
        let wait = match self.0 {
            Some(last) if lived < LIVED_WELL => (last * 2).min(LONGEST),
            _ => FIRST,
        };
        self.0 = Some(wait);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_half_a_minute_and_begin_anew_after_a_minute_of_life() {
        let mut backoff = Backoff::default();
        let waits: Vec<u64> = (0..7).map(|_| backoff.next(Duration::ZERO).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(backoff.next(Duration::from_secs(60)), FIRST);
    }
}
