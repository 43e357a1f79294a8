//! What does a request ask for in its query or body? Read strictly, decided, and written anew.
//!
//! Prefect reads `include_secrets` in many spellings: `true 1 on yes y t` in any case, percent-encoded, the last of several
//! wins, in JSON also numbers and escaped keys. So nothing of the caller's own spelling is forwarded: the flag is taken
//! out wherever it stands and, where the permit allows it, put back in one spelling of ours.

mod json;
mod query;
mod schema;

pub use schema::{MAX_SCHEMA, schema};

pub use json::{read_body, read_strict, secrets_in_body, write_body};
pub use query::secrets_in_query;

/// What became of a request that may ask for secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected<T> {
    /// The query or body to forward.
    pub rewritten: T,
    /// Whether Prefect is asked to reveal secrets (for the audit).
    pub reveals: bool,
}

/// pydantic's rule for a lax bool from text; `None` where Prefect would answer 422.
fn read_bool(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "on" | "yes" | "y" | "t" => Some(true),
        "false" | "0" | "off" | "no" | "n" | "f" => Some(false),
        _ => None,
    }
}
