//! Which API keys are there? Made and shown once, masked from then on.

use std::collections::HashMap;

use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use lictor_manage::{Listed, NewKey};
use lictor_model::{ApiKey, CredentialId, Narrowing, Permission, PrincipalName, Timestamp};
use lictor_store::{KeyFilter, KeyRow, Owned};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::answer::Early;
use crate::api::asker::Asker;
use crate::api::body::{Asked, Sent};
use crate::api::page::{Page, Turn, usual};
use crate::api::refusal::Refusals;
use crate::api::when;

/// A key, masked.
#[derive(Serialize, ToSchema)]
pub(crate) struct Key {
    id: String,
    /// Whose.
    r#for: String,
    label: String,
    /// Its last four characters.
    masked: String,
    /// `active`, `disabled`, `expired` or `revoked`.
    state: String,
    /// What it may do at most; null: what its owner may.
    limits: Option<Limits>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// The role whose bound on the age of keys ends it, if that is what does.
    expires_by_role: Option<String>,
    last_used: Option<Use>,
    /// The key that it replaces.
    replaces: Option<String>,
    /// The key that replaces it.
    replaced_by: Option<String>,
}

/// The last use of a key.
#[derive(Serialize, ToSchema)]
pub(crate) struct Use {
    #[schema(format = DateTime)]
    at: String,
    client_ip: String,
    /// Of Prefect's client, if it said.
    client_version: String,
}

/// What a key may do at most, however much its owner may.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limits {
    /// Only these; null: as its owner.
    #[serde(default)]
    permissions: Option<Vec<String>>,
    /// Nothing that changes anything.
    #[serde(default)]
    read_only: bool,
    /// Only there.
    #[serde(default)]
    workspace: Option<String>,
    /// Only these; empty: all.
    #[serde(default)]
    work_pools: Vec<String>,
    /// Only from these, as 10.0.0.0/8; empty: from everywhere.
    #[serde(default)]
    networks: Vec<String>,
}

/// A key that was just made.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeKey {
    /// The key itself: shown this once.
    key: String,
    #[serde(flatten)]
    shown: Key,
}

/// A key to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyWish {
    /// A service account, or yourself: a user's keys are made by that user.
    r#for: String,
    /// What it is for.
    #[serde(default)]
    #[schema(max_length = 100)]
    label: String,
    /// When it ends; null for never, or for as late as the roles of its owner allow.
    #[serde(default)]
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// What it may do at most.
    #[serde(default)]
    limits: Option<Limits>,
}

/// How a key is replaced.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Overlap {
    /// How long both are good.
    #[serde(default = "two_days")]
    #[schema(minimum = 0, maximum = 31_536_000, default = 172_800)]
    overlap_seconds: i64,
}

const fn two_days() -> i64 {
    172_800
}

/// Which keys.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct KeyTurn {
    /// Only of this user or service account.
    r#for: Option<String>,
    /// At most so many.
    #[serde(default = "usual")]
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: u32,
    /// The `next` of the page before.
    cursor: Option<String>,
}

fn limits(narrowing: &Narrowing) -> Limits {
    let permissions = narrowing.permissions.map(|set| set.iter().map(|one| one.as_str().to_owned()).collect());
    Limits {
        permissions,
        read_only: narrowing.read_only,
        workspace: narrowing.workspace.as_ref().map(ToString::to_string),
        work_pools: narrowing.work_pools.clone(),
        networks: narrowing.networks.iter().map(ToString::to_string).collect(),
    }
}

/// A key with whose it is, when it is shown, and what replaces it.
fn shown(key: &KeyRow, owner: &PrincipalName, now: Timestamp, successor: Option<&CredentialId>) -> Key {
    let used = key.last_used.as_ref().map(|used| Use {
        at: used.at.to_rfc3339(),
        client_ip: used.client_ip.clone(),
        client_version: used.client_version.clone(),
    });
    Key {
        id: key.id.to_string(),
        r#for: owner.to_string(),
        label: key.label.clone(),
        masked: format!("lictor_…{}", key.hint),
        state: key.state(now).as_str().to_owned(),
        limits: key.narrowing.as_ref().map(limits),
        created_at: key.created_at.to_rfc3339(),
        expires_at: key.expires_at.map(Timestamp::to_rfc3339),
        expires_by_role: key.ended_by.as_ref().map(ToString::to_string),
        last_used: used,
        replaces: key.replaces.as_ref().map(ToString::to_string),
        replaced_by: successor.map(ToString::to_string),
    }
}

