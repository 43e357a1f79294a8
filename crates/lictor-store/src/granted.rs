//! Which grants stand on one page? Those of principals and of teams in one list, in the order of their ids: the oldest first.

use lictor_model::{GrantId, PrincipalId, RoleName, Scope, Source, TeamId, Timestamp, WorkspaceName};

use crate::error::StoreError;
use crate::grants::scope;
use crate::lists::pattern;
use crate::statement::{Row, Statement, sql};
use crate::{Bounds, Paged, Store};

/// Which grants.
#[derive(Debug, Clone, Default)]
pub struct GrantFilter {
    /// Of this principal.
    pub principal: Option<PrincipalId>,
    /// Of this team.
    pub team: Option<TeamId>,
    /// With this role.
    pub role: Option<RoleName>,
    /// The one of this id.
    pub id: Option<GrantId>,
    /// Only those that hold in one of these workspaces, and nowhere else.
    pub within: Option<Vec<WorkspaceName>>,
    /// With this in the sentence "NAME is ROLE in WORKSPACE", or "NAME is ROLE everywhere".
    pub containing: String,
    /// From where to where.
    pub bounds: Bounds,
}

/// A grant of a principal or of a team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// Which.
    pub id: GrantId,
    /// Whose: the name of a principal, or of a team.
    pub holder: String,
    /// Whether it is a team's.
    pub is_team: bool,
    /// Which role.
    pub role: RoleName,
    /// Where.
    pub scope: Scope,
    /// Who says so.
    pub source: Source,
    /// Since when.
    pub created_at: Timestamp,
}

impl Store {
    /// A page of grants, and how many there are in all.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away, [`StoreError::Corrupt`] when a row does not read.
    pub async fn page_of_grants(&self, filter: &GrantFilter) -> Result<Paged<Granted>, StoreError> {
        let mut statement = sql("SELECT * FROM (");
        each(&mut statement, filter, true);
        statement.push(") AS granted ORDER BY id ");
        filter.bounds.finish(&mut statement);
        let mut counting = sql("SELECT COUNT(*) AS held FROM (");
        each(&mut counting, filter, false);
        counting.push(") AS granted");
        let mut tx = self.read().await?;
        let rows = statement.fetch(&mut tx, "grants").await?;
        let total = crate::lists::count(counting, &mut tx, "grants").await?;
        tx.commit().await?;
        Ok(filter.bounds.page(rows.iter().map(granted).collect::<Result<_, _>>()?, total))
    }

    /// How many grants of each role hold in a workspace, in it alone or everywhere.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away, [`StoreError::Corrupt`] when a row does not read.
    pub async fn count_grants(
        &self,
        workspace: &WorkspaceName,
        with_everywhere: bool,
    ) -> Result<Vec<(RoleName, i64)>, StoreError> {
        let mut statement = sql("SELECT role, COUNT(*) AS held FROM (SELECT role, scope, workspace FROM grants \
                                 UNION ALL SELECT role, scope, workspace FROM team_grants) AS granted \
                                 WHERE (scope = 'workspace' AND workspace = ");
        statement.push_bind(workspace.as_str());
        statement.push(")");
        if with_everywhere {
            statement.push(" OR scope = 'everywhere'");
        }
        statement.push(" GROUP BY role ORDER BY role");
        let mut tx = self.read().await?;
        let rows = statement.fetch(&mut tx, "grants").await?;
        tx.commit().await?;
        let one = |row: &Row| Ok((row.read("role", |name| RoleName::parse(name).ok())?, row.integer("held")?));
        rows.iter().map(one).collect()
    }
}

/// Both kinds. Each has its own order and limit, so that no more rows of either are read than a page may need.
fn each(statement: &mut Statement, filter: &GrantFilter, is_page: bool) {
    if filter.team.is_none() {
        statement.push(
            "SELECT * FROM (SELECT g.id AS id, p.name AS holder, CAST(0 AS BIGINT) AS of_team, g.role AS role, g.scope AS scope, \
             g.workspace AS workspace, g.source AS source, g.created_at AS created_at \
             FROM grants g JOIN principals p ON p.id = g.principal WHERE 1 = 1",
        );
        if let Some(principal) = &filter.principal {
            statement.push(" AND g.principal = ");
            statement.push_bind(principal.as_str());
        }
        narrow(statement, filter, "p.name", is_page);
        statement.push(") AS own");
    }
    if filter.principal.is_none() {
        statement.push(if filter.team.is_none() { " UNION ALL " } else { "" });
        statement.push(
            "SELECT * FROM (SELECT g.id AS id, t.name AS holder, CAST(1 AS BIGINT) AS of_team, g.role AS role, g.scope AS scope, \
             g.workspace AS workspace, '' AS source, g.created_at AS created_at \
             FROM team_grants g JOIN teams t ON t.id = g.team WHERE 1 = 1",
        );
        if let Some(team) = &filter.team {
            statement.push(" AND g.team = ");
            statement.push_bind(team.as_str());
        }
        narrow(statement, filter, "'team ' || t.name", is_page);
        statement.push(") AS of_teams");
    }
}

fn narrow(statement: &mut Statement, filter: &GrantFilter, holder: &'static str, is_page: bool) {
    if let Some(role) = &filter.role {
        statement.push(" AND g.role = ");
        statement.push_bind(role.as_str());
    }
    if let Some(id) = &filter.id {
        statement.push(" AND g.id = ");
        statement.push_bind(id.as_str());
    }
    if let Some(within) = &filter.within {
        statement.push(" AND g.scope = 'workspace' AND g.workspace IN (''");
        for name in within {
            statement.push(", ");
            statement.push_bind(name.as_str());
        }
        statement.push(")");
    }
    if !filter.containing.is_empty() {
        statement.push(" AND LOWER(");
        statement.push(holder);
        statement.push(" || ' is ' || g.role || CASE WHEN g.scope = 'everywhere' THEN ' everywhere' ELSE ' in ' || g.workspace END) LIKE ");
        statement.push_bind(pattern(&filter.containing.to_lowercase()).as_str());
        statement.push(" ESCAPE '!'");
    }
    if is_page {
        filter.bounds.narrow(statement, "g.id");
        statement.push(" ORDER BY g.id ");
        filter.bounds.finish(statement);
    }
}

fn granted(row: &Row) -> Result<Granted, StoreError> {
    Ok(Granted {
        id: row.text("id")?.into(),
        holder: row.text("holder")?,
        is_team: row.boolean("of_team")?,
        role: row.read("role", |name| RoleName::parse(name).ok())?,
        scope: scope(row)?,
        source: row.source("source")?,
        created_at: row.moment("created_at")?,
    })
}
