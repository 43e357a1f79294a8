//! Who comes in as what? The `[[providers.NAME.rules]]`, each a test and what it gives.

use lictor_authn::oidc::claims::ClaimPath;
use lictor_authn::oidc::provider::{Pattern, Rule, Test};
use lictor_model::{RoleName, Scope, TeamName, WorkspaceName};

use super::written::Section;

/// All rules of a provider.
pub(crate) fn all(provider: &mut Section<'_>, workspaces: &[WorkspaceName]) -> Vec<Rule> {
    let sections = provider.sections("rules");
    if sections.is_empty() {
        provider.problem(
            "rules",
            "is missing, so that nobody could come in: write [[…rules]] with claim and any_of, or everyone = true, and a role",
        );
    }
    sections.into_iter().filter_map(|section| one(section, workspaces)).collect()
}

fn one(mut section: Section<'_>, workspaces: &[WorkspaceName]) -> Option<Rule> {
    let test = test(&mut section);
    let gives = gives(&mut section, workspaces);
    section.finish();
    let (grant, team) = gives?;
    Some(Rule { test: test?, grant, team })
}

/// What a rule looks at.
pub(crate) fn test(section: &mut Section<'_>) -> Option<Test> {
    let claim = section.text("claim");
    let is_named = claim.is_some();
    let claim = claim.and_then(|found| found.read(|text| ClaimPath::parse(&text).map_err(|error| error.to_string())));
    let everyone = section.flag("everyone");
    let equals = section.text("equals").map(|found| vec![found.value]);
    let any_of = section.texts("any_of").map(|all| all.into_iter().map(|found| found.value).collect::<Vec<_>>());
    let matches = section.text("matches");
    let count = [everyone.is_some(), equals.is_some(), any_of.is_some(), matches.is_some()];
    if count.iter().filter(|written| **written).count() != 1 {
        section.problem("", "needs just one of: equals, any_of or matches beside claim, or everyone = true");
        return None;
    }
    if let Some(everyone) = everyone {
        if !everyone.value {
            everyone.problem("must be true, or left out");
        } else if is_named {
            everyone.problem("looks at no claim: leave claim out");
        }
        return Some(Test::Everyone);
    }
    if !is_named {
        section.problem("claim", "is missing: name the claim to look at, as \"groups\" or \"realm_access.roles\"");
    }
    let claim = claim?.value;
    if let Some(values) = equals.or(any_of) {
        if values.is_empty() || values.iter().any(String::is_empty) {
            section.problem("", "equals and any_of must name values, none of them empty");
        }
        return Some(Test::AnyOf(claim, values));
    }
    let pattern = matches?.read(|text| Pattern::parse(&text).map_err(|error| error.to_string()))?;
    Some(Test::Matches(claim, pattern.value))
}

type Gives = (Option<(RoleName, Scope)>, Option<TeamName>);

fn gives(section: &mut Section<'_>, workspaces: &[WorkspaceName]) -> Option<Gives> {
    let (role, workspace, team) = (section.text("role"), section.text("workspace"), section.text("team"));
    if role.is_none() && team.is_none() {
        section.problem("role", "is missing: write role = \"viewer\", or team = \"…\"");
    }
    if let Some(workspace) = workspace.as_ref().filter(|_| role.is_none()) {
        workspace.problem("says where a role holds, and there is no role");
    }
    let (has_role, has_team, has_workspace) = (role.is_some(), team.is_some(), workspace.is_some());
    let role = role.and_then(|found| found.read(|text| RoleName::parse(&text).map_err(|error| error.to_string())));
    let team = team.and_then(|found| found.read(|text| TeamName::parse(&text).map_err(|error| error.to_string())));
    let scope = workspace.and_then(|found| {
        found.read(|text| {
            let known = workspaces.iter().find(|known| known.as_str() == text).cloned();
            known.map(Scope::Workspace).ok_or_else(|| {
                let names: Vec<&str> = workspaces.iter().map(WorkspaceName::as_str).collect();
                format!("there is no workspace {text:?}; there is {}", names.join(", "))
            })
        })
    });
    // What did not read is reported already, and must not become something wider.
    if has_role != role.is_some() || has_team != team.is_some() || has_workspace != scope.is_some() {
        return None;
    }
    let grant = role.map(|role| (role.value, scope.map_or(Scope::Everywhere, |scope| scope.value)));
    Some((grant, team.map(|team| team.value)))
}