/// Keys as they are shown, each with its successor.
async fn shown_all(asker: &Asker, keys: Listed<Owned<KeyRow>>) -> Result<Page<Key>, Early> {
    let ids: Vec<CredentialId> = keys.rows.iter().map(|key| key.row.id.clone()).collect();
    let successors = asker.admin.successors(&ids).await.map_err(|error| asker.fail(&error))?;
    let successors: HashMap<CredentialId, CredentialId> = successors.into_iter().collect();
    // After they were read, so that what was made a moment ago is not in the future.
    let now = asker.web.clock.now();
    Ok(Page::of(keys, |key| shown(&key.row, &key.owner, now, successors.get(&key.row.id))))
}

async fn made(asker: &Asker, secret: &ApiKey, key: &KeyRow) -> Result<Response, Early> {
    let owner = owner(asker, &key.id).await?;
    let made = MadeKey { key: secret.expose().to_owned(), shown: shown(key, &owner, asker.web.clock.now(), None) };
    Ok(asker.changed(StatusCode::CREATED, &made).await)
}

async fn owner(asker: &Asker, id: &CredentialId) -> Result<PrincipalName, Early> {
    let key = asker.admin.owned_key(id).await.map_err(|error| asker.fail(&error))?;
    Ok(key.owner)
}

fn narrowing(asker: &Asker, limits: &Limits) -> Result<Option<Narrowing>, Early> {
    let permission = |name: &String| {
        let why = || asker.unusable(&format!("There is no permission {name:?}: the role owner lists them all."));
        Permission::parse(name).ok_or_else(why)
    };
    let network = |text: &String| {
        let why = |_| asker.unusable(&format!("{text:?} is no network: write it as 10.0.0.0/8."));
        Narrowing::parse_network(text).map_err(why)
    };
    let permissions = limits.permissions.as_ref().map(|names| names.iter().map(permission).collect());
    let narrowing = Narrowing {
        permissions: permissions.transpose()?,
        read_only: limits.read_only,
        workspace: limits.workspace.as_deref().map(Into::into),
        work_pools: limits.work_pools.clone(),
        networks: limits.networks.iter().map(network).collect::<Result<_, _>>()?,
    };
    Ok((!narrowing.is_none()).then_some(narrowing))
}

/// All keys, oldest first: whose, when they were last used, from where, and when they end.
#[utoipa::path(get, path = "/keys", operation_id = "list_keys", tag = "keys", params(KeyTurn),
    responses((status = 200, body = Page<Key>), Refusals))]
pub(crate) async fn list(asked: Asked<KeyTurn>) -> Result<Response, Early> {
    let (asker, query) = (&asked.asker, asked.query);
    let owner = query.r#for.as_deref().map(|name| asker.name(name)).transpose()?;
    let bounds = Turn { limit: query.limit, cursor: query.cursor }.bounds().map_err(|error| asker.fail(&error))?;
    let owner = match owner {
        Some(name) => Some(asker.admin.key_owner(&name).await.map_err(|error| asker.fail(&error))?.id),
        None => None,
    };
    let filter = KeyFilter { owner, bounds, ..KeyFilter::default() };
    let listed = asker.admin.page_of_keys(filter).await.map_err(|error| asker.fail(&error))?;
    Ok(asker.answer(StatusCode::OK, &shown_all(asker, listed).await?))
}

/// Make a key of a service account, or your own. It is shown this once.
#[utoipa::path(post, path = "/keys", operation_id = "make_key", tag = "keys", request_body = KeyWish,
    responses((status = 201, body = MadeKey), Refusals))]
