//! Who is there? Users and service accounts: added, disabled, removed, found.

use lictor_model::{Grant, GrantId, Principal, PrincipalId, PrincipalKind, PrincipalName, Source};

use crate::error::{StoreError, is_taken};
use crate::moved::among;
use crate::pool::Tx;
use crate::rows::NewPrincipal;
use crate::statement::{Row, sql};
use crate::{By, Store, grants, owners, passwords, roles};

impl Store {
    /// Adds a principal, with its password and its first role, if it is given any.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`], [`StoreError::UnknownRole`], [`StoreError::NoPasswords`].
    pub async fn add_principal(&self, by: &By, new: NewPrincipal) -> Result<Principal, StoreError> {
        if new.kind == PrincipalKind::ServiceAccount && new.password.is_some() {
            return Err(StoreError::NoPasswords(new.name.to_string()));
        }
        let now = self.clock.now();
        let mut tx = self.write().await?;
        tx.change_directory().await?;
        let principal = self.add_principal_in(&mut tx, by, new.kind, &new.name).await?;
        if let Some((hash, must_change)) = new.password {
            passwords::put(&mut tx, &principal.id, &hash, must_change, now).await?;
        }
        if let Some((role, scope)) = new.role {
            roles::require(&mut tx, &role).await?;
            let (id, principal_id) = (GrantId::fresh(), principal.id.clone());
            let grant = Grant { id, principal: principal_id, role, scope, source: Source::ByHand, created_at: now };
            grants::insert(&mut tx, &grant).await?;
            self.record(&mut tx, by, "grant.add", &grants::object(&principal.name, &grant.role, &grant.scope)).await?;
        }
        tx.commit().await?;
        Ok(principal)
    }

    /// Disables a principal, which ends its sessions, or enables it again.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::LastOwner`].
    pub async fn set_disabled(&self, by: &By, name: &PrincipalName, disabled: bool) -> Result<Principal, StoreError> {
        let mut tx = self.write().await?;
        tx.change_directory().await?;
        let owners = owners::count(&mut tx).await?;
        let principal = self.set_disabled_in(&mut tx, by, name, disabled).await?;
        owners::keep(&mut tx, owners).await?;
        tx.commit().await?;
        Ok(principal)
    }

    /// Removes a principal with its password, keys, sessions, grants and memberships. What is on record of it stays.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::LastOwner`].
    pub async fn remove_principal(&self, by: &By, name: &PrincipalName) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        tx.change_directory().await?;
        let owners = owners::count(&mut tx).await?;
        self.remove_principal_in(&mut tx, by, name).await?;
        owners::keep(&mut tx, owners).await?;
        tx.commit().await
    }

    /// Adds a principal with nothing of its own yet.
    pub(crate) async fn add_principal_in(
        &self,
        tx: &mut Tx,
        by: &By,
        kind: PrincipalKind,
        name: &PrincipalName,
    ) -> Result<Principal, StoreError> {
        let (id, name) = (PrincipalId::fresh(), name.clone());
        let principal = Principal { id, kind, name, disabled: false, created_at: self.clock.now() };
        insert(tx, &principal).await?;
        self.record(tx, by, operation(kind, "add"), principal.name.as_str()).await?;
        Ok(principal)
    }

    /// [`Store::set_disabled`], without a look at the owners.
    pub(crate) async fn set_disabled_in(
        &self,
        tx: &mut Tx,
        by: &By,
        name: &PrincipalName,
        disabled: bool,
    ) -> Result<Principal, StoreError> {
        let mut principal = require(tx, name).await?;
        sql("UPDATE principals SET disabled = $1 WHERE id = $2")
            .bind(disabled)
            .bind(principal.id.as_str())
            .execute(tx)
            .await?;
        principal.disabled = disabled;
        if disabled {
            end_sessions(tx, &principal.id).await?;
        }
        let done = if disabled { "disable" } else { "enable" };
        self.record(tx, by, operation(principal.kind, done), name.as_str()).await?;
        Ok(principal)
    }

    /// [`Store::remove_principal`], without a look at the owners.
    pub(crate) async fn remove_principal_in(
        &self,
        tx: &mut Tx,
        by: &By,
        name: &PrincipalName,
    ) -> Result<(), StoreError> {
        let principal = require(tx, name).await?;
        end_sessions(tx, &principal.id).await?;
        sql("DELETE FROM principals WHERE id = $1").bind(principal.id.as_str()).execute(tx).await?;
        self.record(tx, by, operation(principal.kind, "remove"), name.as_str()).await
    }

    /// The principal of that name.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn find_principal(&self, name: &PrincipalName) -> Result<Option<Principal>, StoreError> {
        let mut tx = self.read().await?;
        let found = find(&mut tx, name).await?;
        tx.commit().await?;
        Ok(found)
    }

    /// All principals, or those of a kind, by name.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn list_principals(&self, kind: Option<PrincipalKind>) -> Result<Vec<Principal>, StoreError> {
        let mut tx = self.read().await?;
        let mut principals = all(&mut tx).await?;
        tx.commit().await?;
        principals.retain(|principal| kind.is_none_or(|kind| kind == principal.kind));
        Ok(principals)
    }
}

