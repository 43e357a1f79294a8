//! What would become of what is on record? Each event decided again, by the access there is and by the one there would be.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use lictor_authz::{AccessView, Inspect, OPERATIONS};
use lictor_model::{
    AuditEvent, CredentialId, Demands, Identity, Narrowing, Outcome, Permission, PermissionSet, Principal, PrincipalId,
    PrincipalName, Reason, Timestamp,
};

use crate::cli::verdict::Verdict;

/// Who acted, as far as it is still known.
pub(crate) struct People {
    /// Users and service accounts.
    pub(crate) principals: HashMap<PrincipalId, Arc<Principal>>,
    /// The limits of keys, revoked ones included.
    pub(crate) limits: HashMap<CredentialId, Arc<Narrowing>>,
}

/// What would be otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Change {
    /// Allowed today.
    Denied,
    /// Secret values are revealed today; Prefect would be asked for masked ones.
    Masked,
    /// Refused today.
    Allowed,
}

impl Change {
    /// As it is printed.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Masked => "masked",
            Self::Allowed => "allowed",
        }
    }
}

/// The same thing that would become of the same operation of the same actor.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kind {
    /// What would be otherwise.
    pub(crate) change: Change,
    /// The actor's name, as it was.
    pub(crate) actor: String,
    /// The actor's id.
    pub(crate) actor_id: String,
    /// Where.
    pub(crate) workspace: String,
    /// What.
    pub(crate) operation: String,
    /// Why it is refused, today or then.
    pub(crate) reason: &'static str,
    /// What is lacking.
    pub(crate) lacking: Vec<&'static str>,
}

/// How often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tally {
    /// How many events.
    pub(crate) count: u64,
    /// The first of them.
    pub(crate) first: Timestamp,
    /// The last.
    pub(crate) last: Timestamp,
}

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Rulings {
    /// What would be otherwise, by kind.
    pub(crate) changes: BTreeMap<Kind, Tally>,
    /// Events that were decided again.
    pub(crate) judged: u64,
    /// Events whose operation or path this program does not know any more.
    pub(crate) unknown: u64,
    /// Events that ended otherwise than they would today, whatever the file says.
    pub(crate) already: u64,
    /// Events whose body could matter, and was not looked at when they were recorded.
    pub(crate) bodies_unknown: u64,
}

/// A no, or a yes.
type Ruling = Result<(), (Change, Reason, PermissionSet)>;

impl Rulings {
    /// Decides one event by both.
    pub(crate) fn judge(&mut self, event: &AuditEvent, people: &People, today: &AccessView, then: &AccessView) {
        let Some(identity) = people.identity(event).filter(|_| rests_on_policy(event)) else { return };
        let (Some(now), Some(later)) = (rule(event, &identity, today), rule(event, &identity, then)) else {
            self.unknown += 1;
            return;
        };
        self.judged += 1;
        self.bodies_unknown += u64::from(now.body_unknown || later.body_unknown);
        // Roles have changed since: what the file would change about it says nothing of what happened.
        if now.ruling.is_ok() != (event.outcome == Outcome::Allowed) {
            self.already += 1;
            return;
        }
        let (change, reason, lacking) = match (now.ruling, later.ruling) {
            (Ok(()), Err(no)) => no,
            (Err((_, reason, lacking)), Ok(())) => (Change::Allowed, reason, lacking),
            (Ok(()), Ok(())) | (Err(_), Err(_)) => return,
        };
        self.note(event, change, reason, lacking);
    }

    fn note(&mut self, event: &AuditEvent, change: Change, reason: Reason, lacking: PermissionSet) {
        let kind = Kind {
            change,
            actor: event.actor.name.clone(),
            actor_id: event.actor.id.clone(),
            workspace: event.workspace.as_ref().map(ToString::to_string).unwrap_or_default(),
            operation: event.operation.clone(),
            reason: reason.code(),
            lacking: lacking.iter().map(Permission::as_str).collect(),
        };
        let tally = self.changes.entry(kind).or_insert(Tally { count: 0, first: event.at, last: event.at });
        tally.count += 1;
        tally.first = tally.first.min(event.at);
        tally.last = tally.last.max(event.at);
    }
}

impl People {
    /// Who acted, with the limits of the key; nobody for what is no request of a principal's.
    fn identity(&self, event: &AuditEvent) -> Option<Identity> {
        let credential = event.credential.clone()?;
        let id = PrincipalId::from(event.actor.id.as_str());
        let principal = match self.principals.get(&id) {
            Some(principal) => Arc::clone(principal),
            // Removed since: whatever the file says, no grant is theirs.
            None => Arc::new(Principal {
                id,
                kind: event.actor.kind?,
                name: PrincipalName::parse(&event.actor.name).ok()?,
                disabled: false,
                created_at: Timestamp::default(),
            }),
        };
        let narrowing = self.limits.get(&credential.id).cloned();
        Some(Identity { principal, credential, narrowing, viewing: None })
    }
}

/// Whether an event is about an operation of Prefect's, and was not refused for something that no role changes.
fn rests_on_policy(event: &AuditEvent) -> bool {
    // A key that is too narrow stays so, whatever its owner may.
    const OF_POLICY: [Reason; 2] = [Reason::PermissionDenied, Reason::NotAMember];
    let refused_otherwise = event.outcome == Outcome::Refused && !OF_POLICY.iter().any(|of| of.code() == event.reason);
    event.workspace.is_some() && event.operation.contains(' ') && !refused_otherwise
}

struct Ruled {
    ruling: Ruling,
    body_unknown: bool,
}

/// Decides an event by an access; nothing when the table has no such operation at this path.
fn rule(event: &AuditEvent, identity: &Identity, access: &AccessView) -> Option<Ruled> {
    let operation = OPERATIONS.iter().find(|operation| operation.name() == event.operation)?;
    let workspace = event.workspace.as_ref()?;
    let verdict = Verdict::reach(operation.verb.as_str(), &event.object, identity, access, workspace);
    if verdict.operation != Some(operation) {
        return None;
    }
    let permit = match verdict.decision {
        Ok(permit) => permit?,
        Err(denial) => {
            let ruling = Err((Change::Denied, denial.reason, denial.lacking));
            return Some(Ruled { ruling, body_unknown: false });
        }
    };
    // Only what reveals secrets is on record of these.
    let (demands, change) = match operation.inspect {
        Inspect::SecretsInQuery | Inspect::SecretsInBody => (Some(secret_blocks()), Change::Masked),
        _ => (event.demands.clone(), Change::Denied),
    };
    let body_unknown = demands.is_none() && !permit.meets_all();
    let checked = permit.check_demands(&demands.unwrap_or_default());
    Some(Ruled { ruling: checked.map_err(|denial| (change, denial.reason, denial.lacking)), body_unknown })
}

fn secret_blocks() -> Demands {
    let mut demands = Demands::default();
    demands.add(PermissionSet::of(&[Permission::SeeSecretBlocks]));
    demands
}

#[cfg(test)]
mod tests;
