//! How is it put in words? Scopes, sources, keys and other people's texts, as all of these pages write them.

use lictor_authz::Origin;
use lictor_manage::GrantLine;
use lictor_model::{Principal, PrincipalKind, Scope, Source, Timestamp};
use lictor_store::KeyRow;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::when::minute;

/// An error as a sentence.
pub(super) fn sentence(error: &impl std::fmt::Display) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).chain(['.']).collect()).unwrap_or_default()
}

/// A text of others' making, with what does not show written out: it could turn round what stands beside it.
pub(super) fn visible(text: &str) -> String {
    let mut shown = String::new();
    for letter in text.chars() {
        if lictor_manage::text::is_line(letter.encode_utf8(&mut [0; 4]), 1) {
            shown.push(letter);
        } else {
            shown.extend(letter.escape_unicode());
        }
    }
    shown
}

/// A page of ours with a query.
pub(super) fn link(path: &str, query: &[(&str, &str)]) -> String {
    let mut link = path.to_owned();
    let mut joint = '?';
    for (name, value) in query.iter().filter(|(_, value)| !value.is_empty()) {
        link.push(joint);
        link.push_str(name);
        link.push('=');
        link.extend(utf8_percent_encode(value, NON_ALPHANUMERIC));
        joint = '&';
    }
    link
}

/// A principal's own page.
pub(super) fn principal_link(name: &str) -> String {
    link(super::principal::PATH, &[("name", name)])
}

/// A team's own page.
pub(super) fn team_link(name: &str) -> String {
    link(super::teams::ONE, &[("name", name)])
}

/// Where a role holds.
pub(super) fn place(scope: &Scope) -> String {
    match scope {
        Scope::Everywhere => "everywhere".to_owned(),
        Scope::Workspace(name) => format!("in {name}"),
    }
}

/// Who says so.
pub(super) fn source(source: &Source) -> String {
    match source {
        Source::ByHand => "by hand".to_owned(),
        Source::SignIn(provider) => format!("a sign-in rule of {provider}"),
    }
}

/// Through what a role is held.
pub(super) fn origin(origin: &Origin) -> String {
    match origin {
        Origin::Own(of) => source(of),
        team @ Origin::Team(..) => team.to_string(),
    }
}

/// A grant in one line.
pub(super) fn grant(line: &GrantLine) -> String {
    format!("{} is {} {}", line.holder, line.role, place(&line.scope))
}

/// A user or a service account.
pub(super) const fn kind(of: PrincipalKind) -> &'static str {
    match of {
        PrincipalKind::User => "user",
        PrincipalKind::ServiceAccount => "service account",
    }
}

/// Whether they may sign in.
pub(super) const fn state(of: &Principal) -> &'static str {
    if of.disabled { "disabled" } else { "active" }
}

/// What a key is for, or that nobody said.
pub(super) fn label(key: &KeyRow) -> String {
    if key.label.is_empty() { "without a label".to_owned() } else { visible(&key.label) }
}

/// A key as lists show it.
pub(super) fn masked(key: &KeyRow) -> String {
    format!("lictor_…{}", key.hint)
}

/// When it was last used, from where, by which client.
pub(super) fn last_use(key: &KeyRow) -> String {
    let Some(used) = &key.last_used else { return "never".to_owned() };
    let client = match used.client_version.as_str() {
        "" => String::new(),
        version => format!(", Prefect {}", visible(version)),
    };
    format!("{} from {}{client}", minute(used.at), visible(&used.client_ip))
}

/// When it ends.
pub(super) fn ends(key: &KeyRow) -> String {
    match (key.expires_at, &key.ended_by) {
        (None, _) => "never".to_owned(),
        (Some(end), None) => minute(end),
        (Some(end), Some(role)) => format!("{} (the role {role} lets no key grow older)", minute(end)),
    }
}

/// What it may do of what its owner may.
pub(super) fn limits(key: &KeyRow) -> String {
    key.narrowing.as_ref().map_or_else(|| "all that its owner may".to_owned(), |limits| visible(&limits.to_string()))
}

/// The state of a key, with a warning before its end.
pub(super) fn key_state(key: &KeyRow, now: Timestamp) -> String {
    if key.ends_within(SOON, now) { "ends soon".to_owned() } else { key.state(now).as_str().to_owned() }
}

/// A key that ends within so many seconds ends soon: 30 days.
pub(super) const SOON: i64 = 30 * 86_400;

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn what_does_not_show_is_written_out() {
        assert_eq!(visible("plain <b> text"), "plain <b> text");
        assert_eq!(visible("a\u{202e}b\nc\u{1b}"), "a\\u{202e}b\\u{a}c\\u{1b}");
    }

    #[test]
    fn a_link_carries_any_text() {
        assert_eq!(link("/x", &[("a", "b+c@d"), ("e", ""), ("f", "&=")]), "/x?a=b%2Bc%40d&f=%26%3D");
    }
}
