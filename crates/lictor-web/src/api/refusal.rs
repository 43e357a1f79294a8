//! How is a "no" described? One form for all of them, with a stable code.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

/// A refusal.
#[derive(Serialize, ToSchema)]
pub(crate) struct Refusal {
    /// What is wrong, and what to change.
    pub(crate) detail: String,
    /// The same, where Prefect's clients look for it.
    pub(crate) exception_message: String,
    /// The stable code: see the reference of reasons.
    pub(crate) reason: String,
    /// The request, as in the access line and the audit event.
    pub(crate) request_id: String,
}

/// The refusals that every operation may answer with.
pub(crate) struct Refusals;

const REFUSALS: [(&str, &str); 9] = [
    ("400", "What was sent can be read in two ways, or is not as described."),
    ("401", "No credential, or one that is not good."),
    ("403", "The account role of whoever asks does not allow it, or the credential is too narrow."),
    ("404", "There is no such thing."),
    ("409", "As things are it cannot be done: a name is taken, the last owner would be gone, a role is in use."),
    ("413", "The body is larger than 16 KiB."),
    ("415", "The body is not JSON."),
    ("422", "A value is not usable; the detail says which one."),
    ("429", "Too many failed sign-ins."),
];

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let refusal = || ContentBuilder::new().schema(Some(Ref::from_schema_name("Refusal"))).build();
        let one = |(status, description): (&str, &str)| {
            let response = ResponseBuilder::new().description(description).content("application/json", refusal());
            (status.to_owned(), RefOr::T(response.build()))
        };
        REFUSALS.into_iter().map(one).collect()
    }
}
