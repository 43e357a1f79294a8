//! What stands on a page of a list that may be long? A page at a time, how many there are, and where the pages beside it begin.

use lictor_authz::Deed;
use lictor_model::{CredentialId, Principal, RoleName, Team, TeamId, Timestamp, WorkspaceName};
use lictor_store::{
    AuditFilter, Bounds, GrantFilter, KeyFilter, KeyRow, Member, Owned, Paged, PrincipalFilter, Roster, SessionFilter,
    SessionRow, Stretch, UNCOUNTED,
};

use crate::administration::Administration;
use crate::error::ManageError;
use crate::grants::GrantLine;

/// A page of a list.
#[derive(Debug)]
pub struct Listed<T> {
    /// What stands on it.
    pub rows: Vec<T>,
    /// Where the next one begins, if there is one.
    pub next: Option<String>,
    /// Where the one before ends, if there is one.
    pub previous: Option<String>,
    /// How many there are on all pages, where that was counted.
    pub total: Option<i64>,
}

impl<T> Listed<T> {
    /// With the keys of its first and its last row as the places where others begin and end.
    fn of(page: Paged<T>, cursor: impl Fn(&T) -> String) -> Self {
        let previous = page.rows.first().filter(|_| page.has_previous).map(&cursor);
        let next = page.rows.last().filter(|_| page.has_next).map(&cursor);
        Self { rows: page.rows, next, previous, total: Some(page.total).filter(|total| *total != UNCOUNTED) }
    }

    /// The same with its rows as others see them.
    pub fn map<S>(self, show: impl FnMut(T) -> S) -> Listed<S> {
        let Self { rows, next, previous, total } = self;
        Listed { rows: rows.into_iter().map(show).collect(), next, previous, total }
    }
}

impl Administration {
    /// Users and service accounts, by name.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn page_of_principals(&self, filter: PrincipalFilter) -> Result<Listed<Principal>, ManageError> {
        self.look(&Deed::See)?;
        Ok(Listed::of(self.store.page_of_principals(&filter).await?, |one| one.name.to_string()))
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

    /// Grants that may be seen, in the order of their ids: of an owner of workspaces, what holds in them alone.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn page_of_grants(&self, filter: GrantFilter) -> Result<Listed<GrantLine>, ManageError> {
        self.look(&Deed::See)?;
        let filter = GrantFilter { within: self.seen_workspaces(), ..filter };
        let Paged { rows, total, has_next, has_previous } = self.store.page_of_grants(&filter).await?;
        let rows = rows.into_iter().map(GrantLine::try_from).collect::<Result<_, _>>()?;
        Ok(Listed::of(Paged { rows, total, has_next, has_previous }, |line: &GrantLine| line.id.to_string()))
    }

    /// How many grants of each role hold in a workspace, as far as they may be seen.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn count_grants(&self, workspace: &WorkspaceName) -> Result<Vec<(RoleName, i64)>, ManageError> {
        self.look(&Deed::See)?;
        match self.seen_workspaces() {
            Some(seen) if !seen.contains(workspace) => Ok(Vec::new()),
            seen => Ok(self.store.count_grants(workspace, seen.is_none()).await?),
        }
    }

    /// Teams, by name, each with how many are in it.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn page_of_teams(&self, bounds: &Bounds) -> Result<Listed<(Team, i64)>, ManageError> {
        self.look(&Deed::See)?;
        Ok(Listed::of(self.store.page_of_teams(bounds).await?, |(team, _)| team.name.to_string()))
    }

    /// Teams, by name, with all of their members.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn page_of_rosters(&self, bounds: &Bounds) -> Result<Listed<Roster>, ManageError> {
        self.look(&Deed::See)?;
        Ok(Listed::of(self.store.page_of_rosters(bounds).await?, |roster| roster.team.name.to_string()))
    }

    /// The members of a team, by name.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn page_of_members(&self, team: &TeamId, bounds: &Bounds) -> Result<Listed<Member>, ManageError> {
        self.look(&Deed::See)?;
        Ok(Listed::of(self.store.page_of_members(team, bounds).await?, |member| member.principal.name.to_string()))
    }

    /// Keys, in the order of their ids.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn page_of_keys(&self, filter: KeyFilter) -> Result<Listed<Owned<KeyRow>>, ManageError> {
        self.look(&Deed::Oversee)?;
        Ok(Listed::of(self.store.page_of_keys(&filter).await?, |key| key.row.id.to_string()))
    }

    /// Which keys replace these: the old one and the new.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn successors(&self, of: &[CredentialId]) -> Result<Vec<(CredentialId, CredentialId)>, ManageError> {
        self.look(&Deed::Oversee)?;
        Ok(self.store.successors(of).await?)
    }

    /// Sessions that have not ended, in the order of their ids.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn page_of_sessions(&self, filter: SessionFilter) -> Result<Listed<Owned<SessionRow>>, ManageError> {
        self.look(&Deed::Oversee)?;
        Ok(Listed::of(self.store.page_of_sessions(&filter).await?, |session| session.row.id.to_string()))
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
