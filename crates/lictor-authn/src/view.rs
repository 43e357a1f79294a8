//! What does the store say, as of its last change? An immutable snapshot that answers without I/O or locks.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use lictor_authz::AccessView;
use lictor_model::{
    AccountRole, CredentialId, CredentialKind, CredentialRef, Digest, FactorDuty, Identity, Narrowing, Principal,
    PrincipalId, PrincipalKind, PrincipalName, Reason, Timestamp,
};
use lictor_store::{Directory, KeyRow, PasswordRow};

use crate::attempt::Rejection;
use crate::shards::Shards;
pub(crate) use crate::signed_in::{Session, Sessions};

/// People, their credentials and what they may, as of one state of the store.
#[derive(Debug)]
pub struct View {
    /// Who may what.
    pub access: Arc<AccessView>,
    pub(crate) people: Arc<People>,
    pub(crate) sessions: Arc<Sessions>,
}

impl View {
    /// Of no version that a store has: the first poll replaces it.
    pub(crate) fn empty() -> Self {
        Self {
            access: Arc::new(AccessView::default()),
            people: Arc::new(People { version: i64::MIN, ..People::default() }),
            sessions: Arc::new(Sessions { version: i64::MIN, ..Sessions::default() }),
        }
    }

    /// Takes in what was loaded: everything, or what moved.
    pub(crate) fn take_in(&mut self, mut directory: Directory) {
        let Some(part) = directory.part.take() else {
            self.access = Arc::new(AccessView::build(&directory.assignments));
            self.people = Arc::new(People::build(directory));
            return;
        };
        let (of, now) = (&part.of, &directory.assignments);
        let access = if part.has_access_of_all { AccessView::build(now) } else { self.access.moved(of, now) };
        self.access = Arc::new(access);
        self.people = Arc::new(self.people.moved(&part.of, part.has_access_of_all, directory));
    }

    /// As of which version of the store's directory it is.
    #[must_use]
    pub fn version(&self) -> i64 {
        self.people.version
    }

    /// Whether the principal signed in with a first password, given by somebody else, and must change it.
    #[must_use]
    pub fn must_change_password(&self, principal: &PrincipalId) -> bool {
        self.people.passwords_by_principal.get(principal).is_some_and(|password| password.must_change)
    }

    /// Whether the principal has a password here: who signs in at a provider has none, unless somebody gave them one.
    #[must_use]
    pub fn has_password(&self, principal: &PrincipalId) -> bool {
        self.people.password_of(principal).is_some()
    }

    /// Whether the principal has a second factor.
    #[must_use]
    pub fn has_factor(&self, principal: &PrincipalId) -> bool {
        self.people.factor_owners.contains(principal)
    }

    /// Whether a role of the principal demands a second factor.
    #[must_use]
    pub fn must_have_factor(&self, principal: &PrincipalId) -> bool {
        self.people.duty.binds(principal)
    }

    /// Whether a password alone says too little about this principal.
    pub(crate) fn needs_factor(&self, principal: &PrincipalId) -> bool {
        self.has_factor(principal) || self.must_have_factor(principal)
    }

    /// Whether the session lacks the second factor that its person has or must have.
    pub(crate) fn is_half(&self, session: &Session) -> bool {
        session.factor.is_none() && self.needs_factor(&session.principal)
    }

    /// How many keys in use end within so many seconds and have no successor.
    #[must_use]
    pub fn keys_ending_within(&self, seconds: i64, now: Timestamp) -> usize {
        let ends = |key: &&Arc<Key>| key.expires_at.is_some_and(|end| end <= now.plus_seconds(seconds));
        self.people.keys.values().filter(ends).filter(|key| key.is_missed && key.is_good(now).is_ok()).count()
    }

    /// When a provider last said that the person is signed out there; whoever saw another answer before was told since.
    #[must_use]
    pub fn signed_out_at(&self, principal: &PrincipalId) -> Option<Timestamp> {
        self.sessions.signed_out.get(principal).copied()
    }

    /// The identity of a session as it sees: through its own eyes, or through those of whom its owner views as. A view that has
    /// lost its ground ends the session, so that nobody acts as themselves where they think that they only look.
    pub(crate) fn through_other_eyes(&self, session: &Session, own: Identity) -> Result<Identity, Reason> {
        let Some(viewed) = &session.viewing else { return Ok(own) };
        let is_owner = self.access.account_role(&session.principal) == AccountRole::Owner;
        let viewed = self.principal(viewed).filter(|viewed| is_owner && !viewed.disabled);
        let viewing = viewed.ok_or(Reason::SessionEnded)?;
        Ok(Identity { viewing: Some(Arc::clone(viewing)), ..own })
    }

