//! Who is there? Users and service accounts: listed, added, disabled, removed, and what they are in the account.

use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use lictor_authz::AccessView;
use lictor_model::{AccountRole, Principal, PrincipalKind, PrincipalName, RoleName, Scope};
use lictor_store::{NewPrincipal, PrincipalFilter};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::Early;
use crate::api::asker::Asker;
use crate::api::body::{Asked, Sent};
use crate::api::page::{Page, Turn};
use crate::api::refusal::Refusals;

/// What somebody is in the account.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Rank {
    /// Manages everything.
    Owner,
    /// Manages everything but owners.
    Admin,
    /// Manages nothing by this role.
    Member,
}

impl From<AccountRole> for Rank {
    fn from(role: AccountRole) -> Self {
        match role {
            AccountRole::Owner => Self::Owner,
            AccountRole::Admin => Self::Admin,
            AccountRole::Member => Self::Member,
        }
    }
}

/// A user or a service account.
#[derive(Serialize, ToSchema)]
pub(crate) struct Person {
    /// Never reused, not even when a name is.
    id: String,
    name: String,
    /// `user` or `service-account`.
    kind: String,
    /// Whether they may do nothing; grants and keys are kept.
    disabled: bool,
    account_role: Rank,
    #[schema(format = DateTime)]
    created_at: String,
}

/// Somebody to add. A user has no password yet: give them a reset link, or let them sign in through the provider.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPerson {
    /// 1 to 64 of a-z, 0-9 and . _ @ + -, in lower case.
    name: String,
    /// A role to begin with.
    role: Option<String>,
    /// The workspace that the role holds in; without one it holds in all.
    workspace: Option<String>,
}

/// What to change.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PersonChange {
    /// Whether they may do nothing any more; within a second, on open websockets too.
    disabled: bool,
}

/// What they are to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRank {
    /// `admin` or `member`; an owner is made by a grant of the role `owner` everywhere.
    account_role: Rank,
}

fn shown(principal: &Principal, access: &AccessView) -> Person {
    Person {
        id: principal.id.to_string(),
        name: principal.name.to_string(),
        kind: principal.kind.as_str().to_owned(),
        disabled: principal.disabled,
        account_role: access.account_role(&principal.id).into(),
        created_at: principal.created_at.to_rfc3339(),
    }
}

async fn list(kind: PrincipalKind, asked: Asked<Turn>) -> Result<Response, Early> {
    let asker = &asked.asker;
    let bounds = asked.query.bounds().map_err(|error| asker.fail(&error))?;
    let filter = PrincipalFilter { kind: Some(kind), bounds, ..PrincipalFilter::default() };
    let listed = asker.admin.page_of_principals(filter).await.map_err(|error| asker.fail(&error))?;
    Ok(asker.answer(StatusCode::OK, &Page::of(listed, |one| shown(&one, asker.admin.access()))))
}

async fn add(kind: PrincipalKind, sent: Sent<NewPerson>) -> Result<Response, Early> {
    let Sent { asker, body } = sent;
    let name = PrincipalName::parse(&body.name).map_err(|error| asker.unusable(&error.to_string()))?;
    let role = body.role.as_deref().map(RoleName::parse).transpose();
    let role = role.map_err(|error| asker.unusable(&error.to_string()))?;
    if role.is_none() && body.workspace.is_some() {
        return Err(asker.unusable("A workspace stands beside a role that holds in it: name the role too."));
    }
    let scope = body.workspace.as_deref().map_or(Scope::Everywhere, |name| Scope::Workspace(name.into()));
    let new = NewPrincipal { kind, name, password: None, role: role.map(|role| (role, scope)) };
    let made = asker.admin.add_principal(new).await.map_err(|error| asker.fail(&error))?;
    asker.web.auth.refresh().await;
    Ok(asker.answer(StatusCode::CREATED, &shown(&made, &asker.web.auth.view().access)))
}

async fn show(kind: PrincipalKind, asker: Asker, name: &str) -> Result<Response, Early> {
    let name = asker.name(name)?;
    let found = asker.admin.principal(kind, &name).await.map_err(|error| asker.fail(&error))?;
    Ok(asker.answer(StatusCode::OK, &shown(&found, asker.admin.access())))
}

