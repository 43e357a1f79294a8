//! Where else am I signed in? Sessions are ended one by one, or all but this one; only one's own.

use axum::extract::State;
use axum::response::Response;
use lictor_model::{CredentialId, Reason};
use lictor_store::StoreError;

use crate::account::PATH;
use crate::answer::{self, Early};
use crate::form::Sent;
use crate::router::WebState;
use crate::visit::Visit;

/// `POST /lictor/account/sessions/end`
pub(crate) async fn end_one(State(web): State<WebState>, sent: Sent) -> Result<Response, Early> {
    let visit = &sent.visit;
    let identity = visit.identity()?;
    let id = CredentialId::from(sent.field("session"));
    let (_, all) = web.store.load_sessions().await.map_err(|error| away(visit, &error))?;
    // Somebody else's session is as unknown as one that never was.
    let mine = all.iter().any(|session| session.id == id && session.principal == identity.principal.id);
    if mine {
        web.store.end_session(&visit.by(identity), &id).await.map_err(|error| away(visit, &error))?;
    }
    Ok(answer::see_other(PATH, None))
}

/// `POST /lictor/account/sessions/end-others`
pub(crate) async fn end_others(State(web): State<WebState>, sent: Sent) -> Result<Response, Early> {
    let visit = &sent.visit;
    let identity = visit.identity()?;
    let keep = visit.session().map(|session| &session.credential.id);
    let ended = web.store.end_sessions_of(&visit.by(identity), &identity.principal.id, keep).await;
    ended.map_err(|error| away(visit, &error))?;
    Ok(answer::see_other(PATH, None))
}

/// The store's trouble, as the visitor sees it.
pub(crate) fn away(visit: &Visit, error: &StoreError) -> Early {
    tracing::warn!(%error, "a page could not be made");
    visit.refuse(Reason::StoreUnavailable).into()
}
