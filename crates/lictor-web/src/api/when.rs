//! When? Moments in JSON: RFC 3339.

use lictor_model::Timestamp;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Reads a moment; `None` when it is none.
pub(crate) fn read(text: &str) -> Option<Timestamp> {
    let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(at.unix_timestamp_nanos() / 1_000).ok().map(Timestamp::from_micros)
}

/// What to write instead.
pub(crate) const HOW: &str = "Write a time as RFC 3339: 2027-01-31T00:00:00Z.";
