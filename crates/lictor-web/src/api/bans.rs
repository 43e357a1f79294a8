//! Whose passwords are not looked at for a while?

use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use lictor_model::{BanSubject, ClientAddress, PrincipalName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::Early;
use crate::api::asker::Asker;
use crate::api::body::{Asked, Sent};
use crate::api::page::{Page, Turn};
use crate::api::refusal::Refusals;

/// A ban: of an account, of an address, or of an account from an address.
#[derive(Serialize, ToSchema)]
pub(crate) struct Ban {
    /// Null: any.
    account: Option<String>,
    /// Null: any. An IPv6 address stands for its /64.
    address: Option<String>,
    /// `failures` or `administrator`.
    cause: String,
    #[schema(format = DateTime)]
    began_at: String,
    #[schema(format = DateTime)]
    ends_at: String,
}

/// A ban to begin, on one of the two.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewBan {
    /// The name of a user.
    account: Option<String>,
    /// An address; of IPv6, its /64.
    address: Option<String>,
    /// For how long.
    #[schema(minimum = 1, maximum = 31_536_000)]
    seconds: i64,
}

fn shown(ban: &lictor_model::Ban) -> Ban {
    Ban {
        account: ban.subject.account.as_ref().map(ToString::to_string),
        address: ban.subject.address.as_ref().map(ToString::to_string),
        cause: ban.cause.as_str().to_owned(),
        began_at: ban.began_at.to_rfc3339(),
        ends_at: ban.ends_at.to_rfc3339(),
    }
}

/// The bans in force, those that end last first.
#[utoipa::path(get, path = "/bans", operation_id = "list_bans", tag = "bans", params(Turn),
    responses((status = 200, body = Page<Ban>), Refusals))]
pub(crate) async fn list(asked: Asked<Turn>) -> Result<Response, Early> {
    let asker = &asked.asker;
    let all = asker.admin.list_bans().await.map_err(|error| asker.fail(&error))?;
    let size = asked.query.size().map_err(|error| asker.fail(&error))?;
    let from = match asked.query.cursor.as_deref().map(str::parse::<usize>) {
        None => 0,
        Some(Ok(from)) if from.to_string() == asked.query.cursor.as_deref().unwrap_or_default() => from,
        Some(_) => return Err(asker.fail(&lictor_manage::ManageError::UnknownCursor)),
    };
    let to = from.saturating_add(size);
    let next = (to < all.len()).then(|| to.to_string());
    let page = Page::with_next(all.iter().skip(from).take(size).map(shown).collect(), next);
    Ok(asker.answer(StatusCode::OK, &page))
}

/// Look at no password of an account, or from an address, for a while. Sessions and keys go on.
#[utoipa::path(post, path = "/bans", operation_id = "add_ban", tag = "bans", request_body = NewBan,
    responses((status = 201, body = Ban), Refusals))]
pub(crate) async fn add(sent: Sent<NewBan>) -> Result<Response, Early> {
    let Sent { asker, body } = sent;
    let subject = match (&body.account, &body.address) {
        (Some(account), None) => {
            let account = PrincipalName::parse(account).map_err(|error| asker.unusable(&error.to_string()))?;
            BanSubject { account: Some(account), address: None }
        }
        (None, Some(address)) => {
            let why = |_| asker.unusable("Write an address as 192.0.2.7 or 2001:db8::7.");
            BanSubject { account: None, address: Some(address.parse::<ClientAddress>().map_err(why)?) }
        }
        _ => return Err(asker.unusable("A ban is on one of the two: name `account` or `address`.")),
    };
    let ban = asker.admin.add_ban(subject, body.seconds).await.map_err(|error| asker.fail(&error))?;
    Ok(asker.changed(StatusCode::CREATED, &shown(&ban)).await)
}

/// Lift every ban on an account or an address; within a second its passwords are looked at again.
#[utoipa::path(delete, path = "/bans/{subject}", operation_id = "lift_bans", tag = "bans",
    params(("subject" = String, Path, description = "The account or the address.")), responses((status = 204), Refusals))]
pub(crate) async fn lift(Path(subject): Path<String>, asker: Asker) -> Result<Response, Early> {
    asker.admin.lift_bans(&subject).await.map_err(|error| asker.fail(&error))?;
    Ok(asker.done().await)
}
