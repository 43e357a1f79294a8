//! Who has which role, and where? Grants of principals.

use lictor_model::{Grant, GrantId, PrincipalId, PrincipalName, RoleName, Scope, Source};

use crate::error::StoreError;
use crate::moved::among;
use crate::pool::Tx;
use crate::statement::{Row, sql};
use crate::{By, Store, owners, principals, roles};

const EVERYWHERE: &str = "everywhere";
const WORKSPACE: &str = "workspace";

impl Store {
    /// Gives a principal a role, by hand. Giving what it has by hand changes nothing.
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
        let (grant, is_new) = self.add_grant_in(&mut tx, by, name, (role, scope)).await?;
        if is_new {
            tx.commit().await?;
        }
        Ok(grant)
    }

    /// [`Store::add_grant`]; answers whether it is new.
    pub(crate) async fn add_grant_in(
        &self,
        tx: &mut Tx,
        by: &By,
        name: &PrincipalName,
        (role, scope): (RoleName, Scope),
    ) -> Result<(Grant, bool), StoreError> {
        let principal = principals::require(tx, name).await?;
        roles::require(tx, &role).await?;
        let found = of(tx, &principal.id).await?.into_iter();
        let mut found = found.filter(|grant| grant.role == role && grant.scope == scope);
        if let Some(grant) = found.find(|grant| grant.source == Source::ByHand) {
            return Ok((grant, false));
        }
        let (id, principal, created_at) = (GrantId::fresh(), principal.id, self.clock.now());
        let grant = Grant { id, principal, role, scope, source: Source::ByHand, created_at };
        insert(tx, &grant).await?;
        self.record(tx, by, "grant.add", &object(name, &grant.role, &grant.scope)).await?;
        Ok((grant, true))
    }

    /// Takes a role away that was given by hand; what a sign-in rule gave, stays.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::LastOwner`], [`StoreError::FromSignIn`].
    pub async fn remove_grant(
        &self,
        by: &By,
        name: &PrincipalName,
        role: &RoleName,
        scope: &Scope,
    ) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        tx.change_directory().await?;
        let owners = owners::count(&mut tx).await?;
        self.remove_grant_in(&mut tx, by, name, (role, scope)).await?;
        owners::keep(&mut tx, owners).await?;
        tx.commit().await
    }

    /// [`Store::remove_grant`], without a look at the owners.
    pub(crate) async fn remove_grant_in(
        &self,
        tx: &mut Tx,
        by: &By,
        name: &PrincipalName,
        (role, scope): (&RoleName, &Scope),
    ) -> Result<(), StoreError> {
        let principal = principals::require(tx, name).await?;
        let object = object(name, role, scope);
        let mut found = of(tx, &principal.id).await?;
        found.retain(|grant| grant.role == *role && grant.scope == *scope);
        let Some(grant) = found.iter().find(|grant| grant.source == Source::ByHand) else {
            return Err(not_by_hand(found.first().map(|grant| &grant.source), "grant", object));
        };
        delete(tx, &grant.id).await?;
        self.record(tx, by, "grant.remove", &object).await
    }
}

/// Why there is nothing by hand to remove: another source says so, or nobody does.
pub(crate) fn not_by_hand(other: Option<&Source>, what: &'static str, name: String) -> StoreError {
    match other {
        Some(source) => StoreError::FromSignIn { what, name, rule: source.to_string() },
        None => StoreError::NotFound { what, name },
    }
}

/// A grant as the record names it, of a principal or of a team.
pub(crate) fn object(name: impl std::fmt::Display, role: &RoleName, scope: &Scope) -> String {
    match scope {
        Scope::Everywhere => format!("{name} is {role} everywhere"),
        Scope::Workspace(workspace) => format!("{name} is {role} in {workspace}"),
    }
}

/// Adds a grant that is not there yet.
pub(crate) async fn insert(tx: &mut Tx, grant: &Grant) -> Result<(), StoreError> {
    let (scope, workspace) = columns(&grant.scope);
    sql("INSERT INTO grants (id, principal, role, scope, workspace, source, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)")
    .bind(grant.id.as_str())
    .bind(grant.principal.as_str())
    .bind(grant.role.as_str())
    .bind(scope)
    .bind(workspace)
    .bind(grant.source.to_text().as_str())
    .bind(grant.created_at)
    .execute(tx)
    .await?;
    Ok(())
}

/// Removes a grant.
pub(crate) async fn delete(tx: &mut Tx, id: &GrantId) -> Result<(), StoreError> {
    sql("DELETE FROM grants WHERE id = $1").bind(id.as_str()).execute(tx).await?;
    Ok(())
}

/// All grants of a principal, of whatever source.
pub(crate) async fn of(tx: &mut Tx, principal: &PrincipalId) -> Result<Vec<Grant>, StoreError> {
    let statement = sql("SELECT id, principal, role, scope, workspace, source, created_at FROM grants \
                         WHERE principal = $1 ORDER BY created_at, id");
    statement.bind(principal.as_str()).fetch(tx, "grants").await?.iter().map(grant).collect()
}

/// All grants, oldest first.
pub(crate) async fn all(tx: &mut Tx) -> Result<Vec<Grant>, StoreError> {
    let statement =
        sql("SELECT id, principal, role, scope, workspace, source, created_at FROM grants ORDER BY created_at, id");
    statement.fetch(tx, "grants").await?.iter().map(grant).collect()
}

/// The same of some principals.
pub(crate) async fn of_all(tx: &mut Tx, of: &[PrincipalId]) -> Result<Vec<Grant>, StoreError> {
    let text = "SELECT id, principal, role, scope, workspace, source, created_at FROM grants WHERE principal";
    among(tx, (text, "ORDER BY created_at, id", "grants"), of, grant).await
}

/// Two columns, so that no name of a workspace, not even an empty one, can mean everywhere.
pub(crate) fn columns(scope: &Scope) -> (&'static str, &str) {
    match scope {
        Scope::Everywhere => (EVERYWHERE, ""),
        Scope::Workspace(name) => (WORKSPACE, name.as_str()),
    }
}

/// Reads [`columns`].
pub(crate) fn scope(row: &Row) -> Result<Scope, StoreError> {
    match row.text("scope")?.as_str() {
        EVERYWHERE => Ok(Scope::Everywhere),
        WORKSPACE => Ok(Scope::Workspace(row.text("workspace")?.into())),
        _ => Err(row.corrupt("scope")),
    }
}

fn grant(row: &Row) -> Result<Grant, StoreError> {
    Ok(Grant {
        id: row.text("id")?.into(),
        principal: row.text("principal")?.into(),
        role: row.read("role", |name| RoleName::parse(name).ok())?,
        scope: scope(row)?,
        source: row.source("source")?,
        created_at: row.moment("created_at")?,
    })
}
