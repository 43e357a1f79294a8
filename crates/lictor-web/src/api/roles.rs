//! Which roles are there, and what does each allow?

use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use lictor_authz::roles::permissions_of;
use lictor_manage::ManageError;
use lictor_model::{MaxKeyAge, Permission, PermissionSet, RoleName};
use lictor_store::StoreError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::Early;
use crate::api::asker::Asker;
use crate::api::body::{Asked, Sent};
use crate::api::page::{Page, Turn, turn};
use crate::api::refusal::Refusals;

/// A role.
#[derive(Serialize, ToSchema)]
pub(crate) struct Role {
    name: String,
    description: String,
    /// Whether it comes with the program.
    built_in: bool,
    /// The built-in role that it follows.
    based_on: Option<String>,
    /// What it allows, besides what that one allows.
    permissions: Vec<String>,
    /// All that it allows.
    allows: Vec<String>,
    /// How old the keys of those who have it may grow.
    max_key_age_seconds: Option<i64>,
    /// Whether those who have it must have a second factor.
    second_factor_required: bool,
}

/// What a role is to say.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoleText {
    /// One sentence for lists.
    #[serde(default)]
    #[schema(max_length = 200)]
    description: String,
    /// A built-in role to follow: viewer, runner, developer, owner or worker.
    #[serde(default)]
    based_on: Option<String>,
    /// What it allows besides, spelled as Prefect Cloud's scopes. An empty list allows nothing.
    permissions: Vec<String>,
}

/// A role to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRole {
    /// 1 to 48 of a-z, 0-9 and -, beginning with a letter.
    name: String,
    /// One sentence for lists.
    #[serde(default)]
    #[schema(max_length = 200)]
    description: String,
    /// A built-in role to follow: viewer, runner, developer, owner or worker.
    #[serde(default)]
    based_on: Option<String>,
    /// What it allows besides, spelled as Prefect Cloud's scopes. An empty list allows nothing.
    permissions: Vec<String>,
}

/// How old keys may grow.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyAge {
    /// Null: as old as they are made for. Keys that are older have expired at once.
    #[schema(minimum = 1)]
    seconds: Option<i64>,
}

/// What is demanded.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecondFactor {
    /// Whether those who have the role can do nothing in a browser without a second factor.
    required: bool,
}

fn names(set: PermissionSet) -> Vec<String> {
    set.iter().map(|permission| permission.as_str().to_owned()).collect()
}

fn shown(role: &lictor_model::Role, ages: &[MaxKeyAge], demanding: &[RoleName]) -> Role {
    Role {
        name: role.name.to_string(),
        description: role.description.clone(),
        built_in: role.built_in,
        based_on: role.base.as_ref().map(ToString::to_string),
        permissions: names(role.permissions),
        allows: names(permissions_of(role)),
        max_key_age_seconds: ages.iter().find(|age| age.role == role.name).map(|age| age.seconds),
        second_factor_required: demanding.contains(&role.name),
    }
}

fn read(asker: &Asker, name: RoleName, text: RoleText) -> Result<lictor_model::Role, Early> {
    let base = text.based_on.as_deref().map(RoleName::parse).transpose();
    let base = base.map_err(|error| asker.unusable(&error.to_string()))?;
    let permission = |name: &String| {
        let why = || asker.unusable(&format!("There is no permission {name:?}: the role owner lists them all."));
        Permission::parse(name).ok_or_else(why)
    };
    let permissions = text.permissions.iter().map(permission).collect::<Result<_, _>>()?;
    Ok(lictor_model::Role { name, description: text.description, base, permissions, built_in: false })
}

async fn now(asker: &Asker, name: &RoleName) -> Result<Role, Early> {
    let (role, age) = asker.admin.role(name).await.map_err(|error| asker.fail(&error))?;
    let demanding = asker.admin.roles_with_second_factor().await.map_err(|error| asker.fail(&error))?;
    Ok(shown(&role, age.as_slice(), &demanding))
}

/// All roles, by name: the built-in ones and your own.
#[utoipa::path(get, path = "/roles", operation_id = "list_roles", tag = "roles", params(Turn),
    responses((status = 200, body = Page<Role>), Refusals))]
