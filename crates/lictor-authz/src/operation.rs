//! What is one row of the table? A verb and a path template, with what it needs, what it does and why.

use lictor_model::{Permission, PermissionSet};

/// How an operation is asked for: a method, or a websocket upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// `GET` without an upgrade.
    Get,
    /// `HEAD`: pages and static files only; no row of Prefect's API has it.
    Head,
    /// `POST`.
    Post,
    /// `PUT`.
    Put,
    /// `PATCH`.
    Patch,
    /// `DELETE`.
    Delete,
    /// A websocket: `GET` with an upgrade. Never reached by a plain `GET`.
    Socket,
}

impl Verb {
    /// Reads a method. Methods are case-sensitive (RFC 9110 §9.1); those that no row can have give `None`.
    #[must_use]
    pub fn from_method(method: &str) -> Option<Self> {
        match method {
            "GET" => Some(Self::Get),
            "HEAD" => Some(Self::Head),
            "POST" => Some(Self::Post),
            "PUT" => Some(Self::Put),
            "PATCH" => Some(Self::Patch),
            "DELETE" => Some(Self::Delete),
            _ => None,
        }
    }

    /// As operations are named: the method, or `SOCKET`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Socket => "SOCKET",
        }
    }
}

/// Who may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody, without a credential.
    Public,
    /// Any principal with at least one grant in the workspace.
    Member,
    /// A principal whose grants together hold every permission of the set.
    Needs(PermissionSet),
    /// A principal whose grants hold any permission of the set: the strongest is Cloud's, the others are narrower ones of ours.
    Either(PermissionSet),
    /// Nobody.
    Nobody,
}

impl Access {
    /// Needs all of these.
    pub(crate) const fn all_of(permissions: &[Permission]) -> Self {
        Self::Needs(PermissionSet::of(permissions))
    }

    /// Needs one of these.
    pub(crate) const fn one_of(permissions: &[Permission]) -> Self {
        Self::Either(PermissionSet::of(permissions))
    }

    /// Whether a member who holds these permissions may.
    #[must_use]
    pub fn admits(self, held: PermissionSet) -> bool {
        match self {
            Self::Public | Self::Member => true,
            Self::Needs(needed) => held.contains_all(needed),
            Self::Either(any) => any.iter().any(|permission| held.contains(permission)),
            Self::Nobody => false,
        }
    }

    /// What somebody who holds these permissions would have to be given: of several that would do, the narrowest.
    #[must_use]
    pub fn lacking(self, held: PermissionSet) -> PermissionSet {
        match self {
            Self::Needs(needed) => held.lacks(needed),
            // Ours are declared last.
            Self::Either(any) if !self.admits(held) => any.iter().last().into_iter().collect(),
            _ => PermissionSet::EMPTY,
        }
    }

    /// As the documentation shows it.
    #[must_use]
    pub fn to_text(self) -> String {
        match self {
            Self::Public => "public".to_owned(),
            Self::Member => "any member".to_owned(),
            Self::Nobody => "nobody".to_owned(),
            Self::Needs(needed) => needed.iter().map(Permission::as_str).collect::<Vec<_>>().join(", "),
            Self::Either(any) => any.iter().map(Permission::as_str).collect::<Vec<_>>().join(" or "),
        }
    }
}

/// What it does to Prefect: decides whether an audit event must be durable before the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Changes nothing.
    Read,
    /// Changes something on somebody's behalf: audited.
    Change,
    /// What running flows and workers send all the time (logs, events, polls, heartbeats, slots): not audited.
    Plumbing,
}

impl Effect {
    /// As the documentation shows it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Change => "change",
            Self::Plumbing => "plumbing",
        }
    }
}

/// Which fact beyond verb and path the decision rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Inspect {
    /// None.
    Nothing,
    /// `include_secrets` in the query.
    SecretsInQuery,
    /// `include_secrets` in the JSON body.
    SecretsInBody,
    /// What a run of a deployment is to be: with what, where, in which state.
    RunOfDeployment,
    /// What a run of its own is to be.
    NewRun,
    /// What is changed about a run.
    RunChange,
    /// Into which state a run is put, and by what right.
    State,
    /// Which runs are put into which state.
    StateOfMany,
    /// Which flow runs are deleted.
    FlowRunsToDelete,
    /// Which flows are deleted.
    FlowsToDelete,
    /// Which deployments are deleted.
    DeploymentsToDelete,
    /// What is changed about a deployment.
    DeploymentChange,
    /// What stands in parameters.
    Parameters,
    /// What an automation does.
    Automation,
    /// What an automation does that is enabled: read from Prefect, for the body does not say.
    Enabling,
    /// Which events are said to have happened.
    Events,
    /// Which events are asked for, and by what.
    EventFilter,
    /// Where a block type's links lead.
    BlockType,
    /// Nothing is decided; but what Python reads and Rust does not would make a list unreadable for everybody once it is stored.
    Strict,
    /// The schema that values are checked against: rewritten, so that it cannot keep Prefect busy or send it elsewhere.
    Schema,
}

/// Where the needed permission comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Basis {
    /// Prefect Cloud states this scope for the same operation.
    Cloud,
    /// Cloud states none: decided here, for the row's reason.
    Decided,
}

/// What the template is relative to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// The API mount (`/api`).
    Api,
    /// The root: Prefect's UI, its static files and the root application's documents.
    Root,
}

/// One thing a caller may ask of Prefect.
#[derive(Debug, PartialEq, Eq)]
pub struct Operation {
    /// Method or socket.
    pub verb: Verb,
    /// Path with `{parameters}`, relative to its place.
    pub template: &'static str,
    /// Who may.
    pub access: Access,
    /// What it does.
    pub effect: Effect,
    /// What else must be looked at.
    pub inspect: Inspect,
    /// Where the permission comes from.
    pub basis: Basis,
    /// Why this permission, or what to know about the row; empty where Cloud's scope speaks for itself.
    pub reason: &'static str,
    /// What the template is relative to.
    pub place: Place,
    pub(crate) name: &'static str,
}

impl Operation {
    /// The stable name in audit events, metrics and the CLI: `POST /flow_runs/{id}/set_state`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Whether it opens a websocket.
    #[must_use]
    pub fn is_socket(&self) -> bool {
        self.verb == Verb::Socket
    }
}

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}
