//! Which certificate stands for this client, and can it do without? That of its connection, or the one that a listed proxy passes on.

use std::sync::Arc;

use http::HeaderMap;
use lictor_authn::Rejection;
use lictor_authz::Door;
use lictor_model::Reason;

use crate::gateway::{Arrival, Connection, DataThread};
use crate::refusal::Refusal;
use crate::settings::Workspace;
use crate::story::Story;
use crate::tls::PeerCertificate;

impl DataThread {
    /// The client's certificate. A listed proxy's connection shows the proxy's own, which stands for none of its clients; what it passes on
    /// counts if it `is_proven` to be its word, or proves it here. From anybody else the header is just a header.
    pub(crate) fn certificate_of(
        &self,
        connection: &Connection,
        headers: &HeaderMap,
        is_proven: bool,
    ) -> Result<Option<Arc<PeerCertificate>>, Reason> {
        let passed = self.gateway.settings.certificate_header.as_ref();
        match passed.filter(|passed| passed.is_from_proxy(connection.peer.ip())) {
            None => Ok(connection.certificate.clone()),
            Some(passed) if is_proven || passed.is_its_word(headers) => passed.certificate(headers),
            Some(_) => Ok(None),
        }
    }

    /// What a workspace asks of everybody, before anything of it is open. By its ids, nothing of it is said but to members: there it is asked of them, later.
    pub(crate) fn check_door(
        &self,
        story: &Story,
        incoming: &Arrival<'_>,
        workspace: Option<&Workspace>,
    ) -> Result<(), Refusal> {
        match workspace.filter(|_| incoming.target.door == Door::Plain) {
            Some(workspace) => self.check_certificate(story, incoming, workspace),
            None => Ok(()),
        }
    }

    /// Some workspaces are reached with a certificate alone, whatever else is presented: one that is trusted, and somebody's.
    pub(crate) fn check_certificate(
        &self,
        story: &Story,
        incoming: &Arrival<'_>,
        workspace: &Workspace,
    ) -> Result<(), Refusal> {
        if !workspace.needs_certificate {
            return Ok(());
        }
        let auth = &self.gateway.auth;
        let checked = match &incoming.certificate {
            None => Err(Reason::CertificateRequired.into()),
            Some(certificate) => certificate
                .trusted(self.gateway.clock.now())
                .map_err(Rejection::from)
                .and_then(|certificate| auth.check_certificate(certificate)),
        };
        checked.map_err(|rejection| {
            auth.audit_refusal(&rejection, &incoming.origin, &story.request);
            rejection.into()
        })
    }
}
