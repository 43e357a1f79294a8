//! What does each principal hold where? Grants and roles, worked out once per change and read on every request.

use std::collections::HashMap;

use lictor_model::{Grant, PermissionSet, PrincipalId, Role, RoleName, WorkspaceName};

use crate::roles;

/// All grants with their roles: immutable, swapped whole when something changes.
#[derive(Debug, Clone, Default)]
pub struct AccessView {
    by_principal: HashMap<PrincipalId, Vec<Held>>,
}

#[derive(Debug, Clone)]
struct Held {
    grant: Grant,
    role: Role,
}

impl AccessView {
    /// Works out the view. A grant whose role is neither built in nor among the custom ones gives nothing, not even
    /// membership; a custom role cannot take a built-in role's name.
    #[must_use]
    pub fn build(custom_roles: &[Role], grants: &[Grant]) -> Self {
        let custom: HashMap<&RoleName, &Role> = custom_roles.iter().map(|role| (&role.name, role)).collect();
        let mut by_principal: HashMap<PrincipalId, Vec<Held>> = HashMap::new();
        for grant in grants {
            let role = roles::find_built_in(&grant.role).or_else(|| custom.get(&grant.role).copied());
            if let Some(role) = role {
                let held = Held { grant: grant.clone(), role: role.clone() };
                by_principal.entry(grant.principal.clone()).or_default().push(held);
            }
        }
        Self { by_principal }
    }

    /// What the principal may in the workspace: the union of its grants there. `None`: no grant, so not a member.
    #[must_use]
    pub fn permissions(&self, principal: &PrincipalId, workspace: &WorkspaceName) -> Option<PermissionSet> {
        let held = self.held(principal, workspace);
        held.map(|held| held.role.permissions).reduce(PermissionSet::union)
    }

    /// The grants that hold in the workspace, with their roles: why the principal may what it may.
    #[must_use]
    pub fn explain(&self, principal: &PrincipalId, workspace: &WorkspaceName) -> Vec<(Grant, Role)> {
        self.held(principal, workspace).map(|held| (held.grant.clone(), held.role.clone())).collect()
    }

    fn held(&self, principal: &PrincipalId, workspace: &WorkspaceName) -> impl Iterator<Item = &Held> {
        let all = self.by_principal.get(principal).map(Vec::as_slice).unwrap_or_default();
        all.iter().filter(move |held| held.grant.scope.covers(workspace))
    }
}
