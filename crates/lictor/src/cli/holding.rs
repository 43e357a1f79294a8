//! How is a role that somebody holds shown, with where it holds and where it comes from?

use lictor_authz::{Holding, Origin};
use lictor_model::{Scope, Source, WorkspaceName};
use serde_json::{Value, json};

/// Where a grant holds, from `--workspace`.
pub(crate) fn scope(workspace: Option<&str>) -> Scope {
    workspace.map_or(Scope::Everywhere, |name| Scope::Workspace(WorkspaceName::from(name)))
}

/// The workspace of a scope: a name, or `null` for all.
pub(crate) fn workspace_of(scope: &Scope) -> Option<&str> {
    match scope {
        Scope::Everywhere => None,
        Scope::Workspace(name) => Some(name.as_str()),
    }
}

/// A scope in words.
pub(crate) fn place(scope: &Scope) -> String {
    workspace_of(scope).map_or_else(|| "everywhere".to_owned(), |name| format!("in {name}"))
}

/// A source as JSON: `by-hand`, or `sso:PROVIDER`.
pub(crate) fn source(source: &Source) -> String {
    match source {
        Source::ByHand => "by-hand".to_owned(),
        Source::SignIn(_) => source.to_text(),
    }
}

/// Several of them.
pub(crate) fn sources(all: &[Source]) -> Vec<String> {
    all.iter().map(source).collect()
}

/// Roles for a list: `viewer, developer@lab (team data)`.
pub(crate) fn as_text(holdings: &[Holding]) -> String {
    let one = |holding: &Holding| {
        let place = workspace_of(&holding.scope).map(|name| format!("@{name}")).unwrap_or_default();
        let from = match &holding.origin {
            Origin::Own(Source::ByHand) => String::new(),
            other => format!(" ({other})"),
        };
        format!("{}{place}{from}", holding.role)
    };
    if holdings.is_empty() { "-".to_owned() } else { holdings.iter().map(one).collect::<Vec<_>>().join(", ") }
}

/// A holding as JSON; its `team` is `null` when it is the principal's own.
pub(crate) fn as_json(holding: &Holding) -> Value {
    let (team, sources) = match &holding.origin {
        Origin::Own(of) => (None, vec![source(of)]),
        Origin::Team(team, all) => (Some(team), sources(all)),
    };
    json!({
        "id": holding.grant,
        "role": holding.role,
        "workspace": workspace_of(&holding.scope),
        "team": team,
        "sources": sources,
    })
}
