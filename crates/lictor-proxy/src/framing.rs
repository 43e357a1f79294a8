//! Does each HTTP/1 message read one way only? A guard between the socket and hyper.
//!
//! hyper is lenient where RFC 9112 lets a server be: it lets `Transfer-Encoding` beside `Content-Length` pass, takes bare
//! line feeds, merges repeated lengths and drops fragments before we could see them. Prefect's two parsers (h11 and
//! httptools) read those bytes differently again. The guard looks at each head with httparse before hyper does, lets it
//! through untouched, or replaces it by a marker request that [`crate::gateway`] answers with 400 and a reason. It never
//! rewrites a message, so hyper stays the only parser of what is served.

mod body;
mod guard;
mod head;

pub use guard::{Guard, Tunnel};

/// The header of the marker request; its value is the code of a [`lictor_model::Reason`].
///
/// A client may send it too: all that it achieves is that its own request is refused.
pub const VIOLATION: http::HeaderName = http::HeaderName::from_static("lictor-violation");
