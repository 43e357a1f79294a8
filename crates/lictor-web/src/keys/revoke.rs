//! Is this the key to revoke? Its last use is shown first, so that nobody cuts off what is running unawares.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use lictor_model::{Identity, Reason};
use lictor_store::KeyRow;

use super::{PATH, Shown, of, shown};
use crate::answer::{self, Early};
use crate::form::Sent;
use crate::layout::{Done, Layout, Section};
use crate::next::Asked;
use crate::router::WebState;
use crate::sessions::away;
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "key_revoke.html")]
struct Page<'a> {
    layout: Layout<'a>,
    key: Shown,
}

/// `GET /lictor/account/keys/revoke?key=ID`
pub(crate) async fn ask(State(web): State<WebState>, visit: Visit, asked: Asked) -> Result<Response, Early> {
    let id = asked.key.as_deref().unwrap_or_default();
    let identity = visit.confirmed(&web, &format!("/lictor/account/keys/revoke?key={id}"))?;
    let key = find(&web, &visit, identity, id).await?;
    let page = Page { layout: visit.layout(Section::Keys, None), key: shown(&key, web.clock.now()) };
    Ok(answer::page(StatusCode::OK, &page))
}

/// `POST /lictor/account/keys/revoke`
pub(crate) async fn submit(State(web): State<WebState>, sent: Sent) -> Result<Response, Early> {
    let visit = &sent.visit;
    let identity = visit.confirmed(&web, PATH)?;
    let key = find(&web, visit, identity, sent.field("key")).await?;
    web.store.revoke_key(&visit.by(identity), key.id.as_str()).await.map_err(|error| away(visit, &error))?;
    web.auth.refresh().await;
    Ok(visit.done(PATH, Done::KeyRevoked))
}

/// Somebody else's key is as unknown as one that never was.
async fn find(web: &WebState, visit: &Visit, identity: &Identity, id: &str) -> Result<KeyRow, Early> {
    let found = of(web, visit, identity).await?.into_iter().find(|key| key.id.as_str() == id);
    found.ok_or_else(|| visit.say(StatusCode::NOT_FOUND, Reason::NotFound, "You have no such key.").into())
}
