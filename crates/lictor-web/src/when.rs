//! How is a moment written on a page? To the minute, in UTC, so that everybody reads the same.

use lictor_model::Timestamp;

/// `2026-11-23 10:00 UTC`
pub(crate) fn minute(at: Timestamp) -> String {
    let text = at.to_rfc3339();
    format!("{} UTC", text.get(..16).unwrap_or(&text).replace('T', " "))
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn a_moment_is_written_to_the_minute() {
        assert_eq!(minute(Timestamp::from_micros(1_795_510_859_000_042)), "2026-11-24 09:00 UTC");
    }
}
