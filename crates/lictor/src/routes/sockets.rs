//! Is each socket of the table there? Asked by an upgrade: an accepted one is hung up at once.

use lictor_authz::{OPERATIONS, Operation};

use crate::config::Upstream;
use crate::doctor::handshake::{self, HandshakeError};

/// What an upgrade's answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    /// 101.
    There,
    /// 403 or 404: a Prefect Server asks for a credential only after it has accepted.
    Absent,
    /// Another status, which says neither.
    Unclear(u16),
}

/// Asks for each socket of the table.
///
/// # Errors
/// [`HandshakeError`] when the server does not answer.
pub(crate) async fn ask(at: &Upstream) -> Result<Vec<(&'static Operation, Presence)>, HandshakeError> {
    let mut found = Vec::new();
    for row in OPERATIONS.iter().filter(|row| row.is_socket()) {
        let path = row.template.split('/').map(|part| if part.starts_with('{') { "lictor-verify" } else { part });
        let path = format!("/api{}", path.collect::<Vec<_>>().join("/"));
        let presence = match handshake::status_of(at, &path).await? {
            101 => Presence::There,
            403 | 404 => Presence::Absent,
            other => Presence::Unclear(other),
        };
        found.push((row, presence));
    }
    Ok(found)
}