pub(crate) async fn list(asked: Asked<Turn>) -> Result<Response, Early> {
    let asker = &asked.asker;
    let (all, ages) = asker.admin.list_roles().await.map_err(|error| asker.fail(&error))?;
    let demanding = asker.admin.roles_with_second_factor().await.map_err(|error| asker.fail(&error))?;
    let show = |role: &lictor_model::Role| shown(role, &ages, &demanding);
    let page = turn(&asked.query, all, |role| role.name.as_str(), show).map_err(|error| asker.fail(&error))?;
    Ok(asker.answer(StatusCode::OK, &page))
}

/// Make a role of your own.
#[utoipa::path(post, path = "/roles", operation_id = "add_role", tag = "roles", request_body = NewRole,
    responses((status = 201, body = Role), Refusals))]
pub(crate) async fn add(sent: Sent<NewRole>) -> Result<Response, Early> {
    let Sent { asker, body } = sent;
    let name = RoleName::parse(&body.name).map_err(|error| asker.unusable(&error.to_string()))?;
    let text = RoleText { description: body.description, based_on: body.based_on, permissions: body.permissions };
    let role = read(&asker, name.clone(), text)?;
    asker.admin.add_role(role).await.map_err(|error| asker.fail(&error))?;
    Ok(asker.changed(StatusCode::CREATED, &now(&asker, &name).await?).await)
}

/// One role.
#[utoipa::path(get, path = "/roles/{role}", operation_id = "show_role", tag = "roles", params(("role" = String, Path)),
    responses((status = 200, body = Role), Refusals))]
pub(crate) async fn show(Path(role): Path<String>, asker: Asker) -> Result<Response, Early> {
    let name = asker.role(&role)?;
    Ok(asker.answer(StatusCode::OK, &now(&asker, &name).await?))
}

/// Change what a role of your own says, as a whole: whoever has it has what it allows now within a second.
#[utoipa::path(put, path = "/roles/{role}", operation_id = "change_role", tag = "roles",
    params(("role" = String, Path)), request_body = RoleText, responses((status = 200, body = Role), Refusals))]
pub(crate) async fn change(Path(role): Path<String>, sent: Sent<RoleText>) -> Result<Response, Early> {
    let Sent { asker, body } = sent;
    let name = asker.role(&role)?;
    let role = read(&asker, name.clone(), body)?;
    asker.admin.change_role(&role).await.map_err(|error| asker.fail(&error))?;
    Ok(asker.changed(StatusCode::OK, &now(&asker, &name).await?).await)
}

/// Remove a role of your own that nobody has.
#[utoipa::path(delete, path = "/roles/{role}", operation_id = "remove_role", tag = "roles",
    params(("role" = String, Path)), responses((status = 204), Refusals))]
pub(crate) async fn remove(Path(role): Path<String>, asker: Asker) -> Result<Response, Early> {
    let name = asker.role(&role)?;
    asker.admin.remove_role(&name).await.map_err(|error| asker.fail(&error))?;
    Ok(asker.done().await)
}

/// Let no key of those who have a role, built in or your own, grow older than this.
#[utoipa::path(put, path = "/roles/{role}/max-key-age", operation_id = "set_max_key_age", tag = "roles",
    params(("role" = String, Path)), request_body = KeyAge, responses((status = 204), Refusals))]
pub(crate) async fn set_max_key_age(Path(role): Path<String>, sent: Sent<KeyAge>) -> Result<Response, Early> {
    let Sent { asker, body } = sent;
    let name = asker.role(&role)?;
    demanded(&asker, asker.admin.set_max_key_age(&name, body.seconds).await).await
}

/// Demand a second factor of those who have a role, built in or your own, or no longer do.
#[utoipa::path(put, path = "/roles/{role}/second-factor", operation_id = "set_second_factor", tag = "roles",
    params(("role" = String, Path)), request_body = SecondFactor, responses((status = 204), Refusals))]
pub(crate) async fn set_second_factor(Path(role): Path<String>, sent: Sent<SecondFactor>) -> Result<Response, Early> {
    let Sent { asker, body } = sent;
    let name = asker.role(&role)?;
    demanded(&asker, asker.admin.set_second_factor(&name, body.required).await).await
}

async fn demanded(asker: &Asker, done: Result<(), ManageError>) -> Result<Response, Early> {
    match done {
        Ok(()) => Ok(asker.done().await),
        // It stands in the path, and not in the body.
        Err(ManageError::Store(StoreError::UnknownRole(_))) => Err(asker.absent()),
        Err(error) => Err(asker.fail(&error)),
    }
}
