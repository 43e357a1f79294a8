//! Which workspace, and which path there?

use http::Uri;
use http::header::{self, HeaderMap};
use lictor_authz::path::CanonicalPath;
use lictor_model::Reason;

use crate::settings::{Settings, Workspace};

/// Where a request is going.
#[derive(Debug)]
pub struct Target {
    /// Index of the workspace.
    pub workspace: usize,
    /// The host as the caller spelled it, checked.
    pub host: String,
    /// The canonical path, without the public URL's prefix: what is matched and what is forwarded.
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
    let workspace = choose(&host, &settings.workspaces).ok_or(Reason::UnknownHost)?;
    let path = settings.base_path.strip(uri.path())?;
    let query = uri.query().map(check_query).transpose()?.map(str::to_owned);
    Ok(Target { workspace, host, path, query })
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

fn choose(host: &str, workspaces: &[Workspace]) -> Option<usize> {
    let bare = without_port(host).to_ascii_lowercase();
    let by_name = workspaces.iter().position(|workspace| workspace.hosts.contains(&bare));
    by_name.or_else(|| workspaces.iter().position(|workspace| workspace.hosts.is_empty()))
}

/// A name of this machine for itself.
fn is_loopback(host: &str) -> bool {
    let bare = without_port(host).trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
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
