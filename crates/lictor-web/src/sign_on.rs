//! How does a person sign in at an identity provider? A link leads there, the answer comes back, errors end in words on
//! the sign-in page.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use lictor_authn::oidc::{SignOn, SignOnError};
use lictor_model::Reason;

use crate::answer;
use crate::next::{Asked, Next};
use crate::router::WebState;
use crate::sign_in;
use crate::visit::Visit;

/// `GET /lictor/sso/{provider}/begin`
///
/// A link and no form: browsers hold a form's redirections against `form-action`, which names nobody but us.
pub(crate) async fn begin(
    State(web): State<WebState>,
    visit: Visit,
    provider: Result<Path<String>, PathRejection>,
    asked: Asked,
    headers: HeaderMap,
) -> Response {
    let Ok(Path(provider)) = provider else { return visit.refuse(Reason::NotFound) };
    let next = Next::read(asked.next.as_deref());
    // Another site may lead people to the sign-in page, and they choose there.
    let site = headers.get("sec-fetch-site").map(http::HeaderValue::as_bytes);
    let is_chosen = site.is_none_or(|site| site == b"same-origin" || site == b"none");
    if visit.session().is_some() || !is_chosen || !visit.may_sign_in(web.allow_plain_http) {
        return visit.see_other(&next.after(sign_in::PATH));
    }
    if web.sign_on.is_edge(&provider) {
        return match web.sign_on.vouched(&provider, &headers, &visit.caller).await {
            Ok(signed_in) => {
                let cookie = answer::session_cookie(signed_in.cookie_value.expose(), visit.caller.secure);
                answer::see_other(&visit.at(&sign_in::after(&signed_in, &next)), Some(&cookie))
            }
            Err(error) => failed(&web, &visit, (&provider, &next), &error),
        };
    }
    match web.sign_on.begin(&provider, next.as_str(), &visit.caller).await {
        Ok(begun) => {
            let (name, value) = (begun.cookie_name.as_str(), begun.cookie_value.expose());
            let cookie = cookie(name, value, begun.cookie_seconds, visit.caller.secure);
            answer::see_other(&begun.location, Some(&cookie))
        }
        Err(error) => failed(&web, &visit, (&provider, &next), &error),
    }
}

/// `GET /lictor/sso/{provider}/callback`
pub(crate) async fn complete(
    State(web): State<WebState>,
    visit: Visit,
    provider: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let Ok(Path(provider)) = provider else { return visit.refuse(Reason::NotFound) };
    let query = query.unwrap_or_default();
    let secure = visit.caller.secure;
    let mut response = match web.sign_on.complete(&provider, &query, &headers, &visit.caller).await {
        Ok(signed_on) => {
            sign_in::end_the_session_before(&web, &visit).await;
            let cookie = answer::session_cookie(signed_on.signed_in.cookie_value.expose(), secure);
            let next = Next::read(Some(&signed_on.next));
            answer::see_other(&visit.at(&sign_in::after(&signed_on.signed_in, &next)), Some(&cookie))
        }
        Err(error) => failed(&web, &visit, (&provider, &Next::read(None)), &error),
    };
    if let Some(name) = SignOn::cookie_of(&query, secure) {
        answer::add_cookie(&mut response, &cookie(&name, "", 0, secure));
    }
    response
}

/// `POST /lictor/sso/{provider}/callback`: an answer in a form, which was not asked for.
pub(crate) async fn form_post(visit: Visit) -> Response {
    let detail = "The identity provider must answer in the query (response_mode=query).";
    visit.say(StatusCode::BAD_REQUEST, Reason::SignOnRejected, detail)
}

fn failed(web: &WebState, visit: &Visit, (provider, next): (&str, &Next), error: &SignOnError) -> Response {
    let reason = error.reason();
    tracing::warn!(provider, %error, request = visit.caller.request.as_str(), "a sign-in at a provider failed");
    if matches!(error, SignOnError::UnknownProvider) || !visit.reads_html() {
        return visit.refuse(reason);
    }
    let words = error.words(&web.sign_on.label(provider));
    sign_in::page(web, visit, (&words, &reason.into()), "", next)
}

fn cookie(name: &str, value: &str, seconds: i64, secure: bool) -> String {
    let over_tls = if secure { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{over_tls}")
}
