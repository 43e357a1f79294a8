//! How are durations written? As a whole number and a unit: `90s`, `15m`, `12h`, `90d`.

use std::time::Duration;

/// A text that is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a duration: write a whole number and s, m, h or d, as in \"12h\" or \"90d\"")]
pub(crate) struct DurationError(pub(crate) String);

/// Reads `90s`, `15m`, `12h` or `90d`; zero is refused.
///
/// # Errors
/// [`DurationError`] when it is written otherwise, or is longer than a hundred years.
pub(crate) fn duration(text: &str) -> Result<Duration, DurationError> {
    let refuse = || DurationError(text.to_owned());
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: u64 = match text.strip_prefix(digits).unwrap_or_default() {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(refuse()),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refuse());
    }
    let number: u64 = digits.parse().map_err(|_| refuse())?;
    let seconds = number.checked_mul(unit).filter(|seconds| (1..=100 * 366 * 86_400).contains(seconds));
    seconds.map(Duration::from_secs).ok_or_else(refuse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_unit_reads() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("15m"), Ok(Duration::from_secs(900)));
        assert_eq!(duration("12h"), Ok(Duration::from_secs(43_200)));
        assert_eq!(duration("90d"), Ok(Duration::from_secs(7_776_000)));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "90", "d", "-1d", "+1d", "1.5h", "1 h", "0s", "1w", "99999999999999999999d", "9999999d"] {
            assert_eq!(duration(text), Err(DurationError(text.to_owned())), "{text}");
        }
    }
}
