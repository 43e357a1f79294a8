//! Which roles are there? The built-in ones, and those that were made here.

use lictor_authz::Deed;
use lictor_model::{Assignments, MaxKeyAge, Role, RoleName};
use lictor_store::StoreError;

use crate::administration::Administration;
use crate::error::ManageError;
use crate::text;

/// The greatest bound on the age of keys, in seconds: a hundred years.
pub(crate) const OLDEST: i64 = 36_525 * 86_400;

impl Administration {
    /// Every role, the built-in ones first, and how old the keys of those who have them may grow.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn list_roles(&self) -> Result<(Vec<Role>, Vec<MaxKeyAge>), ManageError> {
        self.look(&Deed::See)?;
        let custom = self.store.list_roles().await?;
        let roles = lictor_authz::roles::built_in().iter().cloned().chain(custom).collect();
        Ok((roles, self.store.list_max_key_ages().await?))
    }

    /// The role of that name, and how old the keys of those who have it may grow.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn role(&self, name: &RoleName) -> Result<(Role, Option<MaxKeyAge>), ManageError> {
        let (roles, ages) = self.list_roles().await?;
        let found = roles.into_iter().find(|role| role.name == *name);
        let role = found.ok_or_else(|| StoreError::NotFound { what: "role", name: name.to_string() })?;
        Ok((role, ages.into_iter().find(|age| age.role == *name)))
    }

    /// Makes a role.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn add_role(&self, role: Role) -> Result<(), ManageError> {
        let store = self.permit("role.add", role.name.as_str(), Deed::Manage).await?;
        text::check("description", &role.description, text::DESCRIPTION)?;
        Ok(store.add_role(&self.by, role).await?)
    }

    /// Changes what a role says, as a whole.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn change_role(&self, role: &Role) -> Result<(), ManageError> {
        let store = self.permit("role.change", role.name.as_str(), Deed::Manage).await?;
        text::check("description", &role.description, text::DESCRIPTION)?;
        let instead = |all: &mut Assignments| {
            all.roles.retain(|one| one.name != role.name);
            all.roles.push(role.clone());
        };
        self.check_burden(("role.change", role.name.as_str()), instead).await?;
        Ok(store.change_role(&self.by, role).await?)
    }

    /// Removes a role that nobody has.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn remove_role(&self, name: &RoleName) -> Result<(), ManageError> {
        let store = self.permit("role.remove", name.as_str(), Deed::Manage).await?;
        Ok(store.remove_role(&self.by, name).await?)
    }

    /// Lets no key of those who have the role grow older than so many seconds; `None` takes the bound away.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn set_max_key_age(&self, name: &RoleName, seconds: Option<i64>) -> Result<(), ManageError> {
        let store = self.permit("role.set-max-key-age", name.as_str(), Deed::Demand(name.clone())).await?;
        if let Some(seconds) = seconds {
            check_age(seconds)?;
            let bounded = |all: &mut Assignments| {
                all.key_ages.retain(|age| age.role != *name);
                all.key_ages.push(MaxKeyAge { role: name.clone(), seconds });
            };
            self.check_burden(("role.set-max-key-age", name.as_str()), bounded).await?;
        }
        Ok(store.set_max_key_age(&self.by, name, seconds).await?)
    }

    /// The roles that demand a second factor of those who have them, by name.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn roles_with_second_factor(&self) -> Result<Vec<RoleName>, ManageError> {
        self.look(&Deed::See)?;
        Ok(self.store.list_factor_roles().await?)
    }

    /// Demands a second factor of those who have the role, or no longer does.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn set_second_factor(&self, name: &RoleName, required: bool) -> Result<(), ManageError> {
        let store = self.permit("role.set-second-factor", name.as_str(), Deed::Demand(name.clone())).await?;
        if required {
            let demanded = |all: &mut Assignments| all.factor_roles.push(name.clone());
            self.check_burden(("role.set-second-factor", name.as_str()), demanded).await?;
        }
        Ok(store.set_factor_role(&self.by, name, required).await?)
    }
}

/// That keys may be bounded to so many seconds.
pub(crate) fn check_age(seconds: i64) -> Result<(), ManageError> {
    if (1..=OLDEST).contains(&seconds) { Ok(()) } else { Err(ManageError::Length { what: "age", most: "36525d" }) }
}
