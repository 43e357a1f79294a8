//! Which Prefect Server is behind which name? The `[workspaces.NAME]` tables.

use std::path::PathBuf;

use lictor_authz::BasePath;
use lictor_model::{Secret, WorkspaceName};

use super::tls::file;
use super::written::{Found, Section};
use super::{Surroundings, doors};

/// Each is looked after on its own, and all of them share one database.
const MOST_REPLICAS: usize = 16;

/// One Prefect Server and how it is reached.
#[derive(Debug, Clone)]
pub(crate) struct Workspace {
    /// How grants, logs and metrics name it.
    pub(crate) name: WorkspaceName,
    /// Where it listens.
    pub(crate) upstream: Upstream,
    /// Where further replicas of it listen.
    pub(crate) others: Vec<Upstream>,
    /// Its `PREFECT_SERVER_API_AUTH_STRING`; `None` when it has none, so that anybody near it passes by Lictor.
    pub(crate) auth_string: Option<Secret>,
    /// The host names that choose it, in lower case; empty for any that no workspace has.
    pub(crate) hosts: Vec<String>,
    /// The path that chooses it on those hosts; empty for the root.
    pub(crate) prefix: BasePath,
    /// Whether it is reached with a client certificate alone.
    pub(crate) needs_certificate: bool,
}

impl Workspace {
    /// All replicas.
    pub(crate) fn upstreams(&self) -> impl Iterator<Item = &Upstream> {
        std::iter::once(&self.upstream).chain(&self.others)
    }
}

/// An upstream's address, without a base path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Upstream {
    /// How it is reached.
    pub(crate) via: Via,
    /// Host name or address, IPv6 without brackets.
    pub(crate) host: String,
    /// Port.
    pub(crate) port: u16,
}

/// How an upstream is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Via {
    /// Plain HTTP.
    Plain,
    /// HTTPS.
    Tls(UpstreamTls),
    /// A socket's file on this machine.
    Unix(PathBuf),
}

/// TLS to an upstream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct UpstreamTls {
    /// Who vouches for it; otherwise the system's CAs.
    pub(crate) ca_file: Option<PathBuf>,
    /// What we show it: a certificate and its key.
    pub(crate) client: Option<(PathBuf, PathBuf)>,
}

