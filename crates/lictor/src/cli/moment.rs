//! When? Moments on the command line: `90d` from now, `1h` ago, `never`, or RFC 3339.

use lictor_model::Timestamp;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::config::units;

/// A moment, relative or absolute; which way the relative one goes is the option's matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// So many seconds away from now.
    Away(i64),
    /// At a time.
    At(Timestamp),
}

/// A text that is no moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no time: write a whole number and s, m, h or d (\"12h\", \"90d\"), or RFC 3339 (\"2027-01-31T00:00:00Z\")"
)]
pub(crate) struct MomentError(String);

/// Reads a duration or an RFC 3339 time.
///
/// # Errors
/// [`MomentError`] when it is neither.
pub(crate) fn moment(text: &str) -> Result<Moment, MomentError> {
    if let Ok(duration) = units::duration(text) {
        return i64::try_from(duration.as_secs()).map(Moment::Away).map_err(|_| MomentError(text.to_owned()));
    }
    let at = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| MomentError(text.to_owned()))?;
    let micros = i64::try_from(at.unix_timestamp_nanos() / 1_000).map_err(|_| MomentError(text.to_owned()))?;
    Ok(Moment::At(Timestamp::from_micros(micros)))
}

/// When something ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expiry {
    /// It does not.
    Never,
    /// Then.
    At(Moment),
}

/// Reads `never` or a moment.
///
/// # Errors
/// [`MomentError`] when it is neither.
pub(crate) fn expiry(text: &str) -> Result<Expiry, MomentError> {
    if text == "never" { Ok(Expiry::Never) } else { moment(text).map(Expiry::At) }
}

impl Expiry {
    /// The moment itself; `None` is never.
    pub(crate) fn after(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Never => None,
            Self::At(Moment::Away(seconds)) => Some(now.plus_seconds(seconds)),
            Self::At(Moment::At(at)) => Some(at),
        }
    }
}

impl Moment {
    /// The moment itself, when a relative one lies in the past.
    pub(crate) fn before(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Away(seconds) => now.plus_seconds(-seconds),
            Self::At(at) => at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000_000_000_000);

    #[test]
    fn an_expiry_is_relative_absolute_or_never() {
        assert_eq!(expiry("90d").unwrap().after(NOW), Some(NOW.plus_seconds(90 * 86_400)));
        assert_eq!(expiry("12h").unwrap().after(NOW), Some(NOW.plus_seconds(43_200)));
        assert_eq!(expiry("never").unwrap().after(NOW), None);
        let at = expiry("2027-01-31T02:00:00+02:00").unwrap().after(NOW).unwrap();
        assert_eq!(at.to_rfc3339(), "2027-01-31T00:00:00.000000Z");
    }

    #[test]
    fn a_moment_in_the_past_is_counted_backwards() {
        assert_eq!(moment("1h").unwrap().before(NOW), NOW.plus_seconds(-3_600));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "tomorrow", "90", "2027-01-31", "Never", "-1d"] {
            assert!(expiry(text).is_err(), "{text}");
        }
    }
}
