//! Who asks, and may they be heard? A credential that was verified, held to the rules of how it came; then an operation's
//! [`Administration`].

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{Method, StatusCode, header};
use lictor_authn::Rejection;
use lictor_manage::{Administration, ManageError};
use lictor_model::{CredentialKind, Identity, PrincipalName, Reason, RoleName, TeamName};
use serde::Serialize;

use crate::answer::{self, Early};
use crate::router::WebState;
use crate::same_origin;
use crate::visit::Visit;

/// Somebody whom we know.
pub(crate) struct Known {
    pub(crate) visit: Visit,
    pub(crate) identity: Identity,
}

/// Somebody at work.
pub(crate) struct Asker {
    pub(crate) visit: Visit,
    pub(crate) identity: Identity,
    pub(crate) admin: Administration,
    pub(crate) web: WebState,
}

impl FromRequestParts<WebState> for Known {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, web: &WebState) -> Result<Self, Response> {
        let visit = Visit::from_request_parts(parts, web).await?;
        let Some(identity) = visit.caller.identity.clone() else { return Err(unknown(&visit, web)) };
        check(&visit, &identity, parts, web).map_err(|reason| refuse(&visit, reason))?;
        web.auth.note_use(&identity, &visit.caller.as_origin());
        Ok(Self { visit, identity })
    }
}

impl FromRequestParts<WebState> for Asker {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, web: &WebState) -> Result<Self, Response> {
        let Known { visit, identity } = Known::from_request_parts(parts, web).await?;
        let on = (web.store.clone(), web.clock.clone());
        let (by, view) = (visit.by(&identity), web.auth.view());
        let admin = Administration::of_caller(&identity, by, &view, on, web.workspaces.clone());
        Ok(Self { visit, identity, admin, web: web.clone() })
    }
}

/// Nobody, or somebody whose credential was rejected, which is on record as everywhere.
fn unknown(visit: &Visit, web: &WebState) -> Response {
    let none = Rejection::from(Reason::AuthenticationRequired);
    let Some(rejection) = &visit.caller.rejection else { return refuse(visit, none.reason) };
    web.auth.audit_refusal(rejection, &visit.caller.as_origin(), &visit.caller.request);
    let mut response = refuse(visit, rejection.reason);
    crate::visit::mark(&mut response, rejection.reason, rejection.retry_after);
    response
}

/// A cookie rides along with what other sites send; a first password must be changed first; a narrow key manages nothing.
fn check(visit: &Visit, identity: &Identity, parts: &Parts, web: &WebState) -> Result<(), Reason> {
    if identity.narrowing.is_some() {
        return Err(Reason::KeyTooNarrow);
    }
    let kind = identity.credential.kind;
    let changes_by_cookie = kind == CredentialKind::Session && !matches!(parts.method, Method::GET | Method::HEAD);
    if changes_by_cookie {
        same_origin::check(&parts.headers, &visit.caller.origin)?;
    }
    let by_password = matches!(kind, CredentialKind::Session | CredentialKind::Password);
    if by_password && web.auth.view().must_change_password(&identity.principal.id) {
        return Err(Reason::PasswordChangeRequired);
    }
    // As on the pages: a browser that was left open changes nothing that matters.
    if changes_by_cookie && !web.factors.is_confirmed(identity) {
        return Err(Reason::ConfirmationRequired);
    }
    Ok(())
}

pub(crate) fn refuse(visit: &Visit, reason: Reason) -> Response {
    visit.tell(status(reason), reason, reason.advice())
}

fn status(reason: Reason) -> StatusCode {
    StatusCode::from_u16(reason.status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE)
}

impl Known {
    /// Answers with JSON.
    pub(crate) fn answer(&self, status: StatusCode, body: &impl Serialize) -> Response {
        json(status, body)
    }
}

impl Asker {
    /// Answers with JSON.
    pub(crate) fn answer(&self, status: StatusCode, body: &impl Serialize) -> Response {
        json(status, body)
    }

    /// Answers after a change, which holds here before its answer leaves.
    pub(crate) async fn changed(&self, status: StatusCode, body: &impl Serialize) -> Response {
        self.web.auth.refresh().await;
        self.answer(status, body)
    }

    /// The same, with nothing to say.
    pub(crate) async fn done(&self) -> Response {
        self.web.auth.refresh().await;
        let mut response = StatusCode::NO_CONTENT.into_response();
        answer::seal(response.headers_mut());
        response
    }

    /// Why it was not done.
    pub(crate) fn fail(&self, error: &ManageError) -> Early {
        let reason = error.reason();
        if reason.status() >= 500 {
            // What the database says is for the log.
            tracing::error!(%error, request = %self.visit.caller.request, "an operation of the admin API failed");
            return refuse(&self.visit, reason).into();
        }
        self.visit.tell(status(reason), reason, &error.to_string()).into()
    }

    /// The name in a path; what cannot be a name is nobody's.
    pub(crate) fn name(&self, text: &str) -> Result<PrincipalName, Early> {
        PrincipalName::parse(text).map_err(|_| self.absent())
    }

    /// The team's name in a path.
    pub(crate) fn team(&self, text: &str) -> Result<TeamName, Early> {
        TeamName::parse(text).map_err(|_| self.absent())
    }

    /// The role's name in a path.
    pub(crate) fn role(&self, text: &str) -> Result<RoleName, Early> {
        RoleName::parse(text).map_err(|_| self.absent())
    }

    /// What a path names is not there.
    pub(crate) fn absent(&self) -> Early {
        // Whoever manages nothing is not told what there is.
        match self.admin.look(&lictor_authz::Deed::See) {
            Ok(()) => refuse(&self.visit, Reason::NotFound).into(),
            Err(error) => self.fail(&error),
        }
    }

    /// That a value is not usable, in words that say what to change.
    pub(crate) fn unusable(&self, why: &str) -> Early {
        self.visit.tell(StatusCode::UNPROCESSABLE_ENTITY, Reason::UnusableValue, why).into()
    }
}

fn json(status: StatusCode, body: &impl Serialize) -> Response {
    let mut response = match serde_json::to_vec(body) {
        Ok(body) => (status, [(header::CONTENT_TYPE, "application/json")], body).into_response(),
        Err(error) => {
            tracing::error!(%error, "an answer of the admin API could not be written");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    };
    answer::seal(response.headers_mut());
    response
}
