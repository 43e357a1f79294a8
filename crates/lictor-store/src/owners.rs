//! Does an owner remain? Counted before and after each change that could take the last one away.

use lictor_model::Source;

use crate::error::StoreError;
use crate::pool::Tx;
use crate::statement::sql;

/// Enabled users with the role owner everywhere, of their own or through a team.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owners {
    all: usize,
    /// Those who would be owners without any sign-in rule: the next sign-in can take away what a rule gave.
    by_hand: usize,
}

/// One row for each grant, or membership in a team with a grant, that makes an owner.
const OWNERS: &str = "\
    SELECT principals.id, grants.source FROM principals \
    JOIN grants ON grants.principal = principals.id \
    WHERE principals.kind = 'user' AND principals.disabled = 0 \
    AND grants.role = 'owner' AND grants.scope = 'everywhere' \
    UNION \
    SELECT principals.id, team_members.source FROM principals \
    JOIN team_members ON team_members.principal = principals.id \
    JOIN team_grants ON team_grants.team = team_members.team \
    WHERE principals.kind = 'user' AND principals.disabled = 0 \
    AND team_grants.role = 'owner' AND team_grants.scope = 'everywhere'";

/// The owners that there are.
pub(crate) async fn count(tx: &mut Tx) -> Result<Owners, StoreError> {
    let mut owners = Owners { all: 0, by_hand: 0 };
    for row in sql(OWNERS).fetch(tx, "principals").await? {
        owners.all += 1;
        owners.by_hand += usize::from(row.source("source")? == Source::ByHand);
    }
    Ok(owners)
}

/// That a change did not take away the last of the owners that there were before it, nor the last one by hand.
pub(crate) async fn keep(tx: &mut Tx, before: Owners) -> Result<(), StoreError> {
    let after = count(tx).await?;
    let lost = (before.all > 0 && after.all == 0) || (before.by_hand > 0 && after.by_hand == 0);
    if lost { Err(StoreError::LastOwner) } else { Ok(()) }
}
