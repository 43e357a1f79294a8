//! Who is in which teams? Teams by name with their members and grants, or a page of one team's members.

use std::collections::HashMap;

use lictor_model::{Principal, Source, Team, TeamGrant, TeamId, TeamName, Timestamp};

use crate::error::StoreError;
use crate::pool::Tx;
use crate::statement::{Row, Statement, sql};
use crate::{Bounds, Paged, Store, principals, teams};

/// Somebody in a team, once however many sources say so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub principal: Principal,
    /// Since when.
    pub since: Timestamp,
    /// Who says so, the oldest first.
    pub sources: Vec<Source>,
}

/// A team, who is in it, and what they may through it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    /// The team.
    pub team: Team,
    /// Its members, by name.
    pub members: Vec<Member>,
    /// Its grants, the oldest first.
    pub grants: Vec<TeamGrant>,
}

impl Store {
    /// A page of teams, by name, each with how many are in it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away, [`StoreError::Corrupt`] when a row does not read.
    pub async fn page_of_teams(&self, bounds: &Bounds) -> Result<Paged<(Team, i64)>, StoreError> {
        let mut statement =
            sql("SELECT id, name, description, created_at, (SELECT COUNT(DISTINCT principal) FROM team_members \
                                 WHERE team_members.team = teams.id) AS members FROM teams WHERE 1 = 1");
        bounds.narrow(&mut statement, "name");
        statement.push(" ORDER BY name ");
        bounds.finish(&mut statement);
        let mut tx = self.read().await?;
        let rows = statement.fetch(&mut tx, "teams").await?;
        let total = crate::lists::count(sql("SELECT COUNT(*) AS held FROM teams"), &mut tx, "teams").await?;
        tx.commit().await?;
        let one = |row: &Row| Ok((teams::team(row)?, row.integer("members")?));
        Ok(bounds.page(rows.iter().map(one).collect::<Result<_, StoreError>>()?, total))
    }

    /// A page of teams, by name, with all of their members.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away, [`StoreError::Corrupt`] when a row does not read.
    pub async fn page_of_rosters(&self, bounds: &Bounds) -> Result<Paged<Roster>, StoreError> {
        let mut statement = sql("SELECT id, name, description, created_at FROM teams WHERE 1 = 1");
        bounds.narrow(&mut statement, "name");
        statement.push(" ORDER BY name ");
        bounds.finish(&mut statement);
        let mut tx = self.read().await?;
        let rows = statement.fetch(&mut tx, "teams").await?;
        let total = crate::lists::count(sql("SELECT COUNT(*) AS held FROM teams"), &mut tx, "teams").await?;
        let page = bounds.page(rows.iter().map(teams::team).collect::<Result<_, _>>()?, total);
        let Paged { rows, total, has_next, has_previous } = page;
        let rows = fill(&mut tx, rows).await?;
        tx.commit().await?;
        Ok(Paged { rows, total, has_next, has_previous })
    }

    /// One team with all of its members.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn roster(&self, name: &TeamName) -> Result<Roster, StoreError> {
        let mut tx = self.read().await?;
        let team = teams::require(&mut tx, name).await?;
        let found = fill(&mut tx, vec![team]).await?.pop();
        tx.commit().await?;
        found.ok_or_else(|| StoreError::NotFound { what: "team", name: name.to_string() })
    }

    /// A page of the members of a team, by name.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away, [`StoreError::Corrupt`] when a row does not read.
    pub async fn page_of_members(&self, team: &TeamId, bounds: &Bounds) -> Result<Paged<Member>, StoreError> {
        let mut names = sql(
            "SELECT DISTINCT p.name AS name FROM team_members m JOIN principals p ON p.id = m.principal WHERE m.team = ",
        );
        names.push_bind(team.as_str());
        bounds.narrow(&mut names, "p.name");
        names.push(" ORDER BY p.name ");
        bounds.finish(&mut names);
        let counting =
            sql("SELECT COUNT(DISTINCT principal) AS held FROM team_members WHERE team = $1").bind(team.as_str());
        let mut tx = self.read().await?;
        let names = names.fetch(&mut tx, "team_members").await?;
        let total = crate::lists::count(counting, &mut tx, "team_members").await?;
        let page = bounds.page(names.iter().map(|row| row.text("name")).collect::<Result<_, _>>()?, total);
        let mut members = Vec::new();
        if let (Some(first), Some(last)) = (page.rows.first(), page.rows.last()) {
            let mut statement = memberships();
            statement.push(" WHERE m.team = ");
            statement.push_bind(team.as_str());
            statement.push(" AND p.name >= ");
            statement.push_bind(first.as_str());
            statement.push(" AND p.name <= ");
            statement.push_bind(last.as_str());
            members = gather(statement, &mut tx).await?.remove(team).unwrap_or_default();
        }
        tx.commit().await?;
        let Paged { total, has_next, has_previous, .. } = page;
        Ok(Paged { rows: members, total, has_next, has_previous })
    }
}

fn memberships() -> Statement {
    sql("SELECT p.id AS id, p.kind AS kind, p.name AS name, p.disabled AS disabled, p.created_at AS created_at, \
         m.team AS team, m.source AS source, m.created_at AS since \
         FROM team_members m JOIN principals p ON p.id = m.principal")
}

/// Each team's members, by name.
async fn gather(mut statement: Statement, tx: &mut Tx) -> Result<HashMap<TeamId, Vec<Member>>, StoreError> {
    statement.push(" ORDER BY p.name, m.created_at, m.source");
    let mut teams: HashMap<TeamId, Vec<Member>> = HashMap::new();
    for row in statement.fetch(tx, "team_members").await? {
        let (principal, source) = (principals::principal(&row)?, row.source("source")?);
        let members = teams.entry(row.text("team")?.into()).or_default();
        match members.last_mut().filter(|last| last.principal.id == principal.id) {
            Some(last) => last.sources.push(source),
            None => members.push(Member { principal, since: row.moment("since")?, sources: vec![source] }),
        }
    }
    Ok(teams)
}

async fn fill(tx: &mut Tx, of: Vec<Team>) -> Result<Vec<Roster>, StoreError> {
    let mut statement = memberships();
    if let (Some(first), Some(last)) = (of.first(), of.last()) {
        statement.push(" WHERE m.team IN (SELECT id FROM teams WHERE name >= ");
        statement.push_bind(first.name.as_str());
        statement.push(" AND name <= ");
        statement.push_bind(last.name.as_str());
        statement.push(")");
    }
    let mut members = gather(statement, tx).await?;
    let mut grants: HashMap<TeamId, Vec<TeamGrant>> = HashMap::new();
    for grant in teams::all_grants(tx).await? {
        grants.entry(grant.team.clone()).or_default().push(grant);
    }
    let one = |team: Team| Roster {
        members: members.remove(&team.id).unwrap_or_default(),
        grants: grants.remove(&team.id).unwrap_or_default(),
        team,
    };
    Ok(of.into_iter().map(one).collect())
}