impl Upstream {
    /// Reads `http://host:port`, `https://host:port` or `unix:/path`.
    ///
    /// # Errors
    /// A sentence that says what to write instead.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = PathBuf::from(path);
            if !path.is_absolute() {
                return Err("must be an absolute path, as in unix:/run/prefect.sock".to_owned());
            }
            return Ok(Self { via: Via::Unix(path), host: "localhost".to_owned(), port: 80 });
        }
        let uri: http::Uri = text.parse().map_err(|_| "must be a URL like http://127.0.0.1:4200".to_owned())?;
        let (via, port) = match uri.scheme_str() {
            Some("http") => (Via::Plain, 80),
            Some("https") => (Via::Tls(UpstreamTls::default()), 443),
            _ => return Err("must begin with http://, https:// or unix:/".to_owned()),
        };
        if uri.path() != "/" || uri.query().is_some() || text.contains('#') {
            return Err("must not have a path, as in http://127.0.0.1:4200 (a Prefect Server under a base path is not supported in this version; leave /api out as well)".to_owned());
        }
        let authority = uri.authority().ok_or("must name a host")?;
        if authority.as_str().contains('@') {
            return Err("must not hold a credential: use auth_string_file or auth_string_env".to_owned());
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err("must name a host".to_owned());
        }
        Ok(Self { via, host: host.to_owned(), port: authority.port_u16().unwrap_or(port) })
    }

    /// `host:port`, IPv6 in brackets: for `Host` headers and messages.
    pub(crate) fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl std::fmt::Display for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.via {
            Via::Plain => write!(f, "http://{}", self.authority()),
            Via::Tls(_) => write!(f, "https://{}", self.authority()),
            Via::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Every workspace of the file.
pub(crate) fn all(root: &mut Section<'_>, surroundings: Surroundings<'_>) -> Vec<Workspace> {
    let mut tables = root.section("workspaces");
    let mut workspaces = Vec::new();
    let mut taken = doors::Taken::default();
    let sections = tables.named_sections();
    if sections.is_empty() {
        tables.problem("", "is missing: write [workspaces.main] with upstream = \"http://127.0.0.1:4200\"");
    }
    for (name, mut section) in sections {
        if let Err(what) = usable_name(&name) {
            section.problem("", what);
        }
        let address = doors::read(&mut section, &name, &mut taken);
        workspaces.extend(one(name, section, address, surroundings));
    }
    workspaces
}

/// The name of the workspace without hosts and prefix, or of the only one.
pub(crate) fn default_name(root: &mut Section<'_>) -> Option<WorkspaceName> {
    let mut sections = root.section("workspaces").named_sections();
    let only = (sections.len() == 1).then(|| sections.first().map(|(name, _)| name.clone())).flatten();
    let without_address = sections.iter_mut().find_map(|(name, section)| {
        (section.texts("hosts").is_none() && section.text("prefix").is_none()).then(|| name.clone())
    });
    only.or(without_address).map(WorkspaceName::from)
}

/// The names of all workspaces.
pub(crate) fn names(root: &mut Section<'_>) -> Vec<WorkspaceName> {
    root.section("workspaces").named_sections().into_iter().map(|(name, _)| WorkspaceName::from(name)).collect()
}

fn one(
    name: String,
    mut section: Section<'_>,
    (hosts, prefix): (Vec<String>, BasePath),
    surroundings: Surroundings<'_>,
) -> Option<Workspace> {
    let upstreams = upstreams(&mut section);
    let auth_string = auth_string(&mut section, surroundings);
    let needs_certificate = needs_certificate(&mut section);
    let tls = upstream_tls(&mut section, surroundings);
    if tls.is_some() && upstreams.iter().any(|upstream| !matches!(upstream.via, Via::Tls(_))) {
        let key = if upstreams.len() > 1 { "upstreams" } else { "upstream" };
        section.problem(key, "is not https, and ca_file and client_cert_file are for https alone");
    }
    section.finish();
    let mut upstreams = upstreams.into_iter().map(|mut upstream| {
        if let (Via::Tls(written), Some(tls)) = (&mut upstream.via, &tls) {
            tls.clone_into(written);
        }
        upstream
    });
    let (upstream, others) = (upstreams.next()?, upstreams.collect());
    Some(Workspace { name: WorkspaceName::from(name), upstream, others, auth_string, hosts, prefix, needs_certificate })
}

/// `upstream`, or all replicas in `upstreams`.
fn upstreams(section: &mut Section<'_>) -> Vec<Upstream> {
    let (one, several) = (section.text("upstream"), section.texts("upstreams"));
    let mut upstreams: Vec<Upstream> = Vec::new();
    match (one, several) {
        (None, None) => section.problem("upstream", "is missing: write upstream = \"http://127.0.0.1:4200\""),
        (Some(one), Some(_)) => one.problem("upstreams is set as well; keep one of the two"),
        (Some(one), None) => upstreams.extend(parsed(one).map(|found| found.value)),
        (None, Some(several)) => {
            if several.is_empty() || several.len() > MOST_REPLICAS {
                let how_many = format!("must name 1 to {MOST_REPLICAS} replicas of one Prefect Server");
                section.problem("upstreams", how_many);
            }
            for found in several.into_iter().filter_map(parsed) {
                if upstreams.contains(&found.value) {
                    found.problem("is named twice: a server is no replica of itself");
                } else {
                    upstreams.push(found.value);
                }
            }
        }
    }
    upstreams
}

fn parsed(found: Found<'_, String>) -> Option<Found<'_, Upstream>> {
    found.read(|text| Upstream::parse(&text))
}

fn needs_certificate(section: &mut Section<'_>) -> bool {
    let read = section.text("client_certificate").and_then(|found| {
        found.read(|text| match text.as_str() {
            "optional" => Ok(false),
            "required" => Ok(true),
            _ => Err("must be \"optional\" or \"required\"".to_owned()),
        })
    });
    read.is_some_and(|found| found.value)
}

/// `None` when none of its keys is there.
fn upstream_tls(section: &mut Section<'_>, surroundings: Surroundings<'_>) -> Option<UpstreamTls> {
    let ca = file(section, "ca_file", surroundings);
    let cert = file(section, "client_cert_file", surroundings);
    let key = file(section, "client_key_file", surroundings);
    let is_written = ca.is_some() || cert.is_some() || key.is_some();
    match (&cert, &key) {
        (Some(_), None) => section.problem("client_key_file", "is missing: a certificate needs its key"),
        (None, Some(_)) => section.problem("client_cert_file", "is missing: the key is for a certificate"),
        _ => {}
    }
    is_written.then(|| UpstreamTls { ca_file: ca.flatten(), client: cert.flatten().zip(key.flatten()) })
}

fn auth_string(section: &mut Section<'_>, surroundings: Surroundings<'_>) -> Option<Secret> {
    let (file, env) = (section.text("auth_string_file"), section.text("auth_string_env"));
    if let Some(inline) = section.text("auth_string") {
        inline.problem(
            "secrets do not belong in this file, which gets copied and committed: write the auth string to a file of its own and name it in auth_string_file, or name an environment variable in auth_string_env",
        );
    }
    match (file, env) {
        (Some(_), Some(env)) => {
            env.problem("auth_string_file is set as well; keep one of the two");
            None
        }
        (Some(file), None) => file
            .read(|path| {
                let path = surroundings.resolve(&path);
                let read = std::fs::read_to_string(&path);
                usable_auth_string(&read.map_err(|error| format!("cannot read {}: {error}", path.display()))?)
            })
            .map(|found| found.value),
        (None, Some(env)) => env
            .read(|name| {
                let value = (surroundings.env)(&name);
                usable_auth_string(&value.ok_or_else(|| format!("the environment variable {name} is not set"))?)
            })
            .map(|found| found.value),
        (None, None) => None,
    }
}

/// Reads an upstream's auth string; the line's end is not part of it.
///
/// # Errors
/// A sentence that says what is wrong with it; never the string itself.
pub(crate) fn usable_auth_string(text: &str) -> Result<Secret, String> {
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        Err("the auth string is empty; it must be the upstream's PREFECT_SERVER_API_AUTH_STRING".to_owned())
    } else if !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        Err("the auth string must be printable ASCII on one line: Prefect's websockets fail on anything else"
            .to_owned())
    } else {
        Ok(Secret::new(text))
    }
}

/// A name for the account that all workspaces are in.
///
/// # Errors
/// A sentence that says what to write instead.
pub(crate) fn usable_handle(name: String) -> Result<String, String> {
    usable_name(&name)
        .map(|()| name)
        .map_err(|_| "must be 1 to 48 of a-z, 0-9 and -, beginning with a letter".to_owned())
}

fn usable_name(name: &str) -> Result<(), String> {
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
    let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if begins && plain && name.len() <= 48 {
        Ok(())
    } else {
        Err("a workspace's name is 1 to 48 of a-z, 0-9 and -, beginning with a letter".to_owned())
    }
}

/// A default workspace: `lictor up` has just one.
pub(crate) fn only(upstream: Upstream, auth_string: Option<Secret>) -> Workspace {
    let name = WorkspaceName::from("default");
    let (others, hosts, prefix) = (Vec::new(), Vec::new(), BasePath::default());
    Workspace { name, upstream, others, auth_string, hosts, prefix, needs_certificate: false }
}
