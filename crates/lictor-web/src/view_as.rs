//! What does somebody else see? The end of an owner's view, from whatever page it is told on; it begins on an admin page.

use axum::extract::State;
use axum::response::Response;
use lictor_manage::Administration;

use crate::admin;
use crate::answer::Early;
use crate::form::Sent;
use crate::router::WebState;

/// Where it ends.
pub(crate) const END: &str = "/lictor/view-as/end";

/// `POST /lictor/view-as/end`: back to the page on which it began. Without a view there is nothing to end, and nothing is.
pub(crate) async fn end(State(web): State<WebState>, sent: Sent) -> Result<Response, Early> {
    let visit = &sent.visit;
    let identity = visit.person(&web)?;
    let Some(viewed) = &identity.viewing else { return Ok(visit.see_other(admin::PATH)) };
    let (by, on) = (visit.by(identity), (web.store.clone(), web.clock.clone()));
    let admin = Administration::of_caller(identity, by, &web.auth.view(), on, web.workspaces.clone());
    if let Err(error) = admin.stop_viewing(&identity.credential).await {
        tracing::warn!(%error, "a view could not be ended");
        return Ok(visit.refuse(error.reason()));
    }
    web.auth.refresh().await;
    Ok(visit.see_other(&admin::page_of(viewed)))
}
