//! May they? Pure and synchronous: the canonical path, the table of operations, grants, the decision and the permit.

pub mod access;
pub mod administration;
pub mod base_path;
pub mod cloud;
pub mod conditions;
pub mod decision;
pub mod doors;
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
pub use administration::{Authority, Deed, Unauthorized};
pub use base_path::{BasePath, BasePathError};
pub use cloud::CloudPath;
pub use decision::{Denial, check_member, decide, deny_nowhere, deny_unknown};
pub use doors::{Address, Door, Doors, Way};
pub use event_payloads::PayloadView;
pub use matcher::Matched;
pub use operation::{Access, Basis, Effect, Inspect, Operation, Place, Verb};
pub use operations::OPERATIONS;
pub use path::{Below, CanonicalPath};
pub use permit::Permit;
pub use surface::Surface;
