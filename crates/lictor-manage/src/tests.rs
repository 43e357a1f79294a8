//! Does each operation refuse whom it must, and put it on record?

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

use std::sync::Arc;

use lictor_authn::{Authenticator, Options};
use lictor_model::{
    AccountRole, BanSubject, Clock, CredentialId, CredentialKind, CredentialRef, GrantId, Identity, Outcome,
    PermissionSet, PrincipalKind, PrincipalName, Reason, Role, RoleName, Scope, TeamName, Timestamp, WorkspaceName,
};
use lictor_store::{AuditFilter, By, NewPrincipal, Store};

use crate::{Administration, Holder, ManageError, NewKey};

/// A store with the owner `olga`, the admin `adam`, the owner `wanda` of the workspace `lab`, the viewer `vera`, and the
/// machines `etl` and `root`, which is an owner.
struct Stage {
    store: Store,
    clock: Clock,
    auth: Authenticator,
}

fn named(name: &str) -> PrincipalName {
    PrincipalName::parse(name).unwrap()
}

fn role(name: &str) -> RoleName {
    RoleName::parse(name).unwrap()
}

impl Stage {
    async fn new() -> Self {
        let clock = Clock::manual(Timestamp::from_micros(1_800_000_000_000_000));
        let store = Store::open("sqlite::memory:", clock.clone()).await.unwrap();
        let (user, machine) = (PrincipalKind::User, PrincipalKind::ServiceAccount);
        let lab = || Scope::Workspace("lab".into());
        for (name, kind, first) in [
            ("olga", user, Some(("owner", Scope::Everywhere))),
            ("adam", user, None),
            ("wanda", user, Some(("owner", lab()))),
            ("vera", user, Some(("viewer", Scope::Everywhere))),
            ("etl", machine, Some(("worker", Scope::Everywhere))),
            ("root", machine, Some(("owner", Scope::Everywhere))),
        ] {
            let role = first.map(|(name, scope)| (role(name), scope));
            let new = NewPrincipal { kind, name: named(name), password: None, role };
            store.add_principal(&By::console(), new).await.unwrap();
        }
        store.set_admin(&By::console(), &named("adam"), true).await.unwrap();
        store.add_team(&By::console(), TeamName::parse("data").unwrap(), "").await.unwrap();
        let background = tokio::runtime::Handle::current();
        let auth = Authenticator::start(store.clone(), clock.clone(), background, Options::default()).await.unwrap();
        Self { store, clock, auth }
    }

    async fn as_who(&self, name: &str) -> Administration {
        self.auth.refresh().await;
        let principal = Arc::new(self.store.find_principal(&named(name)).await.unwrap().unwrap());
        let credential = CredentialRef { kind: CredentialKind::Key, id: CredentialId::from("k") };
        let identity = Identity { principal, credential, narrowing: None, viewing: None };
        let by = By::caller(&identity, "192.0.2.7", None);
        let workspaces: Arc<[WorkspaceName]> = ["main", "lab"].map(WorkspaceName::from).into();
        let on = (self.store.clone(), self.clock.clone());
        Administration::of_caller(&identity, by, &self.auth.view(), on, workspaces)
    }

    async fn newest(&self) -> (String, String, Outcome) {
        let filter = AuditFilter { limit: 1, ..AuditFilter::default() };
        let event = self.store.list_audit(filter).await.unwrap().remove(0);
        (event.operation, event.object, event.outcome)
    }
}

fn reason<T>(result: Result<T, ManageError>) -> Option<Reason> {
    result.err().map(|error| error.reason())
}

const DENIED: Option<Reason> = Some(Reason::PermissionDenied);

