//! How does a session end? In the store first, then in the browser.

use axum::extract::State;
use axum::response::Response;

use crate::answer;
use crate::form::Sent;
use crate::router::WebState;

/// `POST /lictor/sign-out`
pub(crate) async fn submit(State(web): State<WebState>, sent: Sent) -> Response {
    let visit = &sent.visit;
    if let Some(session) = visit.session()
        && let Err(reason) = web.auth.sign_out(session, &visit.caller.as_origin(), &visit.caller.request).await
    {
        return visit.refuse(reason);
    }
    let gone = answer::session_cookie("", visit.caller.secure);
    answer::see_other(&visit.at("/lictor/sign-in"), Some(&gone))
}
