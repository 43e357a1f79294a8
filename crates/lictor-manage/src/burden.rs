//! Would a change lock out somebody whom its author may not manage? A role brings its demands along wherever it is given: keys
//! that are too old end at once, and whoever has no second factor must add one.

use std::collections::HashSet;

use lictor_authz::Deed;
use lictor_model::{AccountRole, Assignments, FactorDuty, Grant, GrantId, KeyAges, PrincipalId, Source, TeamGrant};
use lictor_model::{Membership, PrincipalName, RoleName, Scope, TeamName};
use lictor_store::{Bounds, KeyFilter, KeyState};

use crate::administration::Administration;
use crate::error::ManageError;
use crate::grants::Holder;
use crate::keys::MOST_KEYS;

impl Administration {
    /// That a change of what roles there are and who has them locks out nobody whom they may not manage. What is refused is
    /// put on record.
    pub(crate) async fn check_burden(
        &self,
        (operation, object): (&str, &str),
        change: impl FnOnce(&mut Assignments),
    ) -> Result<(), ManageError> {
        if self.is_console() {
            return Ok(());
        }
        let before = self.store.load_assignments().await?;
        let mut after = before.clone();
        change(&mut after);
        if after.key_ages.is_empty() && after.factor_roles.is_empty() {
            return Ok(());
        }
        let Some(burdened) = self.burdened(&before, &after).await? else { return Ok(()) };
        let everybody = self.store.list_principals(None).await?;
        let name = everybody.iter().find(|one| one.id == burdened).map(|one| one.name.to_string()).unwrap_or_default();
        match self.permit(operation, object, Deed::Principal(burdened)).await {
            Err(ManageError::Unauthorized(_)) => Err(ManageError::Burden(name)),
            other => other.map(drop),
        }
    }

    /// The first one whom the change would lock out, and who is not theirs to manage.
    async fn burdened(&self, before: &Assignments, after: &Assignments) -> Result<Option<PrincipalId>, ManageError> {
        let (ages_before, ages_after) = (KeyAges::work_out(before), KeyAges::work_out(after));
        let (duty_before, duty_after) = (FactorDuty::work_out(before), FactorDuty::work_out(after));
        let holders: HashSet<&PrincipalId> = after.holders().into_iter().map(|(principal, _)| principal).collect();
        for id in holders {
            if self.may(&Deed::Principal(id.clone())) {
                continue;
            }
            let (old, new) = (ages_before.of(id), ages_after.of(id));
            if let Some(age) = new.filter(|new| old.is_none_or(|old| new.seconds < old.seconds)) {
                let limit = u32::try_from(MOST_KEYS).unwrap_or(u32::MAX);
                let bounds = Bounds::first(limit);
                let filter = KeyFilter { owner: Some(id.clone()), bounds, ..KeyFilter::default() };
                let (keys, now) = (self.store.page_of_keys(&filter).await?, self.clock.now());
                let ends =
                    |key: &lictor_store::KeyRow| key.state(now) == KeyState::Active && age.end(key.created_at) <= now;
                if keys.rows.iter().any(|key| ends(&key.row)) {
                    return Ok(Some(id.clone()));
                }
            }
            // Of those who are no owners it is what their workspaces ask for, and they can do it.
            let is_owner = self.access().account_role(id) == AccountRole::Owner;
            let is_newly_bound = is_owner && duty_after.binds(id) && !duty_before.binds(id);
            if is_newly_bound && self.store.factors_of(id).await?.all.is_empty() {
                return Ok(Some(id.clone()));
            }
        }
        Ok(None)
    }

    /// The same for a role that is given.
    pub(crate) async fn check_burden_of_grant(
        &self,
        said: (&str, &str),
        holder: &Holder,
        (role, scope): (&RoleName, &Scope),
    ) -> Result<(), ManageError> {
        let (id, role, scope, created_at) = (GrantId::fresh(), role.clone(), scope.clone(), self.clock.now());
        match holder {
            Holder::Principal(name) => {
                let Some(one) = self.store.find_principal(name).await? else { return Ok(()) };
                let grant = Grant { id, principal: one.id, role, scope, source: Source::ByHand, created_at };
                self.check_burden(said, |all| all.grants.push(grant)).await
            }
            Holder::Team(name) => {
                let Some(team) = self.store.find_team(name).await? else { return Ok(()) };
                let grant = TeamGrant { id, team: team.id, role, scope, created_at };
                self.check_burden(said, |all| all.team_grants.push(grant)).await
            }
        }
    }

    /// The same for those who are put into a team.
    pub(crate) async fn check_burden_of_members(
        &self,
        said: (&str, &str),
        team: &TeamName,
        names: &[PrincipalName],
    ) -> Result<(), ManageError> {
        let Some(team) = self.store.find_team(team).await? else { return Ok(()) };
        let mut new = Vec::new();
        for name in names {
            if let Some(one) = self.store.find_principal(name).await? {
                let (source, created_at) = (Source::ByHand, self.clock.now());
                new.push(Membership { team: team.id.clone(), principal: one.id, source, created_at });
            }
        }
        self.check_burden(said, |all| all.memberships.extend(new)).await
    }
}
