//! What is in the store? The rows as other crates see them.

use lictor_model::{
    ApiKey, Assignments, CredentialId, Demands, Digest, EventId, FactorKind, Narrowing, Outcome, Principal,
    PrincipalId, PrincipalKind, PrincipalName, RoleName, Scope, Timestamp, WorkspaceName,
};

/// The versions of what replicas hold in memory: a change moves its own forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Versions {
    /// Of principals, passwords, keys, roles, teams and grants.
    pub directory: i64,
    /// Of sessions.
    pub sessions: i64,
    /// Of bans.
    pub bans: i64,
}

/// All that a decision needs, as of one version.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    /// As of which version.
    pub version: i64,
    /// Users and service accounts, disabled ones included.
    pub principals: Vec<Principal>,
    /// Passwords, hashed.
    pub passwords: Vec<PasswordRow>,
    /// Users who have a second factor.
    pub factor_owners: Vec<PrincipalId>,
    /// API keys, revoked and expired ones included.
    pub keys: Vec<KeyRow>,
    /// Custom roles, grants and teams.
    pub assignments: Assignments,
    /// Whose it is alone; `None` for everybody's.
    pub part: Option<Part>,
}

/// A part of the directory: all that there is of some principals, who may be gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Of these.
    pub of: Vec<PrincipalId>,
    /// Whether the grants and memberships are everybody's all the same; roles and teams always are.
    pub has_access_of_all: bool,
}

/// A password, hashed.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordRow {
    /// Whose.
    pub principal: PrincipalId,
    /// Another one with every change of the password.
    pub id: CredentialId,
    /// In PHC or crypt form.
    pub hash: String,
    /// Whether it must be changed at the next sign-in.
    pub must_change: bool,
    /// Since when it is.
    pub changed_at: Timestamp,
}

impl std::fmt::Debug for PasswordRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the hash: it may be guessed against.
        f.debug_struct("PasswordRow").field("principal", &self.principal).field("id", &self.id).finish_non_exhaustive()
    }
}

/// An API key; its digest does not print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    /// How it is revoked and recorded.
    pub id: CredentialId,
    /// Whose.
    pub principal: PrincipalId,
    /// What it is for.
    pub label: String,
    /// How it is recognised.
    pub digest: Digest,
    /// Its last four characters, for lists.
    pub hint: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends; `None` for never.
    pub expires_at: Option<Timestamp>,
    /// The role of its owner that lets no key grow older, where that is what ends it.
    pub ended_by: Option<RoleName>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// Whether it is out of use for a while.
    pub disabled: bool,
    /// The key that it replaces.
    pub replaces: Option<CredentialId>,
    /// What it may do at most; `None` when it may do what its owner may.
    pub narrowing: Option<Narrowing>,
    /// The issuer of the token that it was given for, where it was: then it ends with that, and has no successor.
    pub issuer: Option<String>,
    /// When and by whom it was last used; some seconds late.
    pub last_used: Option<LastUse>,
}

/// What a key is good for at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// It is good.
    Active,
    /// It was revoked, for good.
    Revoked,
    /// It is out of use for a while.
    Disabled,
    /// It is past its end.
    Expired,
}

impl KeyState {
    /// As lists and JSON show it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Revoked => "revoked",
            Self::Disabled => "disabled",
            Self::Expired => "expired",
        }
    }
}

impl KeyRow {
    /// What the key is good for at the moment.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> KeyState {
        if self.revoked_at.is_some() {
            KeyState::Revoked
        } else if self.disabled {
            KeyState::Disabled
        } else if self.expires_at.is_some_and(|end| end <= now) {
            KeyState::Expired
        } else {
            KeyState::Active
        }
    }

    /// Whether it is good now and will not be in so many seconds; one given for a token is meant to end.
    #[must_use]
    pub fn ends_within(&self, seconds: i64, now: Timestamp) -> bool {
        let ends = self.expires_at.is_some_and(|end| end <= now.plus_seconds(seconds));
        ends && self.issuer.is_none() && self.state(now) == KeyState::Active
    }

    /// Whether it was used at that moment or later, as far as is known.
    #[must_use]
    pub fn used_since(&self, moment: Timestamp) -> Option<&LastUse> {
        self.last_used.as_ref().filter(|used| used.at >= moment)
    }
}

/// The last use of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastUse {
    /// When.
    pub at: Timestamp,
    /// From where.
    pub client_ip: String,
    /// By which Prefect client, if it said.
    pub client_version: String,
}

/// A signed-in browser; its digest does not print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// How it is ended and recorded.
    pub id: CredentialId,
    /// Whose.
    pub principal: PrincipalId,
    /// How its cookie is recognised.
    pub digest: Digest,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used; some seconds late.
    pub last_seen_at: Timestamp,
    /// When it ends, used or not.
    pub expires_at: Timestamp,
    /// From where it was begun.
    pub client_ip: String,
    /// By which browser it was begun.
    pub user_agent: String,
    /// When its person last proved who they are.
    pub proved_at: Timestamp,
    /// By which second factor; `None` for none.
    pub factor: Option<FactorKind>,
    /// Whose rights it looks through; `None` for its own.
    pub viewing: Option<PrincipalId>,
}

