//! Who answers for what runs by itself? The owners of automations, kept up with the record of what was done to them.

use lictor_model::{AuditEvent, Demands, WorkspaceName};

use crate::Store;
use crate::audit;
use crate::error::StoreError;
use crate::pool::Tx;
use crate::rows::{AutomationChange, AutomationRow};
use crate::statement::{Row, sql};

impl Store {
    /// Adds events to the record, and applies what they did to automations, in this order, all or none, durably. The same
    /// once more changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn append_changes(&self, events: &[AuditEvent], changes: &[AutomationChange]) -> Result<(), StoreError> {
        if events.is_empty() && changes.is_empty() {
            return Ok(());
        }
        let mut tx = self.write().await?;
        audit::append(&mut tx, events).await?;
        for change in changes {
            apply(&mut tx, change).await?;
        }
        tx.commit().await
    }

    /// The automations with an owner on record, by workspace and name.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away, [`StoreError::Corrupt`] when a row does not read.
    pub async fn list_automations(&self, only: Option<&WorkspaceName>) -> Result<Vec<AutomationRow>, StoreError> {
        let mut statement =
            sql("SELECT id, workspace, name, owner_resource, principal, principal_name, demands, saved_at \
                                 FROM automations WHERE 1 = 1");
        if let Some(workspace) = only {
            statement.push(" AND workspace = ");
            statement.push_bind(workspace.as_str());
        }
        statement.push(" ORDER BY workspace, name, id");
        let mut tx = self.read().await?;
        let rows = statement.fetch(&mut tx, "automations").await?;
        tx.commit().await?;
        rows.iter().map(automation).collect()
    }
}

async fn apply(tx: &mut Tx, change: &AutomationChange) -> Result<(), StoreError> {
    let statement = match change {
        AutomationChange::Saved(row) => sql("INSERT INTO automations \
             (id, workspace, name, owner_resource, principal, principal_name, demands, saved_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (workspace, id) DO UPDATE SET \
             name = excluded.name, principal = excluded.principal, principal_name = excluded.principal_name, \
             demands = excluded.demands, saved_at = excluded.saved_at, owner_resource = CASE \
             WHEN excluded.owner_resource = '' THEN automations.owner_resource ELSE excluded.owner_resource END")
        .bind(row.id.as_str())
        .bind(row.workspace.as_str())
        .bind(row.name.as_str())
        .bind(row.owner_resource.as_str())
        .bind(row.principal.as_str())
        .bind(row.principal_name.as_str())
        .bind(row.demands.to_text().as_str())
        .bind(row.saved_at),
        AutomationChange::Removed { workspace, id } => {
            sql("DELETE FROM automations WHERE workspace = $1 AND id = $2").bind(workspace.as_str()).bind(id.as_str())
        }
        AutomationChange::RemovedOf { workspace, owner_resource } => {
            sql("DELETE FROM automations WHERE workspace = $1 AND owner_resource = $2 AND owner_resource <> ''")
                .bind(workspace.as_str())
                .bind(owner_resource.as_str())
        }
    };
    statement.execute(tx).await.map(drop)
}

fn automation(row: &Row) -> Result<AutomationRow, StoreError> {
    Ok(AutomationRow {
        id: row.text("id")?,
        workspace: row.text("workspace")?.into(),
        name: row.text("name")?,
        owner_resource: row.text("owner_resource")?,
        principal: row.text("principal")?.into(),
        principal_name: row.text("principal_name")?,
        demands: row.read("demands", |text| Demands::parse(text).ok())?,
        saved_at: row.moment("saved_at")?,
    })
}
