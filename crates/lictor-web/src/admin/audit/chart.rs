//! When was how much done and refused? Bars over time, drawn here so that no script is needed, and the same as a table.

use lictor_manage::{Administration, ManageError};
use lictor_model::Timestamp;
use lictor_store::AuditFilter;

use crate::when::minute;

/// Bars over the whole time.
const BARS: i64 = 48;
/// What is looked at where no beginning was asked for, in microseconds: a day.
const DAY: i64 = 86_400 * 1_000_000;
/// The height of the highest bar, and how far one bar is from the next.
const HEIGHT: i64 = 120;
const STEP: i64 = 20;

/// A chart, ready to be drawn.
pub(in super::super) struct Chart {
    /// What it shows.
    pub(in super::super) words: String,
    pub(in super::super) bars: Vec<Bar>,
    /// What the highest bar stands for.
    pub(in super::super) most: i64,
}

/// One stretch of time; heights and places in the picture's own measure.
pub(in super::super) struct Bar {
    pub(in super::super) from: String,
    pub(in super::super) allowed: i64,
    pub(in super::super) refused: i64,
    pub(in super::super) x: i64,
    pub(in super::super) allowed_y: i64,
    pub(in super::super) allowed_height: i64,
    pub(in super::super) refused_y: i64,
    pub(in super::super) refused_height: i64,
}

/// Counts what is on record and makes a chart of it.
pub(super) async fn draw(admin: &Administration, filter: &AuditFilter, now: Timestamp) -> Result<Chart, ManageError> {
    let until = filter.until.unwrap_or(now).as_micros();
    let since = filter.since.map_or(until.saturating_sub(DAY), Timestamp::as_micros).min(until);
    // A bar more than fits would stand for the rest of the division.
    let width = (until.saturating_sub(since) / BARS).saturating_add(1);
    let between = (Timestamp::from_micros(since), Timestamp::from_micros(until));
    let stretches = admin.count_audit(filter, between, width).await?;
    let most = stretches.iter().map(|one| one.allowed + one.refused).max().unwrap_or_default();
    let height = |count: i64| if count == 0 { 0 } else { (count * HEIGHT / most.max(1)).max(1) };
    let bars = stretches.iter().map(|one| {
        let (allowed_height, refused_height) = (height(one.allowed), height(one.refused));
        Bar {
            from: minute(Timestamp::from_micros(since.saturating_add(one.at.saturating_mul(width)))),
            allowed: one.allowed,
            refused: one.refused,
            x: one.at * STEP,
            allowed_y: HEIGHT + 2 - allowed_height,
            allowed_height,
            refused_y: HEIGHT + 2 - allowed_height - refused_height,
            refused_height,
        }
    });
    let bars: Vec<Bar> = bars.collect();
    let (allowed, refused) = stretches.iter().fold((0, 0), |(a, r), one| (a + one.allowed, r + one.refused));
    let words = format!("{allowed} done and {refused} refused, from {} to {}", minute(between.0), minute(between.1));
    Ok(Chart { words, bars, most })
}
