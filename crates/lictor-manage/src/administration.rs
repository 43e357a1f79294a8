//! Who manages which store, and may they? The handle that all operations hang on.

use std::sync::Arc;

use lictor_authn::View;
use lictor_authz::{AccessView, Authority, Deed, Unauthorized};
use lictor_model::{AuditEvent, Clock, EventId, Identity, Outcome, PrincipalId, Reason, Scope, WorkspaceName};
use lictor_store::{By, Guard, Store};

use crate::error::ManageError;

/// Somebody at work on a store.
#[derive(Debug, Clone)]
pub struct Administration {
    pub(crate) store: Store,
    pub(crate) by: By,
    pub(crate) clock: Clock,
    authority: Authority,
    /// By which roles it is decided, and as of which version; a caller's are held against the store's own once more when
    /// a change is made.
    access: Arc<AccessView>,
    /// Whether it looks through somebody else's rights, and so changes nothing.
    only_views: bool,
    seen: i64,
    workspaces: Arc<[WorkspaceName]>,
}

impl Administration {
    /// Whoever holds the store's files may do everything.
    #[must_use]
    pub fn at_console(store: Store, clock: Clock, workspaces: Arc<[WorkspaceName]>) -> Self {
        let (by, authority, access) = (By::console(), Authority::Console, Arc::default());
        Self { store, by, clock, authority, access, only_views: false, seen: 0, workspaces }
    }

    /// A caller may what their roles in the view allow. Make one for each request: views grow old.
    #[must_use]
    pub fn of_caller(
        identity: &Identity,
        by: By,
        view: &View,
        (store, clock): (Store, Clock),
        workspaces: Arc<[WorkspaceName]>,
    ) -> Self {
        let authority = Authority::Caller(identity.seen_as().id.clone());
        let (access, only_views) = (Arc::clone(&view.access), identity.viewing.is_some());
        Self { store, by, clock, authority, access, only_views, seen: view.version(), workspaces }
    }

    /// The caller, if it is one.
    pub(crate) fn caller(&self) -> Option<&PrincipalId> {
        match &self.authority {
            Authority::Caller(caller) => Some(caller),
            Authority::Console => None,
        }
    }

    /// The workspaces that there are.
    #[must_use]
    pub fn workspaces(&self) -> &[WorkspaceName] {
        &self.workspaces
    }

    /// The roles by which it is decided.
    #[must_use]
    pub fn access(&self) -> &AccessView {
        &self.access
    }

    /// That they may see it.
    ///
    /// # Errors
    /// [`ManageError::Unauthorized`].
    pub fn look(&self, deed: &Deed) -> Result<(), ManageError> {
        Ok(self.authority.permit(deed, &self.access)?)
    }

    /// Whether it is whoever holds the store's files.
    pub(crate) fn is_console(&self) -> bool {
        self.authority == Authority::Console
    }

    /// That they manage anything at all: whoever does not is not told whether what they name exists.
    pub(crate) async fn admit(&self, operation: &str, object: &str) -> Result<(), ManageError> {
        self.permit(operation, object, Deed::Manage).await.map(drop)
    }

    /// The store for one change that they may make; a refusal is put on record, as the change would have been.
    pub(crate) async fn permit(&self, operation: &str, object: &str, deed: Deed) -> Result<Store, ManageError> {
        self.permit_all(operation, object, vec![deed]).await
    }

    /// The same for a change that needs several rights.
    pub(crate) async fn permit_all(
        &self,
        operation: &str,
        object: &str,
        deeds: Vec<Deed>,
    ) -> Result<Store, ManageError> {
        let Authority::Caller(actor) = &self.authority else { return Ok(self.store.clone()) };
        if self.only_views {
            return Err(ManageError::ViewOnly);
        }
        if let Err(refused) = permit_each(&self.authority, &deeds, &self.access) {
            self.record_refusal(operation, object).await?;
            return Err(refused.into());
        }
        let authority = self.authority.clone();
        let holds =
            move |now: &lictor_model::Assignments| permit_each(&authority, &deeds, &AccessView::build(now)).is_ok();
        Ok(self.store.guarded(Guard { actor: actor.clone(), seen: self.seen, holds: Arc::new(holds) }))
    }

    /// That there is such a workspace to give a role in. One that is gone may still be taken out of grants.
    pub(crate) fn check_scope(&self, scope: &Scope) -> Result<(), ManageError> {
        match scope {
            Scope::Workspace(name) => self.check_workspace(name),
            Scope::Everywhere => Ok(()),
        }
    }

    /// That there is such a workspace.
    pub(crate) fn check_workspace(&self, name: &WorkspaceName) -> Result<(), ManageError> {
        if self.workspaces.contains(name) {
            return Ok(());
        }
        let known: Vec<&str> = self.workspaces.iter().map(WorkspaceName::as_str).collect();
        Err(ManageError::NoSuchWorkspace { name: name.to_string(), known: known.join(", ") })
    }

    async fn record_refusal(&self, operation: &str, object: &str) -> Result<(), ManageError> {
        let event = AuditEvent {
            id: EventId::fresh(),
            at: self.clock.now(),
            actor: self.by.actor.clone(),
            credential: self.by.credential.clone(),
            client_ip: self.by.client_ip.clone(),
            operation: operation.to_owned(),
            object: object.to_owned(),
            workspace: None,
            outcome: Outcome::Refused,
            reason: Reason::PermissionDenied.code().to_owned(),
            demands: None,
            status: Reason::PermissionDenied.status(),
            request: self.by.request.clone(),
        };
        Ok(self.store.append_audit(&[event]).await?)
    }
}

fn permit_each(authority: &Authority, deeds: &[Deed], access: &AccessView) -> Result<(), Unauthorized> {
    deeds.iter().try_for_each(|deed| authority.permit(deed, access))
}
