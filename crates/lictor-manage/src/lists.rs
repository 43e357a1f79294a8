//! What stands on a page of a list that may be long? A page at a time, and where the next one begins.

use lictor_authz::Deed;
use lictor_model::{Principal, RoleName, Timestamp};
use lictor_store::{AuditFilter, KeyFilter, KeyRow, Owned, PrincipalFilter, SessionFilter, SessionRow, Stretch};

use crate::administration::Administration;
use crate::error::ManageError;

/// A page of a list.
#[derive(Debug)]
pub struct Listed<T> {
    /// What stands on it.
    pub rows: Vec<T>,
    /// Where the next one begins, if there is one.
    pub next: Option<String>,
}

impl<T> Listed<T> {
    /// Of one row more than is shown, which says whether there is more.
    pub fn new(mut rows: Vec<T>, limit: u32, cursor: impl Fn(&T) -> String) -> Self {
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let is_more = rows.len() > most;
        rows.truncate(most);
        let next = rows.last().filter(|_| is_more).map(cursor);
        Self { rows, next }
    }
}

impl Administration {
    /// Users and service accounts, by name.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn page_of_principals(&self, filter: PrincipalFilter) -> Result<Listed<Principal>, ManageError> {
        self.look(&Deed::See)?;
        let (limit, more) = (filter.limit, filter.limit.saturating_add(1));
        let rows = self.store.page_of_principals(&PrincipalFilter { limit: more, ..filter }).await?;
        Ok(Listed::new(rows, limit, |one| one.name.to_string()))
    }

    /// The names of all roles, the built-in ones first: little beside all that [`Administration::list_roles`] tells.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn role_names(&self) -> Result<Vec<RoleName>, ManageError> {
        self.look(&Deed::See)?;
        let custom = self.store.list_roles().await?;
        Ok(lictor_authz::roles::built_in().iter().chain(&custom).map(|role| role.name.clone()).collect())
    }

    /// Keys, the newest first.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn page_of_keys(&self, filter: KeyFilter) -> Result<Listed<Owned<KeyRow>>, ManageError> {
        self.look(&Deed::Oversee)?;
        let (limit, more) = (filter.limit, filter.limit.saturating_add(1));
        let rows = self.store.page_of_keys(&KeyFilter { limit: more, ..filter }).await?;
        Ok(Listed::new(rows, limit, |key| key.row.id.to_string()))
    }

    /// Sessions, the newest first.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn page_of_sessions(&self, filter: SessionFilter) -> Result<Listed<Owned<SessionRow>>, ManageError> {
        self.look(&Deed::Oversee)?;
        let (limit, more) = (filter.limit, filter.limit.saturating_add(1));
        let rows = self.store.page_of_sessions(&SessionFilter { limit: more, ..filter }).await?;
        Ok(Listed::new(rows, limit, |session| session.row.id.to_string()))
    }

    /// How much is on record between two moments, by stretches of so many microseconds.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn count_audit(
        &self,
        filter: &AuditFilter,
        between: (Timestamp, Timestamp),
        width: i64,
    ) -> Result<Vec<Stretch>, ManageError> {
        self.look(&Deed::Oversee)?;
        Ok(self.store.count_audit(filter, between, width).await?)
    }
}
