//! What is on record? Audit events: added to, listed, never edited.

use lictor_model::{Actor, AuditEvent, CredentialKind, CredentialRef, Demands, EventId, Outcome, PrincipalKind};

use crate::error::StoreError;
use crate::pool::Tx;
use crate::rows::AuditFilter;
use crate::statement::{Row, Statement, sql};
use crate::{By, Store};

/// The most events in one statement. The counts are powers of two, so that the database sees few different texts and
/// keeps them all prepared; 64 events bind 1024 values, well below either database's limit.
const MOST: usize = 64;

const COLUMNS: &str = "SELECT id, at, actor_id, actor_kind, actor_name, credential_kind, credential_id, client_ip, \
                       operation, object, workspace, outcome, reason, demands, status, request FROM audit WHERE 1 = 1";

impl Store {
    /// Adds events, all or none, durably. Adding an event that is there already changes nothing, so that a caller who
    /// lost the connection may try again.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn append_audit(&self, events: &[AuditEvent]) -> Result<(), StoreError> {
        self.append_changes(events, &[]).await
    }

    /// Lists events, newest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away, [`StoreError::Corrupt`] when an event does not read.
    pub async fn list_audit(&self, filter: AuditFilter) -> Result<Vec<AuditEvent>, StoreError> {
        let mut tx = self.read().await?;
        let rows = select(&filter).fetch(&mut tx, "audit").await?;
        tx.commit().await?;
        let mut events: Vec<AuditEvent> = rows.iter().map(event).collect::<Result<_, _>>()?;
        if filter.after.is_some() {
            events.reverse();
        }
        Ok(events)
    }

    /// Whether there is an event of that id.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn has_audit_event(&self, id: &EventId) -> Result<bool, StoreError> {
        let mut tx = self.read().await?;
        let found = sql("SELECT id FROM audit WHERE id = $1").bind(id.as_str()).fetch_first(&mut tx, "audit").await?;
        tx.commit().await?;
        Ok(found.is_some())
    }

    /// Adds the event of a change, in the change's own transaction.
    pub(crate) async fn record(
        &self,
        tx: &mut Tx,
        by: &By,
        operation: impl Into<String>,
        object: &str,
    ) -> Result<(), StoreError> {
        let event = AuditEvent {
            id: EventId::fresh(),
            at: self.clock.now(),
            actor: by.actor.clone(),
            credential: by.credential.clone(),
            client_ip: by.client_ip.clone(),
            operation: operation.into(),
            object: object.to_owned(),
            workspace: None,
            outcome: Outcome::Allowed,
            reason: String::new(),
            demands: None,
            status: 0,
            request: by.request.clone(),
        };
        append(tx, std::slice::from_ref(&event)).await
    }
}

/// Adds events in a transaction.
pub(crate) async fn append(tx: &mut Tx, events: &[AuditEvent]) -> Result<(), StoreError> {
    let mut rest = events;
    while !rest.is_empty() {
        let mut count = MOST;
        while count > rest.len() {
            count /= 2;
        }
        let (now, later) = rest.split_at(count);
        insert(now).execute(tx).await?;
        rest = later;
    }
    Ok(())
}

fn insert(events: &[AuditEvent]) -> Statement {
    let mut statement = sql("INSERT INTO audit (id, at, actor_id, actor_kind, actor_name, credential_kind, \
                             credential_id, client_ip, operation, object, workspace, outcome, reason, demands, \
                             status, request) VALUES ");
    let mut before = "(";
    for event in events {
        let credential = event.credential.as_ref();
        let demands = event.demands.as_ref().map(Demands::to_text);
        let texts = [
            Some(event.actor.id.as_str()),
            event.actor.kind.map(PrincipalKind::as_str),
            Some(event.actor.name.as_str()),
            credential.map(|used| used.kind.as_str()),
            credential.map(|used| used.id.as_str()),
            Some(event.client_ip.as_str()),
            Some(event.operation.as_str()),
            Some(event.object.as_str()),
            event.workspace.as_ref().map(|workspace| workspace.as_str()),
            Some(event.outcome.as_str()),
            Some(event.reason.as_str()),
            Some(demands.as_deref().unwrap_or_default()),
        ];
        statement.push(before);
        statement.push_bind(event.id.as_str());
        statement.push(", ");
        statement.push_bind(event.at);
        for text in texts {
            statement.push(", ");
            statement.push_bind(text);
        }
        statement.push(", ");
        statement.push_bind(i64::from(event.status));
        statement.push(", ");
        statement.push_bind(event.request.as_ref().map(|request| request.as_str()));
        before = "), (";
    }
    statement.push(") ON CONFLICT (id) DO NOTHING");
    statement
}

