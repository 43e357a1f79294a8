//! Who is connected by a websocket now? Told by the data path, and asked by pages that say what a change would break.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use lictor_model::{CredentialRef, PrincipalId, Timestamp, WorkspaceName};

/// The open sockets of this process. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Presence(Arc<Mutex<Open>>);

#[derive(Debug, Default)]
struct Open {
    next: u64,
    sockets: BTreeMap<u64, Connected>,
}

/// An open socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connected {
    /// Whose.
    pub principal: PrincipalId,
    /// What it came with.
    pub credential: CredentialRef,
    /// At which workspace.
    pub workspace: WorkspaceName,
    /// The canonical path.
    pub path: String,
    /// From which address.
    pub client_ip: String,
    /// What the client says that it is.
    pub user_agent: Arc<str>,
    /// Since when.
    pub since: Timestamp,
}

impl Presence {
    /// Notes an open socket, until what is answered is dropped.
    #[must_use]
    pub fn enter(&self, connected: Connected) -> Stay {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let id = open.next;
        open.next = id.wrapping_add(1);
        open.sockets.insert(id, connected);
        Stay { presence: self.clone(), id }
    }

    /// The open sockets that are wanted, the oldest first.
    #[must_use]
    pub fn of(&self, is_wanted: impl Fn(&Connected) -> bool) -> Vec<Connected> {
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.sockets.values().filter(|one| is_wanted(one)).cloned().collect()
    }
}

/// Held while the socket is open.
#[derive(Debug)]
pub struct Stay {
    presence: Presence,
    id: u64,
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.presence.0.lock().unwrap_or_else(PoisonError::into_inner).sockets.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use lictor_model::CredentialKind;

    use super::*;

    fn connected(principal: &str, key: &str) -> Connected {
        Connected {
            principal: principal.into(),
            credential: CredentialRef { kind: CredentialKind::Key, id: key.into() },
            workspace: "main".into(),
            path: "/api/events/out".to_owned(),
            client_ip: "192.0.2.7".to_owned(),
            user_agent: "prefect".into(),
            since: Timestamp::default(),
        }
    }

    #[test]
    fn a_socket_is_known_until_its_end_by_whatever_is_asked_of_it() {
        let presence = Presence::default();
        let (first, second) = (presence.enter(connected("a", "k1")), presence.enter(connected("a", "k2")));
        let _other = presence.enter(connected("b", "k3"));
        let of_a = || presence.of(|one| one.principal.as_str() == "a");
        assert_eq!(of_a(), [connected("a", "k1"), connected("a", "k2")]);
        assert_eq!(presence.of(|one| one.credential.id.as_str() == "k2"), [connected("a", "k2")]);
        drop(first);
        assert_eq!(of_a(), [connected("a", "k2")]);
        drop(second);
        assert!(of_a().is_empty() && presence.of(|_| true).len() == 1);
    }
}
