//! Who is there? Users and service accounts.

use lictor_authz::Deed;
use lictor_model::{AccountRole, Principal, PrincipalKind, PrincipalName};
use lictor_store::{NewPrincipal, StoreError};

use crate::administration::Administration;
use crate::error::ManageError;

impl Administration {
    /// All of a kind, or of both, by name.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn list_principals(&self, kind: Option<PrincipalKind>) -> Result<Vec<Principal>, ManageError> {
        self.look(&Deed::See)?;
        Ok(self.store.list_principals(kind).await?)
    }

    /// The one of that kind and name.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn principal(&self, kind: PrincipalKind, name: &PrincipalName) -> Result<Principal, ManageError> {
        self.look(&Deed::See)?;
        self.find(kind, name).await
    }

    /// Adds one, with its first role if it is given any.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn add_principal(&self, new: NewPrincipal) -> Result<Principal, ManageError> {
        let mut deeds = vec![Deed::Manage];
        if let Some((role, scope)) = &new.role {
            deeds.push(Deed::Grant(role.clone(), scope.clone()));
        }
        let operation = format!("{}.add", new.kind.as_str());
        let store = self.permit_all(&operation, new.name.as_str(), deeds).await?;
        // What workspaces there are is nothing to tell whoever may not.
        if let Some((_, scope)) = &new.role {
            self.check_scope(scope)?;
        }
        Ok(store.add_principal(&self.by, new).await?)
    }

    /// Disables one, which ends its sessions, or enables it again.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn set_disabled(
        &self,
        kind: PrincipalKind,
        name: &PrincipalName,
        disabled: bool,
    ) -> Result<Principal, ManageError> {
        let operation = format!("{}.{}", kind.as_str(), if disabled { "disable" } else { "enable" });
        self.admit(&operation, name.as_str()).await?;
        let principal = self.find(kind, name).await?;
        let store = self.permit(&operation, name.as_str(), Deed::Principal(principal.id.clone())).await?;
        if principal.disabled == disabled {
            return Ok(principal);
        }
        Ok(store.set_disabled(&self.by, name, disabled).await?)
    }

    /// Removes one with all that is its own.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn remove_principal(&self, kind: PrincipalKind, name: &PrincipalName) -> Result<(), ManageError> {
        let operation = format!("{}.remove", kind.as_str());
        self.admit(&operation, name.as_str()).await?;
        let principal = self.find(kind, name).await?;
        let store = self.permit(&operation, name.as_str(), Deed::Principal(principal.id)).await?;
        Ok(store.remove_principal(&self.by, name).await?)
    }

    /// Makes one an admin of the account, or a member again. An owner is made by a grant.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn set_account_role(
        &self,
        kind: PrincipalKind,
        name: &PrincipalName,
        role: AccountRole,
    ) -> Result<(), ManageError> {
        let object = format!("{name} is {role}");
        self.admit("account-role.set", &object).await?;
        let principal = self.find(kind, name).await?;
        let is_owner = self.access().account_role(&principal.id) == AccountRole::Owner;
        let store = self.permit("account-role.set", &object, Deed::Principal(principal.id)).await?;
        // Of an owner, what is asked for would not be so.
        if role == AccountRole::Owner || is_owner {
            return Err(ManageError::OwnerByGrant(name.to_string()));
        }
        Ok(store.set_admin(&self.by, name, role == AccountRole::Admin).await?)
    }

    /// Gives a user a password; for the command line alone, since over the network people choose their own.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn set_password(&self, name: &PrincipalName, hash: &str, must_change: bool) -> Result<(), ManageError> {
        self.admit("user.set-password", name.as_str()).await?;
        let user = self.find(PrincipalKind::User, name).await?;
        let store = self.permit("user.set-password", name.as_str(), Deed::Secret(user.id, user.kind)).await?;
        Ok(store.set_password(&self.by, name, hash, must_change).await?)
    }

    pub(crate) async fn find(&self, kind: PrincipalKind, name: &PrincipalName) -> Result<Principal, ManageError> {
        let what = match kind {
            PrincipalKind::User => "user",
            PrincipalKind::ServiceAccount => "service account",
        };
        let found = self.store.find_principal(name).await?.filter(|principal| principal.kind == kind);
        Ok(found.ok_or_else(|| StoreError::NotFound { what, name: name.to_string() })?)
    }

    /// The one of that name, of whatever kind.
    pub(crate) async fn find_any(&self, name: &PrincipalName) -> Result<Principal, ManageError> {
        let found = self.store.find_principal(name).await?;
        let missing = || StoreError::NotFound { what: "user or service account", name: name.to_string() };
        Ok(found.ok_or_else(missing)?)
    }
}