/// Only the conditions that are asked for: one text for all would keep both databases from their indices. Of one actor or
/// operation in the order in which they were recorded; all others by their moment, so that a year is no more to sort than a day.
fn select(filter: &AuditFilter) -> Statement {
    let mut statement = sql(COLUMNS);
    if filter.is_of_some() {
        statement.push(" AND seq IN ");
        push_of_some(&mut statement, filter, i64::from(filter.limit));
        statement.push(if filter.after.is_some() { " ORDER BY seq ASC LIMIT " } else { " ORDER BY seq DESC LIMIT " });
    } else {
        if let Some(since) = filter.since {
            statement.push(" AND at >= ");
            statement.push_bind(since);
        }
        if let Some(until) = filter.until {
            statement.push(" AND at < ");
            statement.push_bind(until);
        }
        if let Some(outcome) = filter.outcome {
            statement.push(" AND outcome = ");
            statement.push_bind(outcome.as_str());
        }
        if let Some(before) = &filter.before {
            statement.push(" AND (at, seq) < (SELECT at, seq FROM audit WHERE id = ");
            statement.push_bind(before.as_str());
            statement.push(")");
        }
        if let Some(after) = &filter.after {
            statement.push(" AND (at, seq) > (SELECT at, seq FROM audit WHERE id = ");
            statement.push_bind(after.as_str());
            statement.push(") ORDER BY at ASC, seq ASC LIMIT ");
        } else {
            statement.push(" ORDER BY at DESC, seq DESC LIMIT ");
        }
    }
    statement.push_bind(i64::from(filter.limit));
    statement
}

/// The latest of one actor or operation. An actor is named by the name as it was or by the id: each has an index of its own, in
/// which the latest stand together, and one condition for both would sort all that somebody ever did.
pub(crate) fn push_of_some(statement: &mut Statement, filter: &AuditFilter, limit: i64) {
    let actors: &[&str] = match filter.actor {
        Some(_) => &["actor_name = ", "actor_id = "],
        None => &[""],
    };
    let mut before = "(";
    for actor in actors {
        statement.push(before);
        statement.push("SELECT seq FROM (SELECT seq FROM audit WHERE 1 = 1");
        if let Some(name) = &filter.actor {
            statement.push(" AND ");
            statement.push(actor);
            statement.push_bind(name.as_str());
        }
        narrow(statement, filter);
        statement.push(if filter.after.is_some() { " ORDER BY seq ASC LIMIT " } else { " ORDER BY seq DESC LIMIT " });
        statement.push_bind(limit);
        statement.push(") AS latest");
        before = " UNION ";
    }
    statement.push(")");
}

/// Adds the other conditions of a filter; those on moment and outcome so that no index of theirs is taken, in which what is looked
/// for does not stand together.
fn narrow(statement: &mut Statement, filter: &AuditFilter) {
    if let Some(operation) = &filter.operation {
        statement.push(if filter.actor.is_some() { " AND operation || '' = " } else { " AND operation = " });
        statement.push_bind(operation.as_str());
    }
    if let Some(since) = filter.since {
        statement.push(" AND at + 0 >= ");
        statement.push_bind(since);
    }
    if let Some(until) = filter.until {
        statement.push(" AND at + 0 < ");
        statement.push_bind(until);
    }
    if let Some(outcome) = filter.outcome {
        statement.push(" AND outcome || '' = ");
        statement.push_bind(outcome.as_str());
    }
    if let Some(before) = &filter.before {
        statement.push(" AND seq < (SELECT seq FROM audit WHERE id = ");
        statement.push_bind(before.as_str());
        statement.push(")");
    }
    if let Some(after) = &filter.after {
        statement.push(" AND seq > (SELECT seq FROM audit WHERE id = ");
        statement.push_bind(after.as_str());
        statement.push(")");
    }
}

fn event(row: &Row) -> Result<AuditEvent, StoreError> {
    let actor_kind = row.maybe_text("actor_kind")?;
    let actor_kind = actor_kind.map(|kind| PrincipalKind::parse(&kind).ok_or_else(|| row.corrupt("actor_kind")));
    Ok(AuditEvent {
        id: row.text("id")?.into(),
        at: row.moment("at")?,
        actor: Actor { id: row.text("actor_id")?, kind: actor_kind.transpose()?, name: row.text("actor_name")? },
        credential: credential(row)?,
        client_ip: row.text("client_ip")?,
        operation: row.text("operation")?,
        object: row.text("object")?,
        workspace: row.maybe_text("workspace")?.map(Into::into),
        outcome: row.read("outcome", outcome)?,
        reason: row.text("reason")?,
        demands: row.read("demands", demands)?,
        status: u16::try_from(row.integer("status")?).map_err(|_| row.corrupt("status"))?,
        request: row.maybe_text("request")?.map(Into::into),
    })
}

/// Nothing was looked at, or the list of what was asked for.
fn demands(text: &str) -> Option<Option<Demands>> {
    if text.is_empty() { Some(None) } else { Demands::parse(text).ok().map(Some) }
}

fn outcome(text: &str) -> Option<Outcome> {
    [Outcome::Allowed, Outcome::Refused].into_iter().find(|outcome| outcome.as_str() == text)
}

fn credential(row: &Row) -> Result<Option<CredentialRef>, StoreError> {
    use CredentialKind::{Certificate, Console, Key, Password, ResetLink, Session, Token};

    let Some(text) = row.maybe_text("credential_kind")? else { return Ok(None) };
    let kinds = [Password, Key, Session, Certificate, Token, ResetLink, Console];
    let kind = kinds.into_iter().find(|kind| kind.as_str() == text);
    let kind = kind.ok_or_else(|| row.corrupt("credential_kind"))?;
    Ok(Some(CredentialRef { kind, id: row.text("credential_id")?.into() }))
}
