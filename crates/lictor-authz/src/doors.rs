//! Which workspace do a host and a path lead to, and which path is it there? By name, by prefix, or by the ids of a Cloud client.
//!
//! The path is made canonical once, before any of it is compared. What stands before the path in a workspace must be spelled
//! without escapes, so that an edge in front that compares what was sent reads it as we do.

use lictor_model::Reason;

use crate::base_path::BasePath;
use crate::cloud::{self, CloudPath};
use crate::path::CanonicalPath;

/// The address of a workspace.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Address {
    /// The host names (without port, lower case) that lead to it; empty is any that no other workspace has.
    pub hosts: Vec<String>,
    /// The path under which it is on those hosts.
    pub prefix: BasePath,
    /// By what a Cloud client names it.
    pub id: String,
}

/// The addresses of all workspaces.
#[derive(Debug, Clone, Default)]
pub struct Doors {
    /// The path of the public URL.
    pub base: BasePath,
    /// Its scheme and host, where there is one.
    pub public: Option<String>,
    /// By what a Cloud client names the account that all workspaces are in.
    pub account: String,
    /// One a workspace, in their order.
    pub addresses: Vec<Address>,
}

/// By which door a request came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Door {
    /// By host name and prefix.
    Plain,
    /// By ids: what stands in place of `/api`, below the public URL.
    Cloud(String),
}

/// Where a request leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// The workspace's place in the list; nothing when there is none such.
    pub workspace: Option<usize>,
    /// By which door.
    pub door: Door,
    /// The path there: what is matched, and what is forwarded.
    pub path: CanonicalPath,
}

impl Doors {
    /// Reads the path that was sent to a host (without port, lower case).
    ///
    /// # Errors
    /// [`Reason::UnknownHost`]; [`Reason::AmbiguousPath`] and its siblings when the path could be read in two ways.
    pub fn read(&self, host: &str, raw: &str) -> Result<Way, Reason> {
        let here = self.on(host);
        if !self.addresses.iter().any(|address| address.is_on(here)) {
            return Err(Reason::UnknownHost);
        }
        let path = self.base.strip(raw)?;
        let raw = self.base.off(raw);
        let mut way = Way { workspace: None, door: Door::Plain, path };
        let mut prefix = "";
        for (at, address) in self.addresses.iter().enumerate().filter(|(_, address)| address.is_on(here)) {
            if address.prefix.is_root() {
                way.workspace.get_or_insert(at);
            } else if let Some(inside) = address.prefix.within(&way.path, raw)? {
                (way.workspace, way.path, prefix) = (Some(at), inside, address.prefix.as_str());
                break;
            }
        }
        if let Some(named) = CloudPath::of_api(&way.path) {
            let mount = format!("{prefix}{}", named.mount);
            if !raw.starts_with(&mount) {
                return Err(Reason::AmbiguousPath);
            }
            way = Way { workspace: self.named(&named), door: Door::Cloud(mount), path: named.path };
        }
        way.path = cloud::at_prefect(way.path);
        Ok(way)
    }

    /// The workspace of those ids, in exactly the spelling that clients are given.
    #[must_use]
    pub fn named(&self, path: &CloudPath) -> Option<usize> {
        let is_ours = path.account == self.account;
        self.addresses.iter().position(|address| is_ours && !address.id.is_empty() && address.id == path.workspace)
    }

    /// The path of a workspace on this host, as clients spell it; nothing when it is on other hosts.
    #[must_use]
    pub fn here(&self, host: &str, workspace: usize) -> Option<BasePath> {
        let address = self.addresses.get(workspace).filter(|address| address.is_on(self.on(host)))?;
        Some(self.base.joined(&address.prefix))
    }

    /// Where a browser at `origin` finds the workspace: a path of the same host, else the workspace's own first host, or the public
    /// one. Nothing when no name of a host is known.
    #[must_use]
    pub fn link(&self, origin: &str, host: &str, workspace: usize) -> Option<String> {
        if let Some(base) = self.here(host, workspace) {
            return Some(base.as_str().to_owned());
        }
        let address = self.addresses.get(workspace)?;
        let elsewhere = match address.hosts.first() {
            Some(own) => at_host(origin, own)?,
            None => self.public.clone()?,
        };
        Some(format!("{elsewhere}{}", self.base.joined(&address.prefix).as_str()))
    }

    /// Where in the address space of clients a path of a workspace's Prefect is.
    #[must_use]
    pub fn outside(&self, workspace: Option<usize>, door: &Door, path: &str) -> String {
        let base = self.base.as_str();
        match door {
            Door::Cloud(mount) => match path.strip_prefix("/api") {
                Some(rest) if rest.is_empty() || rest.starts_with(['/', '?']) => format!("{base}{mount}{rest}"),
                _ => format!("{base}{path}"),
            },
            Door::Plain => {
                let prefix = workspace.and_then(|at| self.addresses.get(at)).map_or("", |at| at.prefix.as_str());
                format!("{base}{prefix}{path}")
            }
        }
    }

    /// Whether a path that was sent, below the public URL's, is of an API: what is answered there is for programs.
    #[must_use]
    pub fn is_api(&self, path: &str) -> bool {
        let begins =
            |prefix: &BasePath| path.strip_prefix(prefix.as_str()).is_some_and(|rest| rest.starts_with("/api"));
        path.starts_with("/api") || self.addresses.iter().any(|address| begins(&address.prefix))
    }

    /// Whether a workspace has this host for its own.
    #[must_use]
    pub fn has_own(&self, host: &str) -> bool {
        self.addresses.iter().any(|address| address.hosts.iter().any(|own| own == host))
    }

    /// The host among those that workspaces have, or any other, which is nobody's own.
    fn on<'h>(&self, host: &'h str) -> Option<&'h str> {
        self.has_own(host).then_some(host)
    }
}

impl Address {
    fn is_on(&self, host: Option<&str>) -> bool {
        match host {
            Some(host) => self.hosts.iter().any(|own| own == host),
            None => self.hosts.is_empty(),
        }
    }
}

/// The same scheme and port at another host.
fn at_host(origin: &str, host: &str) -> Option<String> {
    let (scheme, authority) = origin.split_once("://")?;
    let port = authority.rsplit_once(':').map(|(_, port)| port).filter(|port| port.bytes().all(|b| b.is_ascii_digit()));
    Some(port.map_or_else(|| format!("{scheme}://{host}"), |port| format!("{scheme}://{host}:{port}")))
}