/// Adds a principal's row.
pub(crate) async fn insert(tx: &mut Tx, principal: &Principal) -> Result<(), StoreError> {
    let added = sql("INSERT INTO principals (id, kind, name, disabled, created_at) VALUES ($1, $2, $3, 0, $4)")
        .bind(principal.id.as_str())
        .bind(principal.kind.as_str())
        .bind(principal.name.as_str())
        .bind(principal.created_at)
        .execute(tx)
        .await;
    match added {
        Err(error) if is_taken(&error) => {
            Err(StoreError::NameTaken { what: "user or service account", name: principal.name.to_string() })
        }
        other => other.map(drop),
    }
}

async fn end_sessions(tx: &mut Tx, principal: &PrincipalId) -> Result<(), StoreError> {
    tx.change_sessions().await?;
    sql("DELETE FROM sessions WHERE principal = $1").bind(principal.as_str()).execute(tx).await?;
    Ok(())
}

fn operation(kind: PrincipalKind, done: &str) -> String {
    format!("{}.{done}", kind.as_str())
}

/// The principal of that name, which must be there.
pub(crate) async fn require(tx: &mut Tx, name: &PrincipalName) -> Result<Principal, StoreError> {
    let found = find(tx, name).await?;
    found.ok_or_else(|| StoreError::NotFound { what: "user or service account", name: name.to_string() })
}

/// The name of a principal.
pub(crate) async fn name_of(tx: &mut Tx, id: &PrincipalId) -> Result<Option<PrincipalName>, StoreError> {
    let statement = sql("SELECT id, kind, name, disabled, created_at FROM principals WHERE id = $1");
    let row = statement.bind(id.as_str()).fetch_first(tx, "principals").await?;
    row.map(|row| principal(&row).map(|principal| principal.name)).transpose()
}

/// The principal of that name.
pub(crate) async fn find(tx: &mut Tx, name: &PrincipalName) -> Result<Option<Principal>, StoreError> {
    let statement = sql("SELECT id, kind, name, disabled, created_at FROM principals WHERE name = $1");
    let row = statement.bind(name.as_str()).fetch_first(tx, "principals").await?;
    row.map(|row| principal(&row)).transpose()
}

/// All principals, by name.
pub(crate) async fn all(tx: &mut Tx) -> Result<Vec<Principal>, StoreError> {
    let statement = sql("SELECT id, kind, name, disabled, created_at FROM principals ORDER BY name");
    statement.fetch(tx, "principals").await?.iter().map(principal).collect()
}

/// Some principals, as far as they are there, by name.
pub(crate) async fn of_all(tx: &mut Tx, of: &[PrincipalId]) -> Result<Vec<Principal>, StoreError> {
    let text = "SELECT id, kind, name, disabled, created_at FROM principals WHERE id";
    among(tx, (text, "ORDER BY name", "principals"), of, principal).await
}

/// Reads a principal's row.
pub(crate) fn principal(row: &Row) -> Result<Principal, StoreError> {
    Ok(Principal {
        id: row.text("id")?.into(),
        kind: row.read("kind", PrincipalKind::parse)?,
        name: row.read("name", |name| PrincipalName::parse(name).ok())?,
        disabled: row.boolean("disabled")?,
        created_at: row.moment("created_at")?,
    })
}
