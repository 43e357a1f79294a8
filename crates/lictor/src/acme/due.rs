//! When is the next certificate, or the next attempt, due? Spread, so that not everybody comes at once.

use lictor_model::{Digest, Timestamp};

/// Authorities bound failed attempts by the hour.
const FIRST_PAUSE: i64 = 15 * 60;
const LONGEST_PAUSE: i64 = 12 * 3_600;
const WHOLE: i64 = 1 << 16;

/// When a certificate is to be renewed, unless the authority says otherwise: at two thirds of its life, or a little earlier. Its own bytes
/// say how much, so that all replicas agree.
pub(super) fn by_age(begins: Timestamp, ends: Timestamp, certificate: &[u8]) -> Timestamp {
    let life = ends.seconds_since(begins).max(0);
    let spread = life / 20;
    begins.plus_seconds(life / 3 * 2 - portion(spread, certificate))
}

/// When it is renewed whatever the authority says: a tenth of its life before its end.
pub(super) fn at_latest(begins: Timestamp, ends: Timestamp) -> Timestamp {
    ends.plus_seconds(-(ends.seconds_since(begins).max(0) / 10))
}

/// The moment of a window that is ours.
pub(super) fn within(begins: Timestamp, ends: Timestamp, certificate: &[u8]) -> Timestamp {
    begins.plus_seconds(portion(ends.seconds_since(begins).max(0), certificate))
}

/// Seconds to wait after so many failures in a row: twice as long each time, up to half a day, a quarter more or less.
pub(super) fn after_failures(failures: u32, holder: &str) -> i64 {
    let pause = FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(LONGEST_PAUSE);
    pause - pause / 4 + portion(pause / 2, format!("{holder} {failures}").as_bytes())
}

/// A part of so many seconds, by chance, and the same for the same bytes.
fn portion(of: i64, bytes: &[u8]) -> i64 {
    let digest = Digest::of(bytes).to_hex();
    let chance = digest.get(..4).and_then(|hex| i64::from_str_radix(hex, 16).ok()).unwrap_or_default();
    of.saturating_mul(chance) / WHOLE
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    fn at(day: i64) -> Timestamp {
        Timestamp::default().plus_seconds(20_000 * DAY + day * DAY)
    }

    #[test]
    fn a_certificate_is_renewed_at_two_thirds_of_its_life_or_a_little_earlier() {
        let mut seen = std::collections::BTreeSet::new();
        for name in 0..50_u8 {
            let due = by_age(at(0), at(90), &[name]);
            assert!(due > at(55) && due <= at(60), "{due}");
            assert_eq!(due, by_age(at(0), at(90), &[name]));
            seen.insert(due.as_micros());
        }
        assert!(seen.len() > 40, "they are spread");
        // Of a certificate whose life makes no sense, at once.
        assert_eq!(by_age(at(5), at(0), b"x"), at(5));
    }

    #[test]
    fn a_window_is_kept_to() {
        for name in 0..50_u8 {
            let due = within(at(0), at(2), &[name]);
            assert!(due >= at(0) && due < at(2));
        }
        assert_eq!(within(at(3), at(2), b"x"), at(3));
        assert_eq!(at_latest(at(0), at(90)), at(81));
    }

    #[test]
    fn failures_are_waited_out_longer_and_longer_but_no_longer_than_half_a_day() {
        for (failures, pause) in [(1, 900), (2, 1_800), (3, 3_600), (7, LONGEST_PAUSE), (u32::MAX, LONGEST_PAUSE)] {
            let waited = after_failures(failures, "replica");
            assert!(waited >= pause * 3 / 4 && waited <= pause * 5 / 4, "{failures}: {waited}");
        }
        assert_ne!(after_failures(1, "a"), after_failures(1, "b"));
    }
}
