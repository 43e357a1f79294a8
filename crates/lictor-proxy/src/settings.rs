//! What does the data path need to know? The true settings, already checked by the program's configuration.

use std::net::SocketAddr;
use std::sync::Arc;

use http::HeaderValue;
use ipnet::IpNet;
use lictor_authz::{BasePath, Doors};
use lictor_model::{Digest, Secret, WorkspaceName};

use crate::acme::Challenges;
use crate::passed::CertificateHeader;
use crate::tls::Tls;
use crate::upstream::Replica;

/// Everything that the data path is told at its start.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// How clients spell us (`https://host`), when a proxy before us makes that differ from what we see.
    pub public_url: Option<String>,
    /// The path of that URL, when clients find us under one (`https://host/prefect/`), and where each workspace is under it.
    pub doors: Doors,
    /// By what a Cloud client calls the account that all workspaces are in.
    pub account: String,
    /// TLS on the listener; `None` is plain HTTP.
    pub tls: Option<Arc<Tls>>,
    /// What a certificate authority is answered, where it is asked for our certificate.
    pub challenges: Option<Arc<Challenges>>,
    /// The Prefect Servers behind the gate, in the order of `doors`.
    pub workspaces: Vec<Workspace>,
    /// Peers whose `X-Forwarded-*` headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Who may ask for a decision about a request that they forward themselves; `None` is nobody.
    pub decide: Option<Decide>,
    /// Who passes on which certificate its client showed; `None` is nobody.
    pub certificate_header: Option<CertificateHeader>,
    /// Bounds on what callers may send and hold.
    pub limits: Limits,
    /// How many data threads; each has its own runtime, listener and upstream pool.
    pub threads: usize,
}

impl Settings {
    /// Whether only this machine can mean us: then a foreign Host is a page that rebinds its name (DNS rebinding), or poison for
    /// the links that Prefect builds from it. Behind a proxy, or with names of our own, other hosts are expected.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.listen.ip().is_loopback()
            && self.public_url.is_none()
            && self.trusted_proxies.is_empty()
            && self.decide.is_none()
            && self.doors.addresses.iter().all(|address| address.hosts.is_empty())
    }

    /// The path that everything of ours is under.
    #[must_use]
    pub const fn base_path(&self) -> &BasePath {
        &self.doors.base
    }
}

/// Who may ask for decisions. A yes carries Prefect's credential, and a proxy passes on what clients send: so its address alone
/// does not tell the proxy's own question from a client's.
#[derive(Debug, Clone)]
pub struct Decide {
    /// From where.
    pub proxies: Vec<IpNet>,
    /// The digest of what only they know.
    pub token: Digest,
}

/// One upstream Prefect Server, or several replicas of one.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// Its name in grants, logs and metrics.
    pub name: WorkspaceName,
    /// The ways to it.
    pub upstreams: Vec<Replica>,
    /// What Prefect's `PREFECT_SERVER_API_AUTH_STRING` is set to, if it is.
    pub auth_string: Option<Secret>,
    /// Whether it is reached with a client certificate alone.
    pub needs_certificate: bool,
}

impl Workspace {
    /// The upstream's own credential. Prefect compares the word `Basic` exactly (`server/api/server.py`).
    #[must_use]
    pub fn authorization(&self) -> Option<HeaderValue> {
        use base64::Engine;
        let encoded = base64::engine::general_purpose::STANDARD.encode(self.auth_string.as_ref()?.expose());
        let mut value = HeaderValue::from_str(&format!("Basic {encoded}")).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// Bounds, all per process.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of one request body.
    pub body_bytes: u64,
    /// Bytes of one request's line and headers.
    pub header_bytes: usize,
    /// Open connections in all.
    pub connections: usize,
    /// Websockets open to Prefect in all. On SQLite, Prefect holds one of 100 request slots for each.
    pub sockets: usize,
    /// Websockets that one principal may hold open.
    pub sockets_per_principal: usize,
    /// Websockets that have not said yet who they are.
    pub sockets_unauthenticated: usize,
    /// Requests under way to one upstream from one data thread.
    pub upstream_requests: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 8 * 1024 * 1024,
            header_bytes: 64 * 1024,
            connections: 10_000,
            sockets: 80,
            sockets_per_principal: 50,
            sockets_unauthenticated: 200,
            upstream_requests: 256,
        }
    }
}
