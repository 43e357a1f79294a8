//! Which API keys are there? Made once, shown once, then masked.

use std::collections::HashMap;

use lictor_authz::Deed;
use lictor_model::{ApiKey, CredentialId, Narrowing, Principal, PrincipalId, PrincipalName, Timestamp};
use lictor_store::{KeyRow, KeyState, NewSecret, Owned, Rotation};

use crate::administration::Administration;
use crate::error::ManageError;
use crate::text;

/// Keys in use of one principal: each is held in memory by every replica.
pub const MOST_KEYS: usize = 1000;
/// The longest that a key goes on beside its successor, in seconds.
const LONGEST_OVERLAP: i64 = 365 * 86_400;

/// A key to be made.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// Whose.
    pub owner: PrincipalName,
    /// What it is for.
    pub label: String,
    /// When it ends; `None` for never.
    pub expires_at: Option<Timestamp>,
    /// What it may do at most.
    pub narrowing: Option<Narrowing>,
}

/// Keys, and what is to be known of them besides.
#[derive(Debug)]
pub struct Keyring {
    keys: Vec<KeyRow>,
    owners: HashMap<PrincipalId, Principal>,
    successors: HashMap<CredentialId, usize>,
    /// The moment that they are shown at.
    pub now: Timestamp,
}

impl Keyring {
    /// The keys, oldest first.
    #[must_use]
    pub fn keys(&self) -> &[KeyRow] {
        &self.keys
    }

    /// Whose it is.
    #[must_use]
    pub fn owner(&self, key: &KeyRow) -> &str {
        self.owners.get(&key.principal).map(|owner| owner.name.as_str()).unwrap_or_default()
    }

    /// The key that replaces it.
    #[must_use]
    pub fn successor(&self, key: &KeyRow) -> Option<&KeyRow> {
        self.successors.get(&key.id).and_then(|at| self.keys.get(*at))
    }
}

impl Administration {
    /// All keys, or those of somebody.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn keys(&self, owner: Option<&PrincipalName>) -> Result<Keyring, ManageError> {
        self.look(&Deed::Oversee)?;
        // Before the time is looked at, so that what was made a moment ago is not in the future.
        let keys = self.store.list_keys(owner).await?;
        let owners = self.store.list_principals(None).await?;
        let replaced = |(at, key): (usize, &KeyRow)| key.replaces.clone().map(|old| (old, at));
        Ok(Keyring {
            successors: keys.iter().enumerate().filter_map(replaced).collect(),
            owners: owners.into_iter().map(|owner| (owner.id.clone(), owner)).collect(),
            now: self.clock.now(),
            keys,
        })
    }

    /// Makes a key. The secret is in nobody's hands but the caller's.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn make_key(&self, new: NewKey) -> Result<(ApiKey, KeyRow), ManageError> {
        let object = format!("of {}", new.owner);
        self.admit("key.create", &object).await?;
        let owner = self.find_any(&new.owner).await?;
        let store = self.permit("key.create", &object, Deed::Secret(owner.id, owner.kind)).await?;
        text::check("label", &new.label, text::LABEL)?;
        if let Some(workspace) = new.narrowing.as_ref().and_then(|narrowing| narrowing.workspace.as_ref()) {
            self.check_workspace(workspace)?;
        }
        let now = self.clock.now();
        if new.expires_at.is_some_and(|end| end <= now) {
            return Err(ManageError::Past);
        }
        let held = self.store.list_keys(Some(&new.owner)).await?;
        if held.iter().filter(|key| key.state(now) == KeyState::Active).count() >= MOST_KEYS {
            return Err(ManageError::TooManyKeys { owner: new.owner.to_string(), most: MOST_KEYS });
        }
        let secret = ApiKey::generate()?;
        let row = lictor_store::NewKey {
            principal: new.owner,
            label: new.label,
            digest: secret.digest(),
            hint: secret.hint(),
            expires_at: new.expires_at,
            narrowing: new.narrowing,
        };
        let made = store.add_key(&self.by, row).await?;
        Ok((secret, made))
    }

    /// Gives a key a successor; both are good for so many seconds.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn rotate_key(&self, which: &str, overlap: i64) -> Result<(ApiKey, Rotation), ManageError> {
        self.admit("key.rotate", which).await?;
        let (key, owner) = self.choose_key(which).await?;
        let store = self.permit("key.rotate", key.id.as_str(), Deed::Secret(owner.id, owner.kind)).await?;
        if !(0..=LONGEST_OVERLAP).contains(&overlap) {
            return Err(ManageError::Length { what: "overlap", most: "365d" });
        }
        let secret = ApiKey::generate()?;
        let rotation = store.rotate_key(&self.by, key.id.as_str(), NewSecret::from(&secret), overlap).await?;
        Ok((secret, rotation))
    }

    /// Puts a key out of use for a while, or into use again.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn set_key_disabled(&self, which: &str, disabled: bool) -> Result<KeyRow, ManageError> {
        let operation = if disabled { "key.disable" } else { "key.enable" };
        self.admit(operation, which).await?;
        let (key, owner) = self.choose_key(which).await?;
        let store = self.permit(operation, key.id.as_str(), Deed::Principal(owner.id)).await?;
        Ok(store.set_key_disabled(&self.by, key.id.as_str(), disabled).await?)
    }

    /// Revokes a key, for good.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn revoke_key(&self, which: &str) -> Result<KeyRow, ManageError> {
        self.admit("key.revoke", which).await?;
        let (key, owner) = self.choose_key(which).await?;
        let store = self.permit("key.revoke", key.id.as_str(), Deed::Principal(owner.id)).await?;
        Ok(store.revoke_key(&self.by, key.id.as_str()).await?)
    }

    /// The key of exactly that id, and whose it is.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn key(&self, id: &CredentialId) -> Result<KeyRow, ManageError> {
        self.look(&Deed::Oversee)?;
        Ok(self.store.find_key(id).await?.row)
    }

    /// The key of exactly that id, with whose it is.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn owned_key(&self, id: &CredentialId) -> Result<Owned<KeyRow>, ManageError> {
        self.look(&Deed::Oversee)?;
        Ok(self.store.find_key(id).await?)
    }

    /// Whose keys are asked for.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn key_owner(&self, name: &PrincipalName) -> Result<Principal, ManageError> {
        self.look(&Deed::Oversee)?;
        self.find_any(name).await
    }

    /// The same, for an operation on it.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn exact_key(&self, operation: &str, id: &CredentialId) -> Result<KeyRow, ManageError> {
        self.admit(operation, id.as_str()).await?;
        self.key(id).await
    }

    /// The key of that id, or the only live one of that end or label, and whose it is.
    async fn choose_key(&self, which: &str) -> Result<(KeyRow, Principal), ManageError> {
        Ok(self.store.choose_key(which).await?)
    }
}