    /// The principal, if it still exists.
    #[must_use]
    pub fn principal(&self, id: &PrincipalId) -> Option<&Arc<Principal>> {
        self.people.principals.get(id)
    }
}

/// Principals, passwords and keys.
#[derive(Debug, Default, Clone)]
pub(crate) struct People {
    pub(crate) version: i64,
    principals: HashMap<PrincipalId, Arc<Principal>>,
    named: HashMap<PrincipalName, Arc<Principal>>,
    passwords: HashMap<Box<str>, Arc<Password>>,
    passwords_by_principal: HashMap<PrincipalId, Arc<Password>>,
    keys: Shards<Digest, Arc<Key>>,
    keys_by_id: Shards<CredentialId, Arc<Key>>,
    /// What is to be taken out of both when somebody's keys are read anew.
    keys_of: HashMap<PrincipalId, Vec<(Digest, CredentialId)>>,
    factor_owners: HashSet<PrincipalId>,
    duty: FactorDuty,
}

/// A user's password.
#[derive(Debug)]
pub(crate) struct Password {
    pub(crate) principal: Arc<Principal>,
    pub(crate) row: PasswordRow,
    must_change: bool,
}

/// An API key.
#[derive(Debug)]
pub(crate) struct Key {
    principal: Arc<Principal>,
    id: CredentialId,
    expires_at: Option<Timestamp>,
    is_revoked: bool,
    is_disabled: bool,
    /// Whether somebody should see to it before it ends.
    is_missed: bool,
    narrowing: Option<Arc<Narrowing>>,
    /// Of the token that it was given for.
    issuer: Option<Box<str>>,
    noted: AtomicI64,
}

impl People {
    pub(crate) fn build(directory: Directory) -> Self {
        let duty = FactorDuty::work_out(&directory.assignments);
        let mut people = Self { duty, ..Self::default() };
        people.add(directory);
        people
    }

    /// The same after some of them moved: what there was of them is gone, and what the directory has of them is there.
    pub(crate) fn moved(&self, of: &[PrincipalId], has_access_of_all: bool, directory: Directory) -> Self {
        let mut people = self.clone();
        people.duty = if has_access_of_all {
            FactorDuty::work_out(&directory.assignments)
        } else {
            self.duty.moved(of, &directory.assignments)
        };
        for id in of {
            people.take_out(id);
        }
        people.add(directory);
        people
    }

    fn take_out(&mut self, id: &PrincipalId) {
        if let Some(principal) = self.principals.remove(id) {
            self.named.remove(&principal.name);
            self.passwords.remove(principal.name.as_str());
        }
        self.passwords_by_principal.remove(id);
        self.factor_owners.remove(id);
        for (digest, key) in self.keys_of.remove(id).unwrap_or_default() {
            self.keys.remove(&digest);
            self.keys_by_id.remove(&key);
        }
    }

    fn add(&mut self, directory: Directory) {
        self.version = directory.version;
        self.factor_owners.extend(directory.factor_owners);
        for principal in directory.principals {
            let principal = Arc::new(principal);
            self.named.insert(principal.name.clone(), Arc::clone(&principal));
            self.principals.insert(principal.id.clone(), principal);
        }
        for row in directory.passwords {
            self.add_password(row);
        }
        // A key and its successor are of one owner, and so are here together.
        let replaced: HashSet<CredentialId> = directory.keys.iter().filter_map(|key| key.replaces.clone()).collect();
        for row in directory.keys {
            self.add_key(row, &replaced);
        }
    }

    fn add_password(&mut self, row: PasswordRow) {
        // The store gives a service account no password; were there one, it would not count.
        let Some(principal) = self.principals.get(&row.principal).filter(|one| one.kind == PrincipalKind::User) else {
            return;
        };
        let principal = Arc::clone(principal);
        let password = Arc::new(Password { must_change: row.must_change, principal, row });
        self.passwords.insert(password.principal.name.as_str().into(), Arc::clone(&password));
        self.passwords_by_principal.insert(password.principal.id.clone(), password);
    }