async fn change(kind: PrincipalKind, name: &str, sent: Sent<PersonChange>) -> Result<Response, Early> {
    let Sent { asker, body } = sent;
    let name = asker.name(name)?;
    let changed = asker.admin.set_disabled(kind, &name, body.disabled).await.map_err(|error| asker.fail(&error))?;
    Ok(asker.changed(StatusCode::OK, &shown(&changed, asker.admin.access())).await)
}

async fn remove(kind: PrincipalKind, asker: Asker, name: &str) -> Result<Response, Early> {
    let name = asker.name(name)?;
    asker.admin.remove_principal(kind, &name).await.map_err(|error| asker.fail(&error))?;
    Ok(asker.done().await)
}

async fn set_rank(kind: PrincipalKind, name: &str, sent: Sent<NewRank>) -> Result<Response, Early> {
    let Sent { asker, body } = sent;
    let name = asker.name(name)?;
    let role = match body.account_role {
        Rank::Owner => AccountRole::Owner,
        Rank::Admin => AccountRole::Admin,
        Rank::Member => AccountRole::Member,
    };
    asker.admin.set_account_role(kind, &name, role).await.map_err(|error| asker.fail(&error))?;
    Ok(asker.done().await)
}

macro_rules! operations {
    ($kind:expr, $path:literal, $one:literal, $rank:literal, $tag:literal:
     $list:ident $add:ident $show:ident $change:ident $remove:ident $set:ident) => {
        #[doc = concat!("All ", $tag, ", by name.")]
        #[utoipa::path(get, path = $path, params(Turn), tag = $tag,
            responses((status = 200, body = Page<Person>), Refusals))]
        pub(crate) async fn $list(asked: Asked<Turn>) -> Result<Response, Early> {
            list($kind, asked).await
        }

        #[doc = concat!("Add one of the ", $tag, ".")]
        #[utoipa::path(post, path = $path, request_body = NewPerson, tag = $tag,
            responses((status = 201, body = Person), Refusals))]
        pub(crate) async fn $add(sent: Sent<NewPerson>) -> Result<Response, Early> {
            add($kind, sent).await
        }

        #[doc = concat!("One of the ", $tag, ".")]
        #[utoipa::path(get, path = $one, params(("name" = String, Path)), tag = $tag,
            responses((status = 200, body = Person), Refusals))]
        pub(crate) async fn $show(Path(name): Path<String>, asker: Asker) -> Result<Response, Early> {
            show($kind, asker, &name).await
        }

        #[doc = concat!("Disable one of the ", $tag, ", which ends its sessions, or enable it again.")]
        #[utoipa::path(patch, path = $one, params(("name" = String, Path)), request_body = PersonChange, tag = $tag,
            responses((status = 200, body = Person), Refusals))]
        pub(crate) async fn $change(Path(name): Path<String>, sent: Sent<PersonChange>) -> Result<Response, Early> {
            change($kind, &name, sent).await
        }

        #[doc = concat!("Remove one of the ", $tag, ", with keys, sessions, grants and memberships. The record keeps the name.")]
        #[utoipa::path(delete, path = $one, params(("name" = String, Path)), tag = $tag,
            responses((status = 204), Refusals))]
        pub(crate) async fn $remove(Path(name): Path<String>, asker: Asker) -> Result<Response, Early> {
            remove($kind, asker, &name).await
        }

        #[doc = concat!("Make one of the ", $tag, " an admin of the account, or a member again.")]
        #[utoipa::path(put, path = $rank, params(("name" = String, Path)), request_body = NewRank, tag = $tag,
            responses((status = 204), Refusals))]
        pub(crate) async fn $set(Path(name): Path<String>, sent: Sent<NewRank>) -> Result<Response, Early> {
            set_rank($kind, &name, sent).await
        }
    };
}

operations! { PrincipalKind::User, "/users", "/users/{name}", "/users/{name}/account-role", "users":
list_users add_user show_user change_user remove_user set_account_role_of_user }
operations! { PrincipalKind::ServiceAccount, "/service-accounts", "/service-accounts/{name}", "/service-accounts/{name}/account-role",
"service accounts":
list_service_accounts add_service_account show_service_account change_service_account remove_service_account
set_account_role_of_service_account }
