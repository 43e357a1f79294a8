//! By which address is a workspace chosen? Host names and a prefix, of which no two workspaces may have the same.

use lictor_authz::BasePath;

use super::written::{Found, Section};

/// What is taken so far: host, prefix, and by which workspace. No host is every host that nobody has.
#[derive(Debug, Default)]
pub(super) struct Taken(Vec<(String, BasePath, String)>);

/// Reads `hosts` and `prefix`.
pub(super) fn read(section: &mut Section<'_>, workspace: &str, taken: &mut Taken) -> (Vec<String>, BasePath) {
    let hosts = hosts(section);
    let prefix = section.text("prefix").and_then(|found| found.read(|text| usable_prefix(&text)));
    let path = prefix.as_ref().map(|found| found.value.clone()).unwrap_or_default();
    if hosts.is_empty() {
        if let Some((other, theirs)) = taken.clash("", &path) {
            match &prefix {
                Some(prefix) => prefix.problem(under_another(other, theirs)),
                None => section.problem("hosts", format!("is missing, and workspace {other:?} has none either: only one workspace may be the default; give this one hosts, or a prefix as in \"/team-a\"")),
            }
        }
        taken.0.push((String::new(), path.clone(), workspace.to_owned()));
    }
    for host in &hosts {
        match (taken.clash(&host.value, &path), &prefix) {
            (None, _) => {}
            (Some((other, theirs)), Some(prefix)) => prefix.problem(under_another(other, theirs)),
            (Some((other, _)), None) => {
                host.problem(format!("{:?} is a host of workspace {other:?} already", host.value))
            }
        }
        taken.0.push((host.value.clone(), path.clone(), workspace.to_owned()));
    }
    (hosts.into_iter().map(|host| host.value).collect(), path)
}

impl Taken {
    /// Whose address is the same, or lies under this one or over it.
    fn clash(&self, host: &str, path: &BasePath) -> Option<(&str, &BasePath)> {
        let nested =
            |theirs: &BasePath| !path.is_root() && !theirs.is_root() && (theirs.holds(path) || path.holds(theirs));
        let found = self.0.iter().find(|(on, theirs, _)| on == host && (theirs == path || nested(theirs)));
        found.map(|(_, theirs, workspace)| (workspace.as_str(), theirs))
    }
}

fn under_another(other: &str, theirs: &BasePath) -> String {
    format!(
        "is the prefix {:?} of workspace {other:?}, or one of them lies under the other: choose prefixes apart",
        theirs.as_str()
    )
}

/// Whether an address under the public URL's path and that path itself can be told apart.
pub(super) fn is_apart(prefix: &BasePath, base: &BasePath) -> bool {
    prefix.is_root() || base.is_root() || !(base.holds(prefix) || prefix.holds(base))
}

fn usable_prefix(text: &str) -> Result<BasePath, String> {
    let path = BasePath::parse(text).map_err(|error| error.to_string())?;
    if path.is_root() {
        Err("must be a path, as in \"/team-a\"; leave it out for the root".to_owned())
    } else {
        Ok(path)
    }
}

fn hosts<'p>(section: &mut Section<'p>) -> Vec<Found<'p, String>> {
    let Some(written) = section.texts("hosts") else { return Vec::new() };
    if written.is_empty() {
        section.problem("hosts", "must name at least one host; leave the key out for the default workspace");
    }
    written.into_iter().filter_map(|found| found.read(|text| usable_host(&text))).collect()
}

fn usable_host(text: &str) -> Result<String, String> {
    let lower = text.to_ascii_lowercase();
    let plain = lower.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte));
    if plain && !lower.is_empty() {
        Ok(lower)
    } else {
        Err(format!(
            "{text:?} is not a host name: write it without scheme, port and path, as in \"prefect.example.com\""
        ))
    }
}
