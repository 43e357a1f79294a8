//! What would the gateway say? A decision about a request that nobody makes, by the code that the gateway runs.

use lictor_authz::conditions::Condition;
use lictor_authz::{AccessView, CanonicalPath, Denial, Matched, Operation, Permit, Surface, Verb, surface};
use lictor_model::{Identity, PermissionSet, Reason, WorkspaceName};
use serde_json::Value;

/// Where the API stands for clients.
const MOUNT: &str = "/api";

/// What was decided, and about which row.
pub(crate) struct Verdict {
    /// The row, if there is one.
    pub(crate) operation: Option<&'static Operation>,
    /// The permit; none where nothing would be forwarded, as for our own pages.
    pub(crate) decision: Result<Option<Permit>, Denial>,
    /// What the asker may have meant.
    pub(crate) hint: Option<String>,
}

impl Verdict {
    /// Decides. `method` may be `SOCKET`; the path is as a client sends it, and its query does not count.
    pub(crate) fn reach(
        method: &str,
        path: &str,
        identity: &Identity,
        access: &AccessView,
        workspace: &WorkspaceName,
    ) -> Self {
        let method = method.to_ascii_uppercase();
        let verb = if method == "SOCKET" { Some(Verb::Socket) } else { Verb::from_method(&method) };
        let Some(verb) = verb else { return Self::refused(Reason::MethodNotAllowed) };
        let path = path.split_once('?').map_or(path, |(path, _)| path);
        let path = match CanonicalPath::parse(path) {
            Ok(path) => path,
            Err(reason) => return Self::refused(reason),
        };
        let matched = match surface::classify(verb, &path, MOUNT) {
            Some(Surface::Api(below)) => lictor_authz::matcher::find(verb, below),
            Some(Surface::Root(matched)) => Some(matched),
            Some(Surface::Ours) => return Self::ours(),
            Some(Surface::Absent) | None => None,
        };
        match matched {
            Some(matched) => Self::of(&matched, identity, access, workspace),
            None => Self {
                operation: None,
                decision: Err(lictor_authz::deny_unknown(Some(identity), access, workspace)),
                hint: below_the_mount(verb, &path),
            },
        }
    }

    /// Why not; nothing when it is allowed.
    pub(crate) fn reason(&self) -> Option<Reason> {
        self.decision.as_ref().err().map(|denial| denial.reason)
    }

    /// Why not with this body; nothing when it is allowed.
    pub(crate) fn reason_with(&self, body: &Value) -> Option<Reason> {
        match &self.decision {
            Ok(Some(permit)) => permit.check_body(body).err().map(|denial| denial.reason),
            _ => self.reason(),
        }
    }

    /// What the body of an allowed request may hold besides.
    pub(crate) fn conditions(&self) -> impl Iterator<Item = (&'static Condition, bool)> {
        let permit = self.decision.as_ref().ok().and_then(Option::as_ref);
        permit.into_iter().flat_map(|permit| {
            let conditions = permit.operation().inspect.conditions().iter();
            conditions.map(|condition| (condition, permit.meets(condition)))
        })
    }

    fn of(matched: &Matched, identity: &Identity, access: &AccessView, workspace: &WorkspaceName) -> Self {
        let decision = lictor_authz::decide(matched, Some(identity), access, workspace).map(Some);
        Self { operation: Some(matched.operation()), decision, hint: None }
    }

    const fn refused(reason: Reason) -> Self {
        Self { operation: None, decision: Err(Denial { reason, lacking: PermissionSet::EMPTY }), hint: None }
    }

    fn ours() -> Self {
        let hint = Some("Lictor's own page; it is answered here and never forwarded".to_owned());
        Self { operation: None, decision: Ok(None), hint }
    }
}

/// A path that only lacks the mount is the likeliest slip.
fn below_the_mount(verb: Verb, path: &CanonicalPath) -> Option<String> {
    lictor_authz::matcher::find(verb, path.below_root()).map(|_| format!("clients send it as {MOUNT}{path}"))
}
