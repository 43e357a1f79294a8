//! What do a provider's sign-in rules give somebody? Exactly what they say now, beside what is given otherwise.

use lictor_model::{Grant, GrantId, Membership, PrincipalId, PrincipalName, RoleName, Scope, Source, Team, TeamName};

use crate::error::StoreError;
use crate::pool::Tx;
use crate::{By, Store, grants, memberships, principals, roles, teams};

/// What the rules of one provider say of one principal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RuleGifts {
    /// In which teams it is.
    pub teams: Vec<TeamName>,
    /// Which roles it has, and where.
    pub grants: Vec<(RoleName, Scope)>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RuleChange {
    /// What it did not have from these rules before.
    pub given: RuleGifts,
    /// What it has no more from these rules.
    pub taken: RuleGifts,
    /// What cannot be given, for there is no such team or role. All else was done nevertheless: a rule that names what
    /// is gone must not keep another from taking something away.
    pub unknown: RuleGifts,
}

impl Store {
    /// Gives a principal from a provider's rules exactly this, and takes what the rules gave before and do not give now.
    /// What was given by hand, or by another provider, stays; so an owner by hand stays one, while the last owner by rule
    /// can go, for the provider has the last word on those.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the principal was removed meanwhile.
    pub async fn apply_sign_in_rules(
        &self,
        by: &By,
        principal: &PrincipalId,
        provider: &str,
        gifts: &RuleGifts,
    ) -> Result<RuleChange, StoreError> {
        let mut tx = self.write().await?;
        tx.change_directory().await?;
        let name = principals::name_of(&mut tx, principal).await?;
        let missing = || StoreError::NotFound { what: "user or service account", name: principal.to_string() };
        let whose = Whose { principal, name: name.ok_or_else(missing)?, source: Source::SignIn(provider.into()) };
        let mut change = RuleChange::default();
        self.set_memberships(&mut tx, by, &whose, gifts, &mut change).await?;
        self.set_grants(&mut tx, by, &whose, gifts, &mut change).await?;
        if change.given != RuleGifts::default() || change.taken != RuleGifts::default() {
            // Otherwise not committed, so that a sign-in that changes nothing makes nobody reload.
            tx.commit().await?;
        }
        Ok(change)
    }

    async fn set_memberships(
        &self,
        tx: &mut Tx,
        by: &By,
        whose: &Whose<'_>,
        gifts: &RuleGifts,
        change: &mut RuleChange,
    ) -> Result<(), StoreError> {
        let all = teams::all(tx).await?;
        let (mut wanted, now): (Vec<&Team>, _) = (Vec::new(), self.clock.now());
        for name in &gifts.teams {
            match all.iter().find(|team| team.name == *name) {
                Some(team) => wanted.push(team),
                None => change.unknown.teams.push(name.clone()),
            }
        }
        let mut had = memberships::of(tx, whose.principal).await?;
        had.retain(|membership| membership.source == whose.source);
        for old in had.iter().filter(|old| wanted.iter().all(|team| team.id != old.team)) {
            memberships::delete(tx, old).await?;
            // A membership of a team that is gone went with it.
            let Some(team) = all.iter().find(|team| team.id == old.team) else { continue };
            self.record(tx, by, "team.remove-member", &whose.object(&memberships::object(&whose.name, &team.name)))
                .await?;
            change.taken.teams.push(team.name.clone());
        }
        for team in wanted {
            let (team_id, source) = (team.id.clone(), whose.source.clone());
            let new = Membership { team: team_id, principal: whose.principal.clone(), source, created_at: now };
            if memberships::insert(tx, &new).await? {
                self.record(tx, by, "team.add-member", &whose.object(&memberships::object(&whose.name, &team.name)))
                    .await?;
                change.given.teams.push(team.name.clone());
            }
        }
        Ok(())
    }

    async fn set_grants(
        &self,
        tx: &mut Tx,
        by: &By,
        whose: &Whose<'_>,
        gifts: &RuleGifts,
        change: &mut RuleChange,
    ) -> Result<(), StoreError> {
        let mut had = grants::of(tx, whose.principal).await?;
        had.retain(|grant| grant.source == whose.source);
        for old in &had {
            if !gifts.grants.iter().any(|(role, scope)| *role == old.role && *scope == old.scope) {
                grants::delete(tx, &old.id).await?;
                let object = whose.object(&grants::object(&whose.name, &old.role, &old.scope));
                self.record(tx, by, "grant.remove", &object).await?;
                change.taken.grants.push((old.role.clone(), old.scope.clone()));
            }
        }
        for gift in &gifts.grants {
            let (role, scope) = gift;
            let has = had.iter().any(|grant| grant.role == *role && grant.scope == *scope);
            if has || change.given.grants.contains(gift) {
                continue;
            }
            if !roles::exists(tx, role).await? {
                change.unknown.grants.push(gift.clone());
                continue;
            }
            grants::insert(tx, &whose.grant(role, scope, self.clock.now())).await?;
            let object = whose.object(&grants::object(&whose.name, role, scope));
            self.record(tx, by, "grant.add", &object).await?;
            change.given.grants.push(gift.clone());
        }
        Ok(())
    }
}

/// Whose rows are set: those of one principal from one source.
struct Whose<'a> {
    principal: &'a PrincipalId,
    name: PrincipalName,
    source: Source,
}

impl Whose<'_> {
    fn object(&self, object: &str) -> String {
        format!("{object} ({})", self.source)
    }

    fn grant(&self, role: &RoleName, scope: &Scope, now: lictor_model::Timestamp) -> Grant {
        Grant {
            id: GrantId::fresh(),
            principal: self.principal.clone(),
            role: role.clone(),
            scope: scope.clone(),
            source: self.source.clone(),
            created_at: now,
        }
    }
}
