//! Which one? Identifiers: opaque text (UUID version 7, so that they sort by age), one type per thing.

use serde::{Deserialize, Serialize};

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
                Self(uuid::Uuid::now_v7().to_string().into())
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

ids! {
    /// A user or a service account.
    PrincipalId,
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
