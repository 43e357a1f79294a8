//! How is a change made? In one transaction: the version first, which makes administrators wait for one another on both
//! databases, then the change, then its audit event.

use lictor_model::{Actor, AuditEvent, CredentialRef, EventId, Outcome, RequestId};
use sqlx::any::Any;
use sqlx::{AssertSqlSafe, Transaction};

use crate::audit::insert_events;
use crate::error::StoreError;
use crate::open::Store;

/// Who makes a change, for the record.
#[derive(Debug, Clone)]
pub struct By {
    /// Who.
    pub actor: Actor,
    /// By which credential.
    pub credential: Option<CredentialRef>,
    /// From where; empty at the console.
    pub client_ip: String,
    /// On which request.
    pub request: Option<RequestId>,
}

impl By {
    /// The administrator at the command line.
    #[must_use]
    pub fn console() -> Self {
        Self { actor: Actor::console(), credential: None, client_ip: String::new(), request: None }
    }
}

/// What others must load again after a change.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Topic {
    Directory,
    Sessions,
}

/// A change under way; without `commit` it never was.
pub(crate) struct Change {
    pub(crate) tx: Transaction<'static, Any>,
    now: lictor_model::Timestamp,
}

impl Store {
    pub(crate) async fn begin_change(&self, topic: Topic) -> Result<Change, StoreError> {
        let mut tx = self.begin_write().await?;
        let topic = match topic {
            Topic::Directory => "directory",
            Topic::Sessions => "sessions",
        };
        sqlx::query("UPDATE changes SET version = version + 1 WHERE topic = $1").bind(topic).execute(&mut *tx).await?;
        Ok(Change { tx, now: self.clock.now() })
    }

    pub(crate) async fn begin_write(&self) -> Result<Transaction<'static, Any>, StoreError> {
        // Two constants of this program, never anybody's text.
        Ok(self.pool.begin_with(AssertSqlSafe(self.begin)).await?)
    }
}

impl Change {
    pub(crate) const fn now(&self) -> lictor_model::Timestamp {
        self.now
    }

    /// Commits the change together with its audit event.
    pub(crate) async fn commit(mut self, by: &By, operation: &str, object: &str) -> Result<(), StoreError> {
        let event = AuditEvent {
            id: EventId::fresh(),
            at: self.now,
            actor: by.actor.clone(),
            credential: by.credential.clone(),
            client_ip: by.client_ip.clone(),
            operation: operation.to_owned(),
            object: object.to_owned(),
            workspace: None,
            outcome: Outcome::Allowed,
            reason: String::new(),
            status: 0,
            request: by.request.clone(),
        };
        insert_events(&mut self.tx, std::slice::from_ref(&event)).await?;
        self.commit_quietly().await
    }

    /// Commits what is no event of its own, such as the end of an expired session.
    pub(crate) async fn commit_quietly(self) -> Result<(), StoreError> {
        Ok(self.tx.commit().await?)
    }
}
