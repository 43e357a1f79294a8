//! How does a permitted request reach Prefect? Over kept-alive HTTP/1.1 connections, one pool per data thread.

mod body;
mod pool;
mod sender;

pub use body::{SentFlag, UpstreamBody};
pub use pool::Pool;
pub use sender::{OutgoingBody, SendError, Upstream};
