//! Which workspace, and which path there? The host is read here; the path by [`lictor_authz::Doors`].

use http::Uri;
use http::header::{self, HeaderMap};
use lictor_authz::{CanonicalPath, Door, Verb, Way};
use lictor_model::Reason;

use crate::gateway::Asked;
use crate::settings::Settings;
use crate::websocket;

/// Where a request is going.
#[derive(Debug)]
pub struct Target {
    /// Index of the workspace; nothing when host and path name none.
    pub workspace: Option<usize>,
    /// By which door.
    pub door: Door,
    /// The host as the caller spelled it, checked.
    pub host: String,
    /// The canonical path in the workspace, without what leads there: what is matched and what is forwarded.
    pub path: CanonicalPath,
    /// The query as it came, without the question mark.
    pub query: Option<String>,
}

impl Target {
    /// Both, as they are sent on.
    pub(crate) fn path_and_query(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.to_string(),
        }
    }
}

/// Reads the target.
///
/// # Errors
/// The reason to refuse with when host, path or query could be read two ways, or the host is not served here.
pub fn read(uri: &Uri, headers: &HeaderMap, settings: &Settings) -> Result<Target, Reason> {
    let host = read_host(uri, headers)?;
    if settings.is_local() && !is_loopback(&host) {
        return Err(Reason::UnknownHost);
    }
    let Way { workspace, door, path } = settings.doors.read(&bare(&host), uri.path())?;
    let query = uri.query().map(check_query).transpose()?.map(str::to_owned);
    Ok(Target { workspace, door, host, path, query })
}

/// A websocket handshake is a verb of its own, so that a plain GET never reaches a socket's row, nor the reverse.
pub(crate) fn verb_of(request: &Asked) -> Option<Verb> {
    if websocket::asked_for(request.headers()) {
        Some(Verb::Socket)
    } else {
        Verb::from_method(request.method().as_str())
    }
}

/// HTTP/2 names a scheme (RFC 9113 §8.3.1), and nothing but HTTP is spoken here. Over TLS it is `https`; without, either, since an edge
/// that ended TLS before us may say what its client used.
///
/// # Errors
/// [`Reason::MalformedTarget`].
pub fn check_scheme(uri: &Uri, tls: bool) -> Result<(), Reason> {
    match uri.scheme_str() {
        None | Some("https") => Ok(()),
        Some("http") if !tls => Ok(()),
        Some(_) => Err(Reason::MalformedTarget),
    }
}

/// One host: HTTP/2's `:authority` and a Host header must agree (RFC 9113 §8.3.1).
fn read_host(uri: &Uri, headers: &HeaderMap) -> Result<String, Reason> {
    let named = headers.get(header::HOST).map(|value| value.to_str().map_err(|_| Reason::MalformedHost)).transpose()?;
    let authority = uri.authority().map(http::uri::Authority::as_str);
    let host = match (authority, named) {
        (Some(authority), Some(named)) if !authority.eq_ignore_ascii_case(named) => return Err(Reason::MalformedHost),
        (Some(host), _) | (None, Some(host)) => host,
        (None, None) => return Err(Reason::MalformedHost),
    };
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b".-:[]_".contains(&b);
    if host.is_empty() || host.len() > 255 || !host.bytes().all(allowed) {
        return Err(Reason::MalformedHost);
    }
    // This word in a Host switches Prefect's event ingestion (`server/api/dependencies.py`).
    if host.to_ascii_lowercase().contains("ephemeral-prefect") {
        return Err(Reason::UnknownHost);
    }
    Ok(host.to_owned())
}

/// A name of this machine for itself.
fn is_loopback(host: &str) -> bool {
    let bare = without_port(host).trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The host as workspaces name theirs.
pub(crate) fn bare(host: &str) -> String {
    without_port(host).to_ascii_lowercase()
}

/// The host without its port; the brackets of an IPv6 address stay.
pub(crate) fn without_port(host: &str) -> &str {
    match host.rfind(':') {
        Some(at) if !host.ends_with(']') => host.get(..at).unwrap_or(host),
        _ => host,
    }
}

/// Printable ASCII only, and no fragment.
fn check_query(query: &str) -> Result<&str, Reason> {
    let plain = query.bytes().all(|b| (0x21..0x7f).contains(&b) && b != b'#');
    if plain { Ok(query) } else { Err(Reason::MalformedQuery) }
}
