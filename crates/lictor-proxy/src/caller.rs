//! Who sent this request? What its connection showed, and what its headers present.

use http::Method;
use lictor_authn::Attempt;
use lictor_model::{CredentialKind, Identity, Reason};

use crate::gateway::{Arrival, DataThread};
use crate::refusal::Refusal;
use crate::{cross_origin, websocket};

/// What a key may do to itself, however narrow, and what anybody may do.
const FOR_ANY_KEY: [&str; 4] =
    ["/lictor/keys/current", "/lictor/keys/revoke", "/lictor/keys/rotate", "/lictor/report-leak"];

/// What an owner who views as somebody else still does: stop, and leave.
const WHILE_VIEWING: [&str; 2] = ["/lictor/view-as/end", "/lictor/sign-out"];

/// What a credential keeps out of on our own pages: a key made for less than its owner manages nothing of its owner's, and
/// whoever looks through somebody else's rights changes nothing.
pub(crate) fn check_limits(identity: &Identity, incoming: &Arrival<'_>) -> Result<(), Reason> {
    let (method, path) = (incoming.request.method(), incoming.target.path.as_str());
    if identity.narrowing.is_some() && !FOR_ANY_KEY.contains(&path) {
        return Err(Reason::KeyTooNarrow);
    }
    let reads = matches!(*method, Method::GET | Method::HEAD);
    if identity.viewing.is_some() && !reads && !WHILE_VIEWING.contains(&path) {
        return Err(Reason::ViewOnly);
    }
    Ok(())
}

impl DataThread {
    /// What the credentials come to.
    pub(crate) async fn attempt(&self, incoming: &Arrival<'_>) -> Attempt {
        let (auth, headers) = (&self.gateway.auth, incoming.request.headers());
        let Some(certificate) = &incoming.certificate else { return auth.identify(headers, &incoming.origin).await };
        match certificate.trusted(self.gateway.clock.now()) {
            Ok(certificate) => auth.identify_bearer_of(certificate, headers, &incoming.origin).await,
            Err(reason) => Attempt::Rejected(reason.into()),
        }
    }

    /// A cookie rides along with requests of other sites' making, and a first password must be changed first.
    pub(crate) fn check_session(&self, identity: &Identity, incoming: &Arrival<'_>) -> Result<(), Refusal> {
        if identity.credential.kind != CredentialKind::Session {
            return self.check_unasked(identity, incoming);
        }
        cross_origin::check(incoming.request.method(), incoming.request.headers(), &self.origin(incoming))?;
        if self.gateway.auth.view().must_change_password(&identity.principal.id) {
            return Err(Reason::PasswordChangeRequired.into());
        }
        Ok(())
    }

    /// A certificate comes along unasked, as a cookie does: what a browser sends by it must come from our own pages, and
    /// sockets too, to which no origin is foreign.
    pub(crate) fn check_unasked(&self, identity: &Identity, incoming: &Arrival<'_>) -> Result<(), Refusal> {
        if identity.credential.kind != CredentialKind::Certificate {
            return Ok(());
        }
        let request = &incoming.request;
        let is_socket = websocket::asked_for(request.headers());
        let method = if is_socket { &Method::POST } else { request.method() };
        Ok(cross_origin::check_browser(method, request.headers(), &self.origin(incoming))?)
    }
}
