//! What time is it? Time is a parameter everywhere, so that tests can hold it still.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use serde::{Deserialize, Serialize};

/// A moment: microseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// A moment from microseconds since the Unix epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// This moment moved forward by whole seconds; saturates.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }

    /// Whole seconds from `earlier` to this moment; negative when `earlier` is later.
    #[must_use]
    pub const fn seconds_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0) / 1_000_000
    }

    /// Seconds from this moment to `later`, a begun one counting whole; 0 when `later` has passed.
    #[must_use]
    pub const fn seconds_until(self, later: Self) -> i64 {
        let micros = later.0.saturating_sub(self.0);
        if micros <= 0 { 0 } else { (micros - 1) / 1_000_000 + 1 }
    }

    /// RFC 3339 in UTC with microseconds, as `2026-11-23T10:00:00.000000Z`.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        let Ok(at) = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000) else {
            return self.0.to_string();
        };
        let (date, clock) = (at.date(), at.time());
        let mut text = String::with_capacity(27);
        // Every access line has one of these: digits by hand cost a tenth of the formatting machinery.
        let parts = [
            (date.year().unsigned_abs(), 4, '-'),
            (u8::from(date.month()).into(), 2, '-'),
            (date.day().into(), 2, 'T'),
            (clock.hour().into(), 2, ':'),
            (clock.minute().into(), 2, ':'),
            (clock.second().into(), 2, '.'),
            (clock.microsecond(), 6, 'Z'),
        ];
        for (number, width, separator) in parts {
            push_digits(&mut text, number, width);
            text.push(separator);
        }
        text
    }
}

/// The last `width` decimal digits of a number, with leading zeros.
fn push_digits(text: &mut String, number: u32, width: u32) {
    for place in (0..width).rev() {
        let digit = number / 10_u32.pow(place) % 10;
        text.push(char::from_digit(digit, 10).unwrap_or('0'));
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.to_rfc3339())
    }
}

/// Where the time comes from: the system, or a test's hand.
#[derive(Debug, Clone, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub const fn system() -> Self {
        Self(None)
    }

    /// A clock that stands still until [`Clock::advance`] moves it. Clones share the hand.
    #[must_use]
    pub fn manual(start: Timestamp) -> Self {
        Self(Some(Arc::new(AtomicI64::new(start.as_micros()))))
    }

    /// The present moment.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Some(hand) => Timestamp(hand.load(Ordering::SeqCst)),
            None => {
                let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
                Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
            }
        }
    }

    /// Moves a manual clock forward by whole seconds; a system clock does not move.
    pub fn advance(&self, seconds: i64) {
        if let Some(hand) = &self.0 {
            hand.fetch_add(seconds.saturating_mul(1_000_000), Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_begun_second_is_waited_for() {
        let now = Timestamp::from_micros(5_000_000);
        for (later, seconds) in [(5_000_000, 0), (4_000_000, 0), (5_000_001, 1), (6_000_000, 1), (6_000_001, 2)] {
            assert_eq!(now.seconds_until(Timestamp::from_micros(later)), seconds, "{later}");
        }
    }

    #[test]
    fn a_moment_is_spelled_as_rfc_3339_has_it() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (1_795_510_800_000_042, "2026-11-24T09:00:00.000042Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
        ] {
            assert_eq!(Timestamp::from_micros(micros).to_rfc3339(), text);
        }
    }
}
