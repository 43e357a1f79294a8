//! Who is in which team?

use lictor_model::{Membership, PrincipalId, PrincipalName, Source, TeamName};

use crate::error::StoreError;
use crate::moved::among;
use crate::pool::Tx;
use crate::statement::{Row, sql};
use crate::{By, Store, grants, owners, principals, teams};

impl Store {
    /// Puts principals into a team, by hand: all of them, or none. Answers who was not in it by hand before.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn add_members(
        &self,
        by: &By,
        team: &TeamName,
        names: &[PrincipalName],
    ) -> Result<Vec<PrincipalName>, StoreError> {
        let mut tx = self.write().await?;
        tx.change_directory().await?;
        // An empty list is about a team that must be there, too.
        teams::require(&mut tx, team).await?;
        let mut added = Vec::new();
        for name in names {
            if self.add_member_in(&mut tx, by, team, name).await? {
                added.push(name.clone());
            }
        }
        if !added.is_empty() {
            tx.commit().await?;
        }
        Ok(added)
    }

    /// Takes principals out of a team in which they are by hand: all of them, or none. Whom a sign-in rule put there as
    /// well, stays.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::LastOwner`], [`StoreError::FromSignIn`].
    pub async fn remove_members(&self, by: &By, team: &TeamName, names: &[PrincipalName]) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        tx.change_directory().await?;
        teams::require(&mut tx, team).await?;
        let owners = owners::count(&mut tx).await?;
        for name in names {
            self.remove_member_in(&mut tx, by, team, name).await?;
        }
        owners::keep(&mut tx, owners).await?;
        tx.commit().await
    }

    /// Puts one principal into a team, by hand; answers whether it was not in it by hand before.
    pub(crate) async fn add_member_in(
        &self,
        tx: &mut Tx,
        by: &By,
        team: &TeamName,
        name: &PrincipalName,
    ) -> Result<bool, StoreError> {
        let id = teams::require(tx, team).await?.id;
        let principal = principals::require(tx, name).await?.id;
        let new = Membership { team: id, principal, source: Source::ByHand, created_at: self.clock.now() };
        let is_new = insert(tx, &new).await?;
        if is_new {
            self.record(tx, by, "team.add-member", &object(name, team)).await?;
        }
        Ok(is_new)
    }

    /// Takes one principal out of a team in which it is by hand, without a look at the owners.
    pub(crate) async fn remove_member_in(
        &self,
        tx: &mut Tx,
        by: &By,
        team: &TeamName,
        name: &PrincipalName,
    ) -> Result<(), StoreError> {
        let id = teams::require(tx, team).await?.id;
        let principal = principals::require(tx, name).await?.id;
        let mut found = of(tx, &principal).await?;
        found.retain(|membership| membership.team == id);
        let object = object(name, team);
        let Some(membership) = found.iter().find(|membership| membership.source == Source::ByHand) else {
            let other = found.first().map(|membership| &membership.source);
            return Err(grants::not_by_hand(other, "membership", object));
        };
        delete(tx, membership).await?;
        self.record(tx, by, "team.remove-member", &object).await
    }
}

/// A membership as the record names it.
pub(crate) fn object(name: &PrincipalName, team: &TeamName) -> String {
    format!("{name} in {team}")
}

/// Adds a membership; answers whether it was not there yet.
pub(crate) async fn insert(tx: &mut Tx, new: &Membership) -> Result<bool, StoreError> {
    let added = sql("INSERT INTO team_members (team, principal, source, created_at) VALUES ($1, $2, $3, $4) \
                     ON CONFLICT (team, principal, source) DO NOTHING")
    .bind(new.team.as_str())
    .bind(new.principal.as_str())
    .bind(new.source.to_text().as_str())
    .bind(new.created_at)
    .execute(tx)
    .await?;
    Ok(added > 0)
}

/// Removes a membership, as far as its source says so.
pub(crate) async fn delete(tx: &mut Tx, old: &Membership) -> Result<(), StoreError> {
    sql("DELETE FROM team_members WHERE team = $1 AND principal = $2 AND source = $3")
        .bind(old.team.as_str())
        .bind(old.principal.as_str())
        .bind(old.source.to_text().as_str())
        .execute(tx)
        .await?;
    Ok(())
}

/// All memberships of a principal, of whatever source.
pub(crate) async fn of(tx: &mut Tx, principal: &PrincipalId) -> Result<Vec<Membership>, StoreError> {
    let statement = sql("SELECT team, principal, source, created_at FROM team_members WHERE principal = $1 \
                         ORDER BY created_at, team, source");
    statement.bind(principal.as_str()).fetch(tx, "team_members").await?.iter().map(membership).collect()
}

/// All memberships, oldest first.
pub(crate) async fn all(tx: &mut Tx) -> Result<Vec<Membership>, StoreError> {
    let statement = sql("SELECT team, principal, source, created_at FROM team_members \
                         ORDER BY created_at, team, principal, source");
    statement.fetch(tx, "team_members").await?.iter().map(membership).collect()
}

/// The same of some principals.
pub(crate) async fn of_all(tx: &mut Tx, of: &[PrincipalId]) -> Result<Vec<Membership>, StoreError> {
    let text = "SELECT team, principal, source, created_at FROM team_members WHERE principal";
    among(tx, (text, "ORDER BY created_at, team, principal, source", "team_members"), of, membership).await
}

fn membership(row: &Row) -> Result<Membership, StoreError> {
    Ok(Membership {
        team: row.text("team")?.into(),
        principal: row.text("principal")?.into(),
        source: row.source("source")?,
        created_at: row.moment("created_at")?,
    })
}