/// A session that began at a provider; its tokens are sealed, and do not print all the same.
#[derive(Clone, PartialEq, Eq)]
pub struct ExternalSessionRow {
    /// Which session.
    pub session: CredentialId,
    /// Whose.
    pub principal: PrincipalId,
    /// The provider, as the configuration names it.
    pub provider: String,
    /// The provider, as it names itself.
    pub issuer: String,
    /// The person, as the provider names them.
    pub subject: String,
    /// The session, as the provider names it.
    pub sid: Option<String>,
    /// What asks for the claims again; `None` when the provider gave nothing for that.
    pub refresh_token: Option<String>,
    /// What tells the provider at sign-out whose session it is.
    pub id_token: Option<String>,
    /// When the provider was last asked.
    pub checked_at: Timestamp,
}

impl std::fmt::Debug for ExternalSessionRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("ExternalSessionRow");
        shown.field("session", &self.session).field("provider", &self.provider).finish_non_exhaustive()
    }
}

/// A provider's person who may be new here.
#[derive(Debug, Clone)]
pub struct NewExternalAccount {
    /// The provider, as it names itself.
    pub issuer: String,
    /// The person, as the provider names them.
    pub subject: String,
    /// The provider, as the configuration names it.
    pub provider: String,
    /// Names for the account, the best first.
    pub names: Vec<PrincipalName>,
}

/// A principal to be added.
#[derive(Clone)]
pub struct NewPrincipal {
    /// What it is.
    pub kind: PrincipalKind,
    /// Its name.
    pub name: PrincipalName,
    /// A user's password: its hash, and whether it must be changed at the next sign-in.
    pub password: Option<(String, bool)>,
    /// A role to begin with.
    pub role: Option<(RoleName, Scope)>,
}

impl std::fmt::Debug for NewPrincipal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the hash: it may be guessed against.
        let mut shown = f.debug_struct("NewPrincipal");
        shown.field("kind", &self.kind).field("name", &self.name).field("role", &self.role).finish_non_exhaustive()
    }
}

/// A key to be added.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// Whose.
    pub principal: PrincipalName,
    /// What it is for.
    pub label: String,
    /// How it will be recognised.
    pub digest: Digest,
    /// Its last four characters.
    pub hint: String,
    /// When it ends; `None` for never.
    pub expires_at: Option<Timestamp>,
    /// What it may do at most; `None` when it may do what its owner may.
    pub narrowing: Option<Narrowing>,
}

/// The secret of a key, as the store knows it.
#[derive(Debug, Clone)]
pub struct NewSecret {
    /// How the key will be recognised.
    pub digest: Digest,
    /// Its last four characters.
    pub hint: String,
}

impl From<&ApiKey> for NewSecret {
    fn from(key: &ApiKey) -> Self {
        Self { digest: key.digest(), hint: key.hint() }
    }
}

/// A key and the one that replaces it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// The old key, which goes on until its end.
    pub old: KeyRow,
    /// Its successor.
    pub new: KeyRow,
}

/// Which audit events to list, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditFilter {
    /// Of this actor: the name as it was, or the principal's id.
    pub actor: Option<String>,
    /// Of this operation.
    pub operation: Option<String>,
    /// Not older than this.
    pub since: Option<Timestamp>,
    /// Older than this.
    pub until: Option<Timestamp>,
    /// Ended like this.
    pub outcome: Option<Outcome>,
    /// At most so many.
    pub limit: u32,
    /// Recorded before this event: the last one of the page before.
    pub before: Option<EventId>,
    /// Recorded after this event, and next to it: the first one of the page behind.
    pub after: Option<EventId>,
}

impl AuditFilter {
    /// Whether it is about one actor or operation.
    pub(crate) const fn is_of_some(&self) -> bool {
        self.actor.is_some() || self.operation.is_some()
    }
}

impl Default for AuditFilter {
    fn default() -> Self {
        Self {
            actor: None,
            operation: None,
            since: None,
            until: None,
            outcome: None,
            limit: 100,
            before: None,
            after: None,
        }
    }
}

/// An automation and who answers for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutomationRow {
    /// Prefect's id of it.
    pub id: String,
    /// In which workspace.
    pub workspace: WorkspaceName,
    /// Its name when it was saved.
    pub name: String,
    /// What it belongs to, as `prefect.deployment.…`; empty for nothing.
    pub owner_resource: String,
    /// Who saved it last.
    pub principal: PrincipalId,
    /// The name as it was.
    pub principal_name: String,
    /// What its actions need.
    pub demands: Demands,
    /// When.
    pub saved_at: Timestamp,
}

/// What was done to automations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AutomationChange {
    /// Made, or changed in what it does.
    Saved(AutomationRow),
    /// Deleted.
    Removed {
        /// Where.
        workspace: WorkspaceName,
        /// Which.
        id: String,
    },
    /// All that belong to something deleted, as a deployment's before its triggers are replaced.
    RemovedOf {
        /// Where.
        workspace: WorkspaceName,
        /// What they belong to.
        owner_resource: String,
    },
}
