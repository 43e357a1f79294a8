//! What do a Prefect Server's answers say about it? Pure readings of versions and dates.

use lictor_model::Timestamp;
use time::PrimitiveDateTime;
use time::macros::format_description;

/// How a version relates to what Lictor was tested with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Support {
    /// 3.0 to 3.8.
    Tested,
    /// A later 3.x.
    Newer,
    /// Another line of Prefect, or no version at all.
    Unsupported,
}

/// Major and minor of `3.8.8`.
pub(crate) fn parts(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Whether that version is supported.
pub(crate) fn support(version: &str) -> Support {
    match parts(version) {
        Some((3, 0..=8)) => Support::Tested,
        Some((3, _)) => Support::Newer,
        _ => Support::Unsupported,
    }
}

/// Seconds by which the server's `Date` is ahead of now.
pub(crate) fn skew(date: &str, now: Timestamp) -> Option<i64> {
    let format = format_description!(
        version = 1,
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let at = PrimitiveDateTime::parse(date, format).ok()?.assume_utc().unix_timestamp();
    Some(at - now.as_micros() / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_told_apart() {
        assert_eq!(support("3.0.11"), Support::Tested);
        assert_eq!(support("3.8.8"), Support::Tested);
        assert_eq!(support("3.10.0.dev1"), Support::Newer);
        assert_eq!(support("2.20.1"), Support::Unsupported);
        assert_eq!(support("unknown"), Support::Unsupported);
    }

    #[test]
    fn a_clock_that_is_ahead_is_seen() {
        let now = Timestamp::from_micros(784_111_777_000_000);
        assert_eq!(skew("Sun, 06 Nov 1994 08:49:37 GMT", now), Some(0));
        assert_eq!(skew("Sun, 06 Nov 1994 08:50:37 GMT", now), Some(60));
        assert_eq!(skew("yesterday", now), None);
    }
}
