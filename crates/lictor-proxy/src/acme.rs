//! What does a certificate authority find at our doors, while it looks whether a name is ours? The answers to its challenges.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::{Method, Request, Response, header};
use rustls::ServerConfig;
use rustls::server::ClientHello;

use crate::body::ResponseBody;

/// The protocol of a handshake that is a challenge (RFC 8737).
pub const ALPN: &[u8] = b"acme-tls/1";
/// Where the answers of HTTP-01 are (RFC 8555 section 8.3).
const WELL_KNOWN: &str = "/.well-known/acme-challenge/";

/// Challenges under way.
#[derive(Debug, Default)]
pub struct Challenges {
    /// Texts by token, for HTTP-01.
    texts: ArcSwap<HashMap<String, String>>,
    /// What TLS-ALPN-01 is answered by, where that is agreed; it shows no certificate but a challenge's.
    tls: Option<Arc<ServerConfig>>,
}

impl Challenges {
    /// None is under way; `tls` answers TLS-ALPN-01.
    #[must_use]
    pub fn new(tls: Option<Arc<ServerConfig>>) -> Self {
        Self { texts: ArcSwap::default(), tls }
    }

    /// From now on, these texts by token.
    pub fn replace(&self, texts: HashMap<String, String>) {
        self.texts.store(Arc::new(texts));
    }

    /// The answer to a request on plain HTTP, if it is such a question.
    pub(crate) fn answer<B>(&self, request: &Request<B>) -> Option<Response<ResponseBody>> {
        let token = request.uri().path().strip_prefix(WELL_KNOWN)?;
        let is_read = request.method() == Method::GET || request.method() == Method::HEAD;
        let text = self.texts.load().get(token).filter(|_| is_read).cloned()?;
        let mut response = Response::new(ResponseBody::from(text));
        let kind = header::HeaderValue::from_static("application/octet-stream");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        Some(response)
    }

    /// What a handshake follows instead of the terms of TLS, if it is a challenge: nobody is asked for a certificate, and nothing
    /// is served.
    pub(crate) fn of_handshake(&self, hello: &ClientHello<'_>) -> Option<Arc<ServerConfig>> {
        let config = self.tls.as_ref()?;
        hello.alpn()?.any(|protocol| protocol == ALPN).then(|| Arc::clone(config))
    }

    /// Whether a handshake may be a challenge.
    pub(crate) const fn are_in_handshakes(&self) -> bool {
        self.tls.is_some()
    }
}