    fn add_key(&mut self, row: KeyRow, replaced: &HashSet<CredentialId>) {
        let Some(principal) = self.principals.get(&row.principal) else { return };
        let key = Arc::new(Key {
            principal: Arc::clone(principal),
            is_missed: row.issuer.is_none() && !replaced.contains(&row.id),
            id: row.id,
            expires_at: row.expires_at,
            is_revoked: row.revoked_at.is_some(),
            is_disabled: row.disabled,
            narrowing: row.narrowing.map(Arc::new),
            issuer: row.issuer.map(String::into_boxed_str),
            noted: AtomicI64::default(),
        });
        self.keys_of.entry(row.principal).or_default().push((row.digest, key.id.clone()));
        self.keys_by_id.insert(key.id.clone(), Arc::clone(&key));
        self.keys.insert(row.digest, key);
    }

    /// Whoever has this name.
    pub(crate) fn named(&self, name: &PrincipalName) -> Option<&Arc<Principal>> {
        self.named.get(name)
    }

    /// The password of an enabled user of this name.
    pub(crate) fn password(&self, name: &str) -> Option<&Arc<Password>> {
        self.passwords.get(name).filter(|password| !password.principal.disabled)
    }

    /// The password of a principal, whatever it may.
    pub(crate) fn password_of(&self, principal: &PrincipalId) -> Option<&Arc<Password>> {
        self.passwords_by_principal.get(principal)
    }

    /// The key with this digest.
    pub(crate) fn key(&self, digest: &Digest) -> Option<&Key> {
        self.keys.get(digest).map(Arc::as_ref)
    }

    /// The key with this id.
    pub(crate) fn key_by_id(&self, id: &CredentialId) -> Option<&Key> {
        self.keys_by_id.get(id).map(Arc::as_ref)
    }

    /// The principal that a session is of, while it is an enabled user.
    pub(crate) fn user(&self, id: &PrincipalId) -> Result<&Arc<Principal>, Reason> {
        match self.principals.get(id).filter(|principal| principal.kind == PrincipalKind::User) {
            Some(principal) if principal.disabled => Err(Reason::PrincipalDisabled),
            Some(principal) => Ok(principal),
            None => Err(Reason::SessionEnded),
        }
    }
}

impl Password {
    pub(crate) fn identity(&self) -> Identity {
        identity(&self.principal, CredentialKind::Password, &self.row.id)
    }
}

impl Key {
    /// Whether the key is good now and here, and whether it belongs to the name that came with it.
    pub(crate) fn judge(&self, named: Option<&str>, from: IpAddr, now: Timestamp) -> Result<Identity, Rejection> {
        let reason = if named.is_some_and(|name| name != self.principal.name.as_str()) {
            Reason::KeyOfAnother
        } else if let Err(reason) = self.is_good(now) {
            reason
        } else if self.narrowing.as_ref().is_some_and(|narrowing| !narrowing.admits_address(from)) {
            Reason::KeyFromElsewhere
        } else {
            return Ok(self.identity());
        };
        let claimed = named.unwrap_or(self.principal.name.as_str());
        let credential = Some(self.identity().credential);
        Err(Rejection { credential, ..Rejection::of(reason, claimed) })
    }

    pub(crate) fn is_good(&self, now: Timestamp) -> Result<(), Reason> {
        if self.is_revoked {
            Err(Reason::RevokedKey)
        } else if self.is_disabled {
            Err(Reason::DisabledKey)
        } else if self.expires_at.is_some_and(|end| now >= end) {
            Err(Reason::ExpiredKey)
        } else if self.principal.disabled {
            Err(Reason::PrincipalDisabled)
        } else {
            Ok(())
        }
    }

    /// The issuer of the token that it was given for, if it was.
    pub(crate) fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// Whether a use now should be written down: one a second is enough.
    pub(crate) fn should_note(&self, now: Timestamp) -> bool {
        let before = self.noted.load(Ordering::Relaxed);
        now.as_micros().saturating_sub(before) >= 1_000_000
            && self.noted.compare_exchange(before, now.as_micros(), Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    fn identity(&self) -> Identity {
        let identity = identity(&self.principal, CredentialKind::Key, &self.id);
        Identity { narrowing: self.narrowing.clone(), ..identity }
    }
}

pub(crate) fn identity(principal: &Arc<Principal>, kind: CredentialKind, id: &CredentialId) -> Identity {
    Identity {
        principal: Arc::clone(principal),
        credential: CredentialRef { kind, id: id.clone() },
        narrowing: None,
        viewing: None,
    }
}
