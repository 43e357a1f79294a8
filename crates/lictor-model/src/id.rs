//! Which one? Identifiers: opaque text (UUID version 7, so that they sort by age), one type per thing.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::secret::Digest;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// A fresh, time-ordered identifier (UUID version 7, RFC 9562 §5.7).
            #[must_use]
            pub fn fresh() -> Self {
                let mut text = [0_u8; uuid::fmt::Hyphenated::LENGTH];
                let text: &str = fresh_uuid().hyphenated().encode_lower(&mut text);
                Self(text.into())
            }

            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

/// A UUID version 7 (RFC 9562 §5.7). Every request gets one, so randomness is drawn from the system by the page and not by
/// the id. Where the system has none to give, ids still differ by the millisecond and the process's own counter.
fn fresh_uuid() -> uuid::Uuid {
    thread_local! {
        static POOL: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let random = POOL.with_borrow_mut(|pool| {
        if pool.len() < 10 {
            pool.resize(4000, 0);
            if getrandom::fill(pool).is_err() {
                let count = COUNTER.fetch_add(1, Ordering::Relaxed).to_be_bytes();
                pool.iter_mut().zip(count.iter().cycle()).for_each(|(slot, byte)| *slot = *byte);
            }
        }
        let rest = pool.len().saturating_sub(10);
        let mut random = [0_u8; 10];
        random.iter_mut().zip(pool.drain(rest..)).for_each(|(slot, byte)| *slot = byte);
        random
    });
    let millis = u64::try_from(Clock::system().now().as_micros() / 1000).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

/// The one spelling of a UUID, which Prefect also takes in capitals and without dashes; `None` when it is none.
#[must_use]
pub fn canonical_uuid(text: &str) -> Option<String> {
    uuid::Uuid::try_parse(text).ok().map(|id| id.hyphenated().to_string())
}

/// The UUID that these parts always give (version 8, RFC 9562 §5.8): the same on every replica, and for nobody to guess who does
/// not know the first of them.
#[must_use]
pub fn derived_uuid(parts: [&str; 3]) -> String {
    // None of them can hold a line end, so that they cannot be moved.
    let digest = Digest::of(parts.join("\n").as_bytes()).into_bytes();
    let mut bytes = [0_u8; 16];
    bytes.iter_mut().zip(digest).for_each(|(slot, byte)| *slot = byte);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().hyphenated().to_string()
}

ids! {
    /// A user or a service account.
    PrincipalId,
    /// A team of principals.
    TeamId,
    /// A password, an API key or a session: what was presented, never the secret itself.
    CredentialId,
    /// One grant of a role in a workspace.
    GrantId,
    /// One request, echoed in `x-request-id`, in its access line and in its audit event.
    RequestId,
    /// One audit event.
    EventId,
    /// The name of a workspace (one upstream Prefect Server) as the configuration spells it.
    WorkspaceName,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_parts_give_the_same_id_and_others_another_one() {
        let id = derived_uuid(["3f", "workspace", "main"]);
        assert_eq!(id, derived_uuid(["3f", "workspace", "main"]));
        assert_eq!(canonical_uuid(&id), Some(id.clone()));
        assert_eq!((id.len(), id.chars().nth(14)), (36, Some('8')));
        for other in [["3f", "workspace", "lab"], ["3f", "account", "main"], ["4f", "workspace", "main"]] {
            assert_ne!(derived_uuid(other), id);
        }
    }
}