pub(crate) async fn make(sent: Sent<KeyWish>) -> Result<Response, Early> {
    let Sent { asker, body } = sent;
    let owner = PrincipalName::parse(&body.r#for).map_err(|error| asker.unusable(&error.to_string()))?;
    let expires_at = body.expires_at.as_deref().map(|text| when::read(text).ok_or_else(|| asker.unusable(when::HOW)));
    let narrowing = body.limits.as_ref().map(|limits| narrowing(&asker, limits)).transpose()?.flatten();
    let new = NewKey { owner, label: body.label, expires_at: expires_at.transpose()?, narrowing };
    let (secret, key) = asker.admin.make_key(new).await.map_err(|error| asker.fail(&error))?;
    made(&asker, &secret, &key).await
}

/// One key.
#[utoipa::path(get, path = "/keys/{id}", operation_id = "show_key", tag = "keys", params(("id" = String, Path)),
    responses((status = 200, body = Key), Refusals))]
pub(crate) async fn show(Path(id): Path<String>, asker: Asker) -> Result<Response, Early> {
    let key = asker.admin.owned_key(&CredentialId::from(id)).await.map_err(|error| asker.fail(&error))?;
    let successors =
        asker.admin.successors(std::slice::from_ref(&key.row.id)).await.map_err(|error| asker.fail(&error))?;
    let successor = successors.first().map(|(_, new)| new);
    Ok(asker.answer(StatusCode::OK, &shown(&key.row, &key.owner, asker.web.clock.now(), successor)))
}

/// Revoke a key, for good: it stops working within a second, on open websockets too.
#[utoipa::path(delete, path = "/keys/{id}", operation_id = "revoke_key", tag = "keys", params(("id" = String, Path)),
    responses((status = 204), Refusals))]
pub(crate) async fn revoke(Path(id): Path<String>, asker: Asker) -> Result<Response, Early> {
    let id = exact(&asker, id, "key.revoke").await?;
    asker.admin.revoke_key(id.as_str()).await.map_err(|error| asker.fail(&error))?;
    Ok(asker.done().await)
}

/// Replace a key while it is in use: the new one is shown this once, the old one goes on until the overlap ends.
#[utoipa::path(post, path = "/keys/{id}/rotate", operation_id = "rotate_key", tag = "keys", request_body = Overlap,
    params(("id" = String, Path)), responses((status = 201, body = MadeKey), Refusals))]
pub(crate) async fn rotate(Path(id): Path<String>, sent: Sent<Overlap>) -> Result<Response, Early> {
    let Sent { asker, body } = sent;
    let id = exact(&asker, id, "key.rotate").await?;
    let rotated = asker.admin.rotate_key(id.as_str(), body.overlap_seconds).await;
    let (secret, rotation) = rotated.map_err(|error| asker.fail(&error))?;
    made(&asker, &secret, &rotation.new).await
}

/// Put a key out of use for a while: within a second, on open websockets too.
#[utoipa::path(post, path = "/keys/{id}/disable", operation_id = "disable_key", tag = "keys",
    params(("id" = String, Path)), responses((status = 204), Refusals))]
pub(crate) async fn disable(Path(id): Path<String>, asker: Asker) -> Result<Response, Early> {
    set_disabled(&asker, id, true).await
}

/// Put a disabled key into use again.
#[utoipa::path(post, path = "/keys/{id}/enable", operation_id = "enable_key", tag = "keys",
    params(("id" = String, Path)), responses((status = 204), Refusals))]
pub(crate) async fn enable(Path(id): Path<String>, asker: Asker) -> Result<Response, Early> {
    set_disabled(&asker, id, false).await
}

async fn set_disabled(asker: &Asker, id: String, disabled: bool) -> Result<Response, Early> {
    let id = exact(asker, id, if disabled { "key.disable" } else { "key.enable" }).await?;
    asker.admin.set_key_disabled(id.as_str(), disabled).await.map_err(|error| asker.fail(&error))?;
    Ok(asker.done().await)
}

/// On the command line a label or the last characters name a key; here only its id does.
async fn exact(asker: &Asker, id: String, operation: &str) -> Result<CredentialId, Early> {
    let found = asker.admin.exact_key(operation, &CredentialId::from(id)).await;
    found.map(|key| key.id).map_err(|error| asker.fail(&error))
}
