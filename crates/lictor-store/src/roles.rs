//! Which custom roles are there? Built-in ones come with the program; only their names are known here.

use lictor_model::{Permission, PermissionSet, Role, RoleName};

use crate::error::{StoreError, is_taken};
use crate::pool::Tx;
use crate::statement::{Row, sql};
use crate::{By, Store, factor_roles, key_ages};

/// The names that custom roles may not take.
const BUILT_IN: &[&str] = &["viewer", "runner", "developer", "owner", "worker"];

impl Store {
    /// Adds a custom role.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`], by a built-in role too; [`StoreError::BaseNotBuiltIn`].
    pub async fn add_role(&self, by: &By, role: Role) -> Result<(), StoreError> {
        let taken = || StoreError::NameTaken { what: "role", name: role.name.to_string() };
        if BUILT_IN.contains(&role.name.as_str()) {
            return Err(taken());
        }
        if let Some(base) = role.base.as_ref().filter(|base| !BUILT_IN.contains(&base.as_str())) {
            return Err(StoreError::BaseNotBuiltIn(base.to_string()));
        }
        let permissions: Vec<&str> = role.permissions.iter().map(Permission::as_str).collect();
        let permissions = serde_json::Value::from(permissions).to_string();
        let mut tx = self.write().await?;
        tx.change_directory().await?;
        let added = sql("INSERT INTO roles (name, description, permissions, base) VALUES ($1, $2, $3, $4)")
            .bind(role.name.as_str())
            .bind(role.description.as_str())
            .bind(permissions.as_str())
            .bind(role.base.as_ref().map(RoleName::as_str))
            .execute(&mut tx)
            .await;
        match added {
            Err(error) if is_taken(&error) => return Err(taken()),
            other => other?,
        };
        self.record(&mut tx, by, "role.add", role.name.as_str()).await?;
        tx.commit().await
    }

    /// Removes a custom role that nobody and no team has.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::RoleInUse`], [`StoreError::RoleBuiltIn`].
    pub async fn remove_role(&self, by: &By, name: &RoleName) -> Result<(), StoreError> {
        if BUILT_IN.contains(&name.as_str()) {
            return Err(StoreError::RoleBuiltIn(name.to_string()));
        }
        let mut tx = self.write().await?;
        tx.change_directory().await?;
        let granted =
            "SELECT id FROM grants WHERE role = $1 UNION ALL SELECT id FROM team_grants WHERE role = $1 LIMIT 1";
        let granted = sql(granted).bind(name.as_str());
        if granted.fetch_first(&mut tx, "grants").await?.is_some() {
            return Err(StoreError::RoleInUse(name.to_string()));
        }
        let removed = sql("DELETE FROM roles WHERE name = $1").bind(name.as_str()).execute(&mut tx).await?;
        if removed == 0 {
            return Err(StoreError::NotFound { what: "role", name: name.to_string() });
        }
        key_ages::drop_of(&mut tx, name).await?;
        factor_roles::drop_of(&mut tx, name).await?;
        self.record(&mut tx, by, "role.remove", name.as_str()).await?;
        tx.commit().await
    }

    /// All custom roles, by name.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn list_roles(&self) -> Result<Vec<Role>, StoreError> {
        let mut tx = self.read().await?;
        let roles = all(&mut tx).await?;
        tx.commit().await?;
        Ok(roles)
    }
}

/// That there is such a role, built in or custom.
pub(crate) async fn require(tx: &mut Tx, name: &RoleName) -> Result<(), StoreError> {
    if exists(tx, name).await? { Ok(()) } else { Err(StoreError::UnknownRole(name.to_string())) }
}

/// Whether there is such a role, built in or custom.
pub(crate) async fn exists(tx: &mut Tx, name: &RoleName) -> Result<bool, StoreError> {
    if BUILT_IN.contains(&name.as_str()) {
        return Ok(true);
    }
    let statement = sql("SELECT name FROM roles WHERE name = $1").bind(name.as_str());
    Ok(statement.fetch_first(tx, "roles").await?.is_some())
}

/// All custom roles, by name.
pub(crate) async fn all(tx: &mut Tx) -> Result<Vec<Role>, StoreError> {
    let statement = sql("SELECT name, description, permissions, base FROM roles ORDER BY name");
    statement.fetch(tx, "roles").await?.iter().map(role).collect()
}

fn role(row: &Row) -> Result<Role, StoreError> {
    Ok(Role {
        name: row.read("name", |name| RoleName::parse(name).ok())?,
        description: row.text("description")?,
        base: row.maybe_text("base")?.map(|name| base(&name).ok_or_else(|| row.corrupt("base"))).transpose()?,
        permissions: row.read("permissions", permissions)?,
        built_in: false,
    })
}

/// A base that this program does not know makes the role unreadable, as a permission does.
fn base(name: &str) -> Option<RoleName> {
    RoleName::parse(name).ok().filter(|name| BUILT_IN.contains(&name.as_str()))
}

/// A permission that this program does not know makes the role unreadable, not smaller: nobody should find out by a
/// refusal that a newer Lictor wrote it.
fn permissions(text: &str) -> Option<PermissionSet> {
    let names: Vec<String> = serde_json::from_str(text).ok()?;
    names.iter().map(|name| Permission::parse(name)).collect()
}
