//! Who has which role, and where? Grants, and the rule that an owner must remain.

use lictor_model::{Grant, GrantId, PrincipalId, PrincipalName, RoleName, Scope, Timestamp};

use crate::error::StoreError;
use crate::pool::Tx;
use crate::statement::{Row, sql};
use crate::{By, Store, principals, roles};

const EVERYWHERE: &str = "everywhere";
const WORKSPACE: &str = "workspace";

impl Store {
    /// Gives a principal a role. Giving what it has changes nothing.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::UnknownRole`].
    pub async fn add_grant(
        &self,
        by: &By,
        name: &PrincipalName,
        role: RoleName,
        scope: Scope,
    ) -> Result<Grant, StoreError> {
        let mut tx = self.write().await?;
        tx.change_directory().await?;
        let principal = principals::require(&mut tx, name).await?;
        roles::require(&mut tx, &role).await?;
        if let Some(grant) = find(&mut tx, &principal.id, &role, &scope).await? {
            return Ok(grant);
        }
        let grant = insert(&mut tx, &principal.id, role, scope, self.clock.now()).await?;
        self.record(&mut tx, by, "grant.add", &object(name, &grant.role, &grant.scope)).await?;
        tx.commit().await?;
        Ok(grant)
    }

    /// Takes a role away.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::LastOwner`].
    pub async fn remove_grant(
        &self,
        by: &By,
        name: &PrincipalName,
        role: &RoleName,
        scope: &Scope,
    ) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        tx.change_directory().await?;
        let principal = principals::require(&mut tx, name).await?;
        let object = object(name, role, scope);
        let Some(grant) = find(&mut tx, &principal.id, role, scope).await? else {
            return Err(StoreError::NotFound { what: "grant", name: object });
        };
        let owners = owners(&mut tx).await?;
        sql("DELETE FROM grants WHERE id = $1").bind(grant.id.as_str()).execute(&mut tx).await?;
        keep_an_owner(&mut tx, owners).await?;
        self.record(&mut tx, by, "grant.remove", &object).await?;
        tx.commit().await
    }

    /// All grants, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn list_grants(&self) -> Result<Vec<Grant>, StoreError> {
        let mut tx = self.read().await?;
        let grants = all(&mut tx).await?;
        tx.commit().await?;
        Ok(grants)
    }
}

/// How many enabled users have the role owner everywhere.
pub(crate) async fn owners(tx: &mut Tx) -> Result<usize, StoreError> {
    let statement = sql("SELECT principals.id FROM principals JOIN grants ON grants.principal = principals.id \
                         WHERE principals.kind = 'user' AND principals.disabled = 0 \
                         AND grants.role = 'owner' AND grants.scope = 'everywhere'");
    Ok(statement.fetch(tx, "principals").await?.len())
}

/// That a change did not take away the last of the owners that there were before it.
pub(crate) async fn keep_an_owner(tx: &mut Tx, before: usize) -> Result<(), StoreError> {
    if before > 0 && owners(tx).await? == 0 { Err(StoreError::LastOwner) } else { Ok(()) }
}

/// A grant as the record names it.
pub(crate) fn object(name: &PrincipalName, role: &RoleName, scope: &Scope) -> String {
    match scope {
        Scope::Everywhere => format!("{name} is {role} everywhere"),
        Scope::Workspace(workspace) => format!("{name} is {role} in {workspace}"),
    }
}

/// Adds a grant that is not there yet.
pub(crate) async fn insert(
    tx: &mut Tx,
    principal: &PrincipalId,
    role: RoleName,
    scope: Scope,
    now: Timestamp,
) -> Result<Grant, StoreError> {
    let grant = Grant { id: GrantId::fresh(), principal: principal.clone(), role, scope, created_at: now };
    let (scope, workspace) = columns(&grant.scope);
    sql("INSERT INTO grants (id, principal, role, scope, workspace, created_at) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(grant.id.as_str())
        .bind(principal.as_str())
        .bind(grant.role.as_str())
        .bind(scope)
        .bind(workspace)
        .bind(now)
        .execute(tx)
        .await?;
    Ok(grant)
}

async fn find(
    tx: &mut Tx,
    principal: &PrincipalId,
    role: &RoleName,
    scope: &Scope,
) -> Result<Option<Grant>, StoreError> {
    let (scope, workspace) = columns(scope);
    let row = sql("SELECT id, principal, role, scope, workspace, created_at FROM grants \
                   WHERE principal = $1 AND role = $2 AND scope = $3 AND workspace = $4")
    .bind(principal.as_str())
    .bind(role.as_str())
    .bind(scope)
    .bind(workspace)
    .fetch_first(tx, "grants")
    .await?;
    row.map(|row| grant(&row)).transpose()
}

/// All grants, oldest first.
pub(crate) async fn all(tx: &mut Tx) -> Result<Vec<Grant>, StoreError> {
    let statement = sql("SELECT id, principal, role, scope, workspace, created_at FROM grants ORDER BY created_at, id");
    statement.fetch(tx, "grants").await?.iter().map(grant).collect()
}

/// Two columns, so that no name of a workspace, not even an empty one, can mean everywhere.
fn columns(scope: &Scope) -> (&'static str, &str) {
    match scope {
        Scope::Everywhere => (EVERYWHERE, ""),
        Scope::Workspace(name) => (WORKSPACE, name.as_str()),
    }
}

fn grant(row: &Row) -> Result<Grant, StoreError> {
    let scope = match row.text("scope")?.as_str() {
        EVERYWHERE => Scope::Everywhere,
        WORKSPACE => Scope::Workspace(row.text("workspace")?.into()),
        _ => return Err(row.corrupt("scope")),
    };
    Ok(Grant {
        id: row.text("id")?.into(),
        principal: row.text("principal")?.into(),
        role: row.read("role", |name| RoleName::parse(name).ok())?,
        scope,
        created_at: row.moment("created_at")?,
    })
}