#[tokio::test(flavor = "multi_thread")]
async fn a_member_learns_nothing_and_each_try_is_on_record() {
    let stage = Stage::new().await;
    let vera = stage.as_who("vera").await;
    assert_eq!(reason(vera.list_principals(None).await), DENIED);
    assert_eq!(reason(vera.keys(None).await), DENIED);
    assert_eq!(reason(vera.audit(AuditFilter::default()).await), DENIED);
    let user = PrincipalKind::User;
    // Whether there is such a user, key or session is nothing that a member is told.
    for name in ["olga", "nobody"] {
        assert_eq!(reason(vera.set_disabled(user, &named(name), true).await), DENIED);
        let (operation, object, outcome) = stage.newest().await;
        assert_eq!((operation.as_str(), object.as_str(), outcome), ("user.disable", name, Outcome::Refused));
        assert_eq!(reason(vera.remove_principal(user, &named(name)).await), DENIED);
        assert_eq!(reason(vera.make_reset_link(&named(name), 60).await), DENIED);
        let subject = BanSubject { account: Some(named(name)), address: None };
        assert_eq!(reason(vera.add_ban(subject, 60).await), DENIED);
    }
    let nowhere = Some((role("viewer"), Scope::Workspace("nowhere".into())));
    let new = NewPrincipal { kind: user, name: named("puppet"), password: None, role: nowhere };
    assert_eq!(reason(vera.add_principal(new).await), DENIED, "and not which workspaces there are");
    assert_eq!(reason(vera.revoke_key("k").await), DENIED);
    assert_eq!(reason(vera.end_session(&CredentialId::from("s")).await), DENIED);
    assert_eq!(stage.newest().await.2, Outcome::Refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_finds_no_way_to_an_owners_rights() {
    let stage = Stage::new().await;
    let (adam, user, machine) = (stage.as_who("adam").await, PrincipalKind::User, PrincipalKind::ServiceAccount);
    let (olga, root) = (named("olga"), named("root"));
    let key = |owner: &PrincipalName| NewKey {
        owner: owner.clone(),
        label: String::new(),
        expires_at: None,
        narrowing: None,
    };
    assert_eq!(reason(adam.make_reset_link(&olga, 60).await), DENIED);
    assert_eq!(reason(adam.set_disabled(user, &olga, true).await), DENIED);
    assert_eq!(reason(adam.remove_principal(machine, &root).await), DENIED);
    for owner in [&olga, &root, &named("vera")] {
        assert_eq!(reason(adam.make_key(key(owner)).await), DENIED, "{owner}");
    }
    let everywhere = || Scope::Everywhere;
    let on_self = Holder::Principal(named("adam"));
    assert_eq!(reason(adam.add_grant(&on_self, role("owner"), everywhere()).await), DENIED);
    let team = TeamName::parse("data").unwrap();
    assert_eq!(reason(adam.add_grant(&Holder::Team(team.clone()), role("owner"), everywhere()).await), DENIED);
    let new =
        NewPrincipal { kind: user, name: named("puppet"), password: None, role: Some((role("owner"), everywhere())) };
    assert_eq!(reason(adam.add_principal(new).await), DENIED);
    assert_eq!(reason(adam.set_max_key_age(&role("owner"), Some(1)).await), DENIED);
    // A team that makes owners is an owner's to fill.
    stage.store.add_team_grant(&By::console(), &team, role("owner"), everywhere()).await.unwrap();
    let later = stage.as_who("adam").await;
    assert_eq!(reason(later.add_members(&team, &[named("adam")]).await), DENIED);
    // Nor does it help to have looked before it was one: the right is held against the store when the change is made.
    assert_eq!(reason(adam.add_members(&team, &[named("adam")]).await), DENIED);
    assert_eq!(stage.auth.view().access.account_role(&adam_id(&stage).await), AccountRole::Admin);
}

async fn adam_id(stage: &Stage) -> lictor_model::PrincipalId {
    stage.auth.refresh().await;
    stage.store.find_principal(&named("adam")).await.unwrap().unwrap().id
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_manages_everybody_else() {
    let stage = Stage::new().await;
    let adam = stage.as_who("adam").await;
    adam.set_disabled(PrincipalKind::User, &named("vera"), true).await.unwrap();
    let etl = NewKey { owner: named("etl"), label: "vm".to_owned(), expires_at: None, narrowing: None };
    let (_, made) = adam.make_key(etl.clone()).await.unwrap();
    adam.revoke_key(made.id.as_str()).await.unwrap();
    adam.set_account_role(PrincipalKind::ServiceAccount, &named("etl"), AccountRole::Admin).await.unwrap();
    let owner_of_lab = Holder::Principal(named("adam"));
    adam.add_grant(&owner_of_lab, role("owner"), Scope::Workspace("lab".into())).await.unwrap();
    let nowhere = Scope::Workspace("nowhere".into());
    assert_eq!(reason(adam.add_grant(&owner_of_lab, role("viewer"), nowhere).await), Some(Reason::UnusableValue));
    let (operation, object, outcome) = stage.newest().await;
    assert_eq!((operation.as_str(), object.as_str()), ("grant.add", "adam is owner in lab"));
    assert_eq!(outcome, Outcome::Allowed);
    let past = NewKey { expires_at: Some(stage.clock.now()), ..etl.clone() };
    assert_eq!(reason(adam.make_key(past).await), Some(Reason::UnusableValue));
    let unseen = NewKey { label: "a\u{202e}b".to_owned(), ..etl };
    assert_eq!(reason(adam.make_key(unseen).await), Some(Reason::UnusableValue));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_of_a_workspace_gives_and_takes_roles_there_alone() {
    let stage = Stage::new().await;
    let wanda = stage.as_who("wanda").await;
    let (vera, lab) = (Holder::Principal(named("vera")), Scope::Workspace("lab".into()));
    let given = wanda.add_grant(&vera, role("developer"), lab.clone()).await.unwrap();
    let elsewhere = wanda.add_grant(&vera, role("developer"), Scope::Everywhere).await;
    assert_eq!(reason(elsewhere), DENIED);
    let stage_grants: Vec<GrantId> = wanda.list_grants().await.unwrap().into_iter().map(|line| line.id).collect();
    assert!(stage_grants.contains(&given.id) && stage_grants.len() == 2, "her own, and the one that she gave");
    assert_eq!(stage.as_who("adam").await.list_grants().await.unwrap().len(), 6);
    wanda.remove_grant(&vera, &role("developer"), &lab).await.unwrap();
    let custom = Role {
        name: role("own"),
        description: String::new(),
        base: None,
        permissions: PermissionSet::EMPTY,
        built_in: false,
    };
    assert_eq!(reason(wanda.add_role(custom).await), DENIED);
    assert_eq!(reason(wanda.keys(None).await), DENIED);
    assert_eq!(wanda.list_principals(Some(PrincipalKind::User)).await.unwrap().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_that_was_made_up_is_no_end_of_the_record() {
    let stage = Stage::new().await;
    let olga = stage.as_who("olga").await;
    let page =
        |before: Option<&str>| AuditFilter { limit: 3, before: before.map(Into::into), ..AuditFilter::default() };
    let first = olga.audit(page(None)).await.unwrap();
    let next = first.next.unwrap();
    assert_eq!((first.events.len(), &first.events[2].id), (3, &next));
    let second = olga.audit(page(Some(next.as_str()))).await.unwrap();
    assert!(second.events.iter().all(|event| first.events.iter().all(|other| other.id != event.id)));
    assert_eq!(reason(olga.audit(page(Some("made-up"))).await), Some(Reason::UnknownCursor));
}
