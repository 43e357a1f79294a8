//! The data path: everything between a client's connection and Prefect's.
//!
//! [`gateway`] tells a request's story; the other modules are its chapters, each opening with the question that it answers.

pub mod access_log;
pub mod acme;
mod automation;
pub mod body;
mod caller;
mod client_certificate;
mod cloud;
mod cross_origin;
mod decide;
pub mod drain;
mod forward;
pub mod forwarded;
pub mod framing;
pub mod gateway;
mod headers;
pub mod inspect;
pub mod listener;
pub mod metrics;
mod next_page;
mod own_settings;
pub mod page_token;
pub mod pages;
pub mod passed;
mod probes;
pub mod recorder;
pub mod redirect;
pub mod refusal;
pub mod settings;
mod story;
pub mod target;
pub mod tls;
mod ui;
mod underway;
pub mod upstream;
mod way;
pub mod websocket;

pub use gateway::Gateway;
pub use passed::CertificateHeader;
pub use settings::{Decide, Limits, Settings, Workspace};
