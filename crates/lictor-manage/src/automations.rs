//! Who answers for what runs by itself, and could they still save it?

use std::collections::BTreeSet;

use lictor_authz::ownership::{Lapse, lapse};
use lictor_authz::{AccessView, Deed};
use lictor_model::{Assignments, Principal, PrincipalId, WorkspaceName};
use lictor_store::AutomationRow;

use crate::administration::Administration;
use crate::error::ManageError;

/// An automation, and how it stands with its owner.
#[derive(Debug)]
pub struct Answered {
    /// Which.
    pub automation: AutomationRow,
    /// Its owner as they are now; `None` when removed.
    pub owner: Option<Principal>,
    /// Why its owner could not save it today; `None` where they could.
    pub lapse: Option<Lapse>,
}

/// The automations on record, and what is known of their owners.
pub(crate) struct Owners {
    pub(crate) automations: Vec<AutomationRow>,
    pub(crate) principals: Vec<Principal>,
    pub(crate) assignments: Assignments,
}

impl Administration {
    /// The automations with an owner on record, of one workspace or of all that are theirs to know of, by workspace and name.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn list_automations(&self, only: Option<&WorkspaceName>) -> Result<Vec<Answered>, ManageError> {
        let owners = self.owners(only).await?;
        let access = AccessView::build(&owners.assignments);
        let answered = owners.automations.into_iter().map(|automation| {
            let owner = owners.principals.iter().find(|one| one.id == automation.principal);
            let lapse = lapse(&automation.demands, owner, &access, &automation.workspace);
            Answered { owner: owner.cloned(), automation, lapse }
        });
        Ok(answered.collect())
    }

    pub(crate) async fn owners(&self, only: Option<&WorkspaceName>) -> Result<Owners, ManageError> {
        self.look(&Deed::See)?;
        let mut automations = self.store.list_automations(only).await?;
        automations.retain(|automation| self.sees(&automation.workspace));
        // Whoever owns none is nothing to look at.
        let of: BTreeSet<&PrincipalId> = automations.iter().map(|automation| &automation.principal).collect();
        let of: Vec<PrincipalId> = of.into_iter().cloned().collect();
        let (principals, assignments) = self.store.load_assignments_of(&of).await?;
        Ok(Owners { automations, principals, assignments })
    }
}
