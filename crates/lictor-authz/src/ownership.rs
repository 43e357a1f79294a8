//! May an owner still do what runs in their name? Prefect asks nobody again once an automation is saved.

use lictor_model::{Demands, Permission, PermissionSet, Principal, WorkspaceName};

use crate::access::AccessView;

/// Why an owner could not save an automation today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lapse {
    /// In words.
    pub why: String,
    /// What the owner lacks; all that is needed, when the owner is no member at all.
    pub lacking: PermissionSet,
}

/// Whether the owner of an automation that needs these could no longer save it. `owner` is `None` when removed.
#[must_use]
pub fn lapse(
    demands: &Demands,
    owner: Option<&Principal>,
    access: &AccessView,
    workspace: &WorkspaceName,
) -> Option<Lapse> {
    let mut needed = demands.clone();
    // What every automation needs to be saved.
    needed.add(PermissionSet::of(&[Permission::ManageAutomations]));
    let because = |why: &str, lacking| Some(Lapse { why: why.to_owned(), lacking });
    let Some(owner) = owner else {
        return because("the owner was removed", needed.lacking(PermissionSet::EMPTY));
    };
    if owner.disabled {
        return because("the owner is disabled", PermissionSet::EMPTY);
    }
    let Some(held) = access.permissions(&owner.id, workspace) else {
        return because("the owner has no role there", needed.lacking(PermissionSet::EMPTY));
    };
    let lacking = needed.lacking(held);
    if lacking.is_empty() {
        return None;
    }
    let names: Vec<&str> = lacking.iter().map(Permission::as_str).collect();
    because(&format!("the owner lacks {}", names.join(", ")), lacking)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

    use lictor_model::{
        Assignments, Grant, GrantId, PrincipalId, PrincipalKind, PrincipalName, RoleName, Scope, Source, Timestamp,
    };

    use super::*;

    fn alice(disabled: bool) -> Principal {
        Principal {
            id: PrincipalId::from("a"),
            kind: PrincipalKind::User,
            name: PrincipalName::parse("alice").unwrap(),
            disabled,
            created_at: Timestamp::default(),
        }
    }

    fn lacks(owner: Option<&Principal>, role: &str, workspace: &str) -> Option<String> {
        let grant = Grant {
            id: GrantId::from("g"),
            principal: PrincipalId::from("a"),
            role: RoleName::parse(role).unwrap(),
            scope: Scope::Workspace(workspace.into()),
            source: Source::ByHand,
            created_at: Timestamp::default(),
        };
        let demands = Demands::parse("run_deployments write_deployments|write_schedules").unwrap();
        let access = AccessView::build(&Assignments { grants: vec![grant], ..Assignments::default() });
        let lapse = lapse(&demands, owner, &access, &"main".into())?;
        Some(lapse.lacking.iter().map(Permission::as_str).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn an_automation_lapses_with_what_its_owner_loses() {
        let all = "manage_automations run_deployments write_schedules";
        assert_eq!(lacks(Some(&alice(false)), "developer", "main"), None);
        assert_eq!(lacks(Some(&alice(false)), "runner", "main").as_deref(), Some("manage_automations write_schedules"));
        assert_eq!(lacks(Some(&alice(false)), "developer", "other").as_deref(), Some(all));
        assert_eq!(lacks(Some(&alice(true)), "developer", "main").as_deref(), Some(""));
        assert_eq!(lacks(None, "developer", "main").as_deref(), Some(all));
    }
}
