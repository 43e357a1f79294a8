//! May they? Pure and synchronous: the canonical path, the table of operations, grants, the decision and the permit.

pub mod access;
pub mod base_path;
pub mod conditions;
pub mod decision;
mod event_payloads;
pub mod matcher;
mod narrow;
pub mod operation;
pub mod operations;
pub mod ownership;
pub mod path;
pub mod permit;
pub mod render;
pub mod roles;
pub mod surface;

pub use access::{AccessView, Holding, Origin};
pub use base_path::{BasePath, BasePathError};
pub use decision::{Denial, decide, deny_unknown};
pub use event_payloads::PayloadView;
pub use matcher::Matched;
pub use operation::{Access, Basis, Effect, Inspect, Operation, Place, Verb};
pub use operations::OPERATIONS;
pub use path::{Below, CanonicalPath};
pub use permit::Permit;
pub use surface::Surface;
