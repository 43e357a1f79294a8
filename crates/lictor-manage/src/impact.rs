//! What would break? Shown before a key is revoked, somebody disabled or removed, a grant taken, a role changed.

mod ended;

pub use ended::Ended;

use lictor_authz::access::OWNER;
use lictor_authz::{AccessView, Deed, ownership};
use lictor_model::{
    Assignments, AuditEvent, CredentialId, GrantId, Principal, PrincipalId, PrincipalName, Role, RoleName, Scope,
    TeamId, Timestamp, WorkspaceName,
};
use lictor_store::{AutomationRow, Bounds, KeyFilter, KeyRow, KeyState, Owned, SessionFilter, SessionRow};

use crate::administration::Administration;
use crate::automations::Owners;
use crate::error::ManageError;

/// So many rows of each kind are shown.
const MOST: u32 = 50;
/// Among so many events of somebody's what they did last is looked for.
const LATELY: u32 = 500;

/// What is about to be done.
#[derive(Debug, Clone)]
pub enum Change {
    /// A principal can do nothing any more.
    Disable(Principal),
    /// A principal is gone.
    Remove(Principal),
    /// A role is taken away.
    TakeGrant(GrantId),
    /// A team is gone.
    RemoveTeam(TeamId),
    /// A role says something else.
    ChangeRole(Role),
}

/// An automation that runs on, though its owner could no longer save it.
#[derive(Debug)]
pub struct Left {
    /// Which.
    pub automation: AutomationRow,
    /// What its owner would lack.
    pub why: String,
}

/// What somebody did lately, each once.
#[derive(Debug, PartialEq, Eq)]
pub struct Done {
    /// What.
    pub operation: String,
    /// How often, among the last events.
    pub times: usize,
    /// When last.
    pub last: Timestamp,
    /// From where last.
    pub from: String,
}

/// What rests on a principal or one of its keys.
#[derive(Debug)]
pub struct Rests {
    /// Keys that are in use.
    pub keys: Vec<Owned<KeyRow>>,
    /// Signed-in browsers.
    pub sessions: Vec<Owned<SessionRow>>,
    /// What was done with them.
    pub lately: Vec<Done>,
}

impl Administration {
    /// The automations whose owners could no longer save them after the change.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn automations_left(&self, change: &Change) -> Result<Vec<Left>, ManageError> {
        let Owners { automations, principals, assignments: all } = self.owners(None).await?;
        let after = AccessView::build(&changed(&all, change));
        let before = AccessView::build(&all);
        let mut left = Vec::new();
        for automation in automations {
            let (demands, place) = (&automation.demands, &automation.workspace);
            let owner = principals.iter().find(|one| one.id == automation.principal);
            if ownership::lapse(demands, owner, &before, place).is_some() {
                continue;
            }
            let owner = owner.and_then(|owner| then(owner, change));
            if let Some(lapse) = ownership::lapse(demands, owner.as_ref(), &after, place) {
                left.push(Left { why: lapse.why, automation });
            }
        }
        Ok(left)
    }

    /// What rests on a principal: its keys in use, its sessions, and what it did lately.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn rests_on(&self, principal: &PrincipalId) -> Result<Rests, ManageError> {
        self.look(&Deed::Oversee)?;
        let owner = Some(principal.clone());
        let bounds = Bounds::first(MOST).descending();
        let filter = KeyFilter { owner: owner.clone(), bounds: bounds.clone(), ..KeyFilter::default() };
        let mut keys = self.store.page_of_keys(&filter).await?.rows;
        let now = self.clock.now();
        keys.retain(|key| key.row.state(now) == KeyState::Active);
        let filter = SessionFilter { owner, bounds, ..SessionFilter::default() };
        let sessions = self.store.page_of_sessions(&filter).await?.rows;
        let lately = tally(&self.store.last_deeds(principal, None, LATELY).await?);
        Ok(Rests { keys, sessions, lately })
    }

    /// What was done with one key lately.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn done_with(&self, owner: &PrincipalId, key: &CredentialId) -> Result<Vec<Done>, ManageError> {
        self.look(&Deed::Oversee)?;
        Ok(tally(&self.store.last_deeds(owner, Some(key), LATELY).await?))
    }

    /// The one of that name, a user or a service account.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn principal_named(&self, name: &PrincipalName) -> Result<Principal, ManageError> {
        self.look(&Deed::See)?;
        self.find_any(name).await
    }
}

impl Administration {
    /// Whether what happens in a workspace is theirs to know: an owner of workspaces knows their own.
    #[must_use]
    pub fn sees(&self, workspace: &WorkspaceName) -> bool {
        let giving = |role| Deed::Grant(role, Scope::Workspace(workspace.clone()));
        self.may(&Deed::Oversee) || RoleName::parse(OWNER).is_ok_and(|owner| self.may(&giving(owner)))
    }
}

fn changed(all: &Assignments, change: &Change) -> Assignments {
    let mut after = all.clone();
    match change {
        Change::Disable(_) => {}
        Change::Remove(principal) => {
            after.grants.retain(|grant| grant.principal != principal.id);
            after.memberships.retain(|membership| membership.principal != principal.id);
        }
        Change::TakeGrant(id) => {
            after.grants.retain(|grant| grant.id != *id);
            after.team_grants.retain(|grant| grant.id != *id);
        }
        Change::RemoveTeam(id) => {
            after.memberships.retain(|membership| membership.team != *id);
            after.team_grants.retain(|grant| grant.team != *id);
            after.teams.retain(|team| team.id != *id);
        }
        Change::ChangeRole(role) => {
            after.roles.retain(|old| old.name != role.name);
            after.roles.push(role.clone());
        }
    }
    after
}

/// The owner as they are after the change; `None` when they are gone.
fn then(owner: &Principal, change: &Change) -> Option<Principal> {
    match change {
        Change::Remove(gone) if gone.id == owner.id => None,
        Change::Disable(one) if one.id == owner.id => Some(Principal { disabled: true, ..owner.clone() }),
        _ => Some(owner.clone()),
    }
}

/// Each operation once, the latest first.
fn tally(events: &[AuditEvent]) -> Vec<Done> {
    let mut done: Vec<Done> = Vec::new();
    for event in events {
        match done.iter_mut().find(|one| one.operation == event.operation) {
            Some(one) => one.times += 1,
            None => done.push(Done {
                operation: event.operation.clone(),
                times: 1,
                last: event.at,
                from: event.client_ip.clone(),
            }),
        }
    }
    done
}
