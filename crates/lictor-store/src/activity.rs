//! How much was done and refused when? Counted in the database, by bars of a chart.

use lictor_model::{AuditEvent, CredentialId, Outcome, PrincipalId, Timestamp};

use crate::error::StoreError;
use crate::pool::Tx;
use crate::rows::AuditFilter;
use crate::statement::sql;
use crate::{Store, audit};

/// Of one actor or operation, so many of the latest events are counted: each is looked at, where others are only counted.
const LATEST: i64 = 20_000;
/// The most bars.
const BARS: i64 = 100;

/// What was on record in one stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stretch {
    /// Which one, from the first.
    pub at: i64,
    /// What was done.
    pub allowed: i64,
    /// What was refused.
    pub refused: i64,
}

impl Store {
    /// How much was done and refused between two moments, by stretches of so many microseconds, at most a hundred; those in which
    /// nothing was are left out. Of one actor or operation, the latest twenty thousand events.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn count_audit(
        &self,
        filter: &AuditFilter,
        (since, until): (Timestamp, Timestamp),
        width: i64,
    ) -> Result<Vec<Stretch>, StoreError> {
        let within =
            AuditFilter { since: Some(since), until: Some(until), before: None, after: None, ..filter.clone() };
        let mut tx = self.read().await?;
        let counted = if within.is_of_some() {
            latest(&mut tx, &within, since, width.max(1)).await?
        } else {
            by_bars(&mut tx, filter.outcome, (since, until), width.max(1)).await?
        };
        tx.commit().await?;
        Ok(counted)
    }

    /// What somebody did last, with one credential or with any, among their last so many events.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away, [`StoreError::Corrupt`] when an event does not read.
    pub async fn last_deeds(
        &self,
        actor: &PrincipalId,
        credential: Option<&CredentialId>,
        among: u32,
    ) -> Result<Vec<AuditEvent>, StoreError> {
        let filter = AuditFilter { actor: Some(actor.to_string()), limit: among, ..AuditFilter::default() };
        let mut events = self.list_audit(filter).await?;
        events.retain(|event| credential.is_none_or(|id| event.credential.as_ref().is_some_and(|used| used.id == *id)));
        Ok(events)
    }
}

/// One range of the index for each bar and outcome: sorting a million events into groups takes ten times as long.
async fn by_bars(
    tx: &mut Tx,
    only: Option<Outcome>,
    (since, until): (Timestamp, Timestamp),
    width: i64,
) -> Result<Vec<Stretch>, StoreError> {
    let mut bars = Vec::new();
    let (mut from, end) = (since.as_micros(), until.as_micros());
    for at in 0..BARS {
        let to = from.saturating_add(width).min(end);
        if from >= to {
            break;
        }
        let mut bar = Stretch { at, ..Stretch::default() };
        for outcome in
            [Outcome::Allowed, Outcome::Refused].into_iter().filter(|one| only.is_none_or(|only| only == *one))
        {
            let counting = sql("SELECT COUNT(*) AS held FROM audit WHERE outcome = $1 AND at >= $2 AND at < $3");
            let held = crate::lists::count(counting.bind(outcome.as_str()).bind(from).bind(to), tx, "audit").await?;
            match outcome {
                Outcome::Allowed => bar.allowed = held,
                Outcome::Refused => bar.refused = held,
            }
        }
        if bar.allowed > 0 || bar.refused > 0 {
            bars.push(bar);
        }
        from = to;
    }
    Ok(bars)
}

async fn latest(tx: &mut Tx, within: &AuditFilter, since: Timestamp, width: i64) -> Result<Vec<Stretch>, StoreError> {
    let mut statement = sql("SELECT (at - ");
    statement.push_bind(since);
    statement.push(") / ");
    statement.push_bind(width);
    statement.push(
        " AS stretch, COUNT(*) AS held, SUM(CASE WHEN outcome = 'refused' THEN 1 ELSE 0 END) AS refused \
         FROM audit WHERE seq IN ",
    );
    audit::push_of_some(&mut statement, within, LATEST);
    statement.push(" GROUP BY 1 ORDER BY 1");
    let rows = statement.fetch(tx, "audit").await?;
    rows.iter()
        .map(|row| {
            let (all, refused) = (row.integer("held")?, row.integer("refused")?);
            Ok(Stretch { at: row.integer("stretch")?, allowed: all - refused, refused })
        })
        .collect()
}
