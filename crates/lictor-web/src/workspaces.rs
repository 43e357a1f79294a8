//! Which workspaces has this person, and where are they for this browser? Of others, nobody learns the names.

use lictor_model::{Identity, Narrowing, PrincipalId, WorkspaceName};

use crate::router::WebState;
use crate::visit::Visit;

/// A workspace in which the person has a grant.
#[derive(Debug, Clone)]
pub(crate) struct Mine {
    /// Its name.
    pub(crate) name: WorkspaceName,
    /// Where it is: a path of the same host, or another host of ours, without the last slash. Nothing when it is at no host that we
    /// know by name, and this browser is at another's.
    place: Option<String>,
}

impl Mine {
    /// What a link to it begins with.
    pub(crate) fn link(&self) -> Option<String> {
        self.place.as_ref().map(|place| format!("{place}/"))
    }

    /// Its API, as a client elsewhere asks for it.
    pub(crate) fn api(&self, visit: &Visit) -> Option<String> {
        let place = self.place.as_ref()?;
        let origin = if place.contains("://") { "" } else { visit.caller.origin.as_str() };
        Some(format!("{origin}{place}/api"))
    }
}

/// In the order of the configuration.
pub(crate) fn mine(web: &WebState, visit: &Visit, identity: &Identity) -> Vec<Mine> {
    of(web, visit, &identity.seen_as().id)
}

/// Somebody's, who may be elsewhere.
pub(crate) fn of(web: &WebState, visit: &Visit, principal: &PrincipalId) -> Vec<Mine> {
    let view = web.auth.view();
    let host = host_of(&visit.caller.origin);
    let all = web.workspaces.iter().enumerate();
    let mine = all.filter(|(_, name)| view.access.permissions(principal, name).is_some());
    let place = |at| web.doors.link(&visit.caller.origin, &host, at);
    mine.map(|(at, name)| Mine { name: name.clone(), place: place(at) }).collect()
}

/// Their names.
pub(crate) fn names(mine: &[Mine]) -> Vec<WorkspaceName> {
    mine.iter().map(|one| one.name.clone()).collect()
}

/// The one that a client is to be set up for: the only one that a key is good for, or the one at the root of this address, or the first.
pub(crate) fn first_choice<'m>(mine: &'m [Mine], visit: &Visit, narrowing: Option<&Narrowing>) -> Option<&'m Mine> {
    let named = narrowing.and_then(|narrowing| narrowing.workspace.as_ref());
    let of_key = mine.iter().find(|one| Some(&one.name) == named);
    let is_here = |one: &&Mine| one.place.as_deref() == Some(&*visit.caller.base);
    of_key.or_else(|| mine.iter().find(is_here)).or_else(|| mine.iter().find(|one| one.place.is_some()))
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
