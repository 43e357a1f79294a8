//! Which keys would end at once if a role bounded their age?

use std::collections::HashMap;

use lictor_authz::Deed;
use lictor_authz::roles::find_built_in;
use lictor_model::{KeyAges, MaxKeyAge, Principal, PrincipalId, PrincipalName, RoleName};
use lictor_store::{KeyRow, KeyState, StoreError};

use super::MOST;
use crate::administration::Administration;
use crate::error::ManageError;
use crate::roles::check_age;

/// Keys in use that would end.
#[derive(Debug)]
pub struct Ended {
    /// The first of them, with their owners.
    pub keys: Vec<(PrincipalName, KeyRow)>,
    /// How many there are.
    pub count: usize,
}

impl Administration {
    /// The keys in use that are older than so many seconds already, and whose owners have the role or one based on it.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn keys_ended_by(&self, role: &RoleName, seconds: i64) -> Result<Ended, ManageError> {
        self.look(&Deed::Demand(role.clone()))?;
        check_age(seconds)?;
        let mut after = self.store.load_assignments().await?;
        if find_built_in(role).is_none() && after.roles.iter().all(|one| one.name != *role) {
            return Err(StoreError::UnknownRole(role.to_string()).into());
        }
        after.key_ages.retain(|age| age.role != *role);
        after.key_ages.push(MaxKeyAge { role: role.clone(), seconds });
        let ages = KeyAges::work_out(&after);
        let principals = self.store.list_principals(None).await?;
        let names: HashMap<&PrincipalId, &Principal> = principals.iter().map(|one| (&one.id, one)).collect();
        let keys = self.store.list_keys(None).await?;
        let now = self.clock.now();
        let is_over = |key: &KeyRow| {
            let bound = ages.of(&key.principal).map(|age| age.end(key.created_at));
            key.state(now) == KeyState::Active && bound.is_some_and(|end| end <= now)
        };
        let mut over = keys.into_iter().filter(is_over).collect::<Vec<_>>();
        let count = over.len();
        over.truncate(usize::try_from(MOST).unwrap_or(usize::MAX));
        let named = |key: KeyRow| Some((names.get(&key.principal)?.name.clone(), key));
        Ok(Ended { keys: over.into_iter().filter_map(named).collect(), count })
    }
}
