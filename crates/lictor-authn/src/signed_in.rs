//! Who is signed in? Browsers' sessions, as of the store's last word, and when each was last seen here.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use lictor_model::{CredentialId, CredentialKind, Digest, FactorKind, Identity, Principal, PrincipalId, Timestamp};
use lictor_store::SignedIn;

use crate::view::identity;

/// Signed-in browsers.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    pub(crate) version: i64,
    pub(crate) by_digest: HashMap<Digest, Arc<Session>>,
    pub(crate) by_id: HashMap<CredentialId, Arc<Session>>,
    pub(crate) signed_out: HashMap<PrincipalId, Timestamp>,
}

/// A signed-in browser.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: CredentialId,
    pub(crate) principal: PrincipalId,
    pub(crate) created_at: Timestamp,
    pub(crate) proved_at: Timestamp,
    pub(crate) factor: Option<FactorKind>,
    pub(crate) viewing: Option<PrincipalId>,
    pub(crate) expires_at: Timestamp,
    seen: AtomicI64,
}

impl Sessions {
    /// Builds the map; what was seen here since the store was told is kept.
    pub(crate) fn build(signed_in: SignedIn, before: &Self) -> Self {
        let signed_out = signed_in.signed_out.into_iter().collect();
        let mut sessions = Self { version: signed_in.version, signed_out, ..Self::default() };
        for row in signed_in.sessions {
            let seen_here = before.by_id.get(&row.id).map_or(i64::MIN, |session| session.seen.load(Ordering::Relaxed));
            let session = Arc::new(Session {
                id: row.id,
                principal: row.principal,
                created_at: row.created_at,
                proved_at: row.proved_at,
                factor: row.factor,
                viewing: row.viewing,
                expires_at: row.expires_at,
                seen: AtomicI64::new(row.last_seen_at.as_micros().max(seen_here)),
            });
            sessions.by_id.insert(session.id.clone(), Arc::clone(&session));
            sessions.by_digest.insert(row.digest, session);
        }
        sessions
    }

    pub(crate) fn find(&self, digest: &Digest) -> Option<&Session> {
        self.by_digest.get(digest).map(Arc::as_ref)
    }

    pub(crate) fn find_by_id(&self, id: &CredentialId) -> Option<&Session> {
        self.by_id.get(id).map(Arc::as_ref)
    }
}

impl Session {
    /// Whether it is past its absolute end.
    pub(crate) fn has_expired(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }

    /// Whether it was unused for the given seconds, as far as this replica has seen.
    pub(crate) fn is_idle(&self, now: Timestamp, seconds: i64) -> bool {
        now.seconds_since(Timestamp::from_micros(self.seen.load(Ordering::Relaxed))) >= seconds
    }

    /// Notes a use; answers whether it should be written down: once a minute is enough.
    pub(crate) fn touch(&self, now: Timestamp) -> bool {
        let before = self.seen.load(Ordering::Relaxed);
        now.as_micros().saturating_sub(before) >= 60_000_000
            && self.seen.compare_exchange(before, now.as_micros(), Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    pub(crate) fn identity(&self, principal: &Arc<Principal>) -> Identity {
        identity(principal, CredentialKind::Session, &self.id)
    }
}
