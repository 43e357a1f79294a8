//! Who sent this request? What its connection showed, and what its headers present.

use lictor_authn::Attempt;
use lictor_model::{CredentialKind, Identity, Reason};

use crate::gateway::{Arrival, DataThread};
use crate::refusal::Refusal;
use crate::{cross_origin, websocket};

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
        let method = if is_socket { &http::Method::POST } else { request.method() };
        Ok(cross_origin::check_browser(method, request.headers(), &self.origin(incoming))?)
    }
}
