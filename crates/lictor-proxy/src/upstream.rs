//! How does a permitted request reach Prefect? Over kept-alive HTTP/1.1 connections, one pool per data thread and replica.

mod body;
mod pool;
mod prober;
mod replica;
mod route;
mod sender;

pub use body::{SentFlag, UpstreamBody};
pub use pool::Pool;
pub use prober::start as start_prober;
pub use replica::Replica;
pub use route::{Duplex, Route, Stream};
pub use sender::{OutgoingBody, SendError, Upstream};
