//! May this caller do this, here? The only place that says yes.

use lictor_model::{CredentialKind, Identity, Permission, PermissionSet, Reason, WorkspaceName};

use crate::access::AccessView;
use crate::matcher::Matched;
use crate::narrow;
use crate::operation::Access;
use crate::permit::Permit;

/// A no: why, and which permissions are missing (none unless the reason is [`Reason::PermissionDenied`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Denial {
    /// The stable reason.
    pub reason: Reason,
    /// What the caller's roles lack.
    pub lacking: PermissionSet,
}

impl Denial {
    pub(crate) const fn because(reason: Reason) -> Self {
        Self { reason, lacking: PermissionSet::EMPTY }
    }

    /// One sentence for the caller: the reason's advice, with the lacking permissions named.
    #[must_use]
    pub fn advice(&self) -> String {
        if self.lacking.is_empty() {
            return self.reason.advice().to_owned();
        }
        let lacking = self.lacking.iter().map(Permission::as_str).collect::<Vec<_>>().join(", ");
        format!("{} Lacking: {lacking}.", self.reason.advice())
    }
}

/// Decides about a row of the table.
///
/// # Errors
/// A [`Denial`] that says why not.
pub fn decide(
    matched: &Matched,
    identity: Option<&Identity>,
    access: &AccessView,
    workspace: &WorkspaceName,
) -> Result<Permit, Denial> {
    let operation = matched.operation();
    if operation.access == Access::Public {
        return Ok(Permit::new(matched.clone(), PermissionSet::EMPTY));
    }
    let held = member(identity, access, workspace)?;
    // Browsers open sockets across origins and send cookies along; no UI of Prefect opens one.
    if operation.is_socket() && identity.is_some_and(|who| who.credential.kind == CredentialKind::Session) {
        return Err(Denial::because(Reason::SessionOnSocket));
    }
    match operation.access {
        Access::Public | Access::Member => {}
        Access::Nobody => return Err(Denial::because(Reason::OperationClosed)),
        needed if needed.admits(held) => {}
        needed => return Err(Denial { reason: Reason::PermissionDenied, lacking: needed.lacking(held) }),
    }
    if identity.is_some_and(|who| who.viewing.is_some()) && !narrow::reads(matched) {
        return Err(Denial::because(Reason::ViewOnly));
    }
    let Some(narrowing) = identity.and_then(|identity| identity.narrowing.as_ref()) else {
        return Ok(Permit::new(matched.clone(), held));
    };
    // After what its owner may: somebody who may not at all is not told of a narrow key.
    let left = narrowing.of(held);
    if !narrow::admits(narrowing, matched, workspace) || !operation.access.admits(left) {
        return Err(Denial { reason: Reason::KeyTooNarrow, lacking: operation.access.lacking(left) });
    }
    Ok(Permit::new(matched.clone(), left).within(narrowing))
}

/// Why a request that is in no row is refused. A stranger learns only that a credential is needed, so that nobody can
/// map the table without one.
#[must_use]
pub fn deny_unknown(identity: Option<&Identity>, access: &AccessView, workspace: &WorkspaceName) -> Denial {
    member(identity, access, workspace).err().unwrap_or(Denial::because(Reason::UnknownOperation))
}

/// Why a request to a workspace that there is not is refused: as one to a workspace that the caller has no grant in.
#[must_use]
pub fn deny_nowhere(identity: Option<&Identity>) -> Denial {
    known(identity).err().unwrap_or(Denial::because(Reason::NotAMember))
}

fn known(identity: Option<&Identity>) -> Result<&Identity, Denial> {
    let identity = identity.ok_or(Denial::because(Reason::AuthenticationRequired))?;
    if identity.seen_as().disabled { Err(Denial::because(Reason::PrincipalDisabled)) } else { Ok(identity) }
}

/// Whether the caller has a grant in the workspace, and may present there what it presents.
///
/// # Errors
/// A [`Denial`] that says why not.
pub fn check_member(identity: &Identity, access: &AccessView, workspace: &WorkspaceName) -> Result<(), Denial> {
    member(Some(identity), access, workspace)?;
    match &identity.narrowing {
        Some(narrowing) if !narrowing.admits_workspace(workspace) => Err(Denial::because(Reason::KeyTooNarrow)),
        _ => Ok(()),
    }
}

fn member(
    identity: Option<&Identity>,
    access: &AccessView,
    workspace: &WorkspaceName,
) -> Result<PermissionSet, Denial> {
    let identity = known(identity)?;
    access.permissions(&identity.seen_as().id, workspace).ok_or(Denial::because(Reason::NotAMember))
}
