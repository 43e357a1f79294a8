//! Which workspaces has this person, and where are they for this browser? Of others, nobody learns the names.

use lictor_model::{Identity, Narrowing, PrincipalId, WorkspaceName};

use crate::router::WebState;
use crate::visit::Visit;

/// A workspace in which the person has a grant.
#[derive(Debug, Clone)]
pub(crate) struct Mine {
    /// Its name.
    pub(crate) name: WorkspaceName,
    /// Where it is: a path of the same host, or another host of ours, without the last slash.
    pub(crate) place: String,
}

impl Mine {
    /// What a link to it begins with.
    pub(crate) fn link(&self) -> String {
        format!("{}/", self.place)
    }

    /// Its API, as a client elsewhere asks for it.
    pub(crate) fn api(&self, visit: &Visit) -> String {
        let origin = if self.place.contains("://") { "" } else { visit.caller.origin.as_str() };
        format!("{origin}{}/api", self.place)
    }
}

/// In the order of the configuration.
pub(crate) fn mine(web: &WebState, visit: &Visit, identity: &Identity) -> Vec<Mine> {
    of(web, visit, &identity.principal.id)
}

/// Somebody's, who may be elsewhere.
pub(crate) fn of(web: &WebState, visit: &Visit, principal: &PrincipalId) -> Vec<Mine> {
    let view = web.auth.view();
    let host = host_of(&visit.caller.origin);
    let all = web.workspaces.iter().enumerate();
    let mine = all.filter(|(_, name)| view.access.permissions(principal, name).is_some());
    // One that is on no host that we know by name is behind the address that this browser found.
    let at = |at| web.doors.link(&visit.caller.origin, &host, at).unwrap_or_else(|| visit.caller.base.to_string());
    mine.map(|(number, name)| Mine { name: name.clone(), place: at(number) }).collect()
}

/// Their names.
pub(crate) fn names(mine: &[Mine]) -> Vec<WorkspaceName> {
    mine.iter().map(|one| one.name.clone()).collect()
}

/// The one that a client is to be set up for: the only one that a key is good for, or the one at the root of this address, or the first.
pub(crate) fn first_choice<'m>(mine: &'m [Mine], visit: &Visit, narrowing: Option<&Narrowing>) -> Option<&'m Mine> {
    let named = narrowing.and_then(|narrowing| narrowing.workspace.as_ref());
    let of_key = mine.iter().find(|one| Some(&one.name) == named);
    of_key.or_else(|| mine.iter().find(|one| *one.place == *visit.caller.base)).or(mine.first())
}

/// The host of an origin, as workspaces name theirs.
fn host_of(origin: &str) -> String {
    let authority = origin.split_once("://").map_or(origin, |(_, authority)| authority);
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    host.to_ascii_lowercase()
}
