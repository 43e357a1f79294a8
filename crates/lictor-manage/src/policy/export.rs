//! How is what the store says written as a file? Names and roles; nothing secret, and nothing that sign-in rules make again.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt::Write as _;

use lictor_authz::roles::built_in;
use lictor_model::key_age::in_words;
use lictor_model::{Assignments, Principal, PrincipalId, PrincipalKind, RoleName, Source};
use lictor_store::Directory;

use super::Held;

const HEAD: &str = "\
# Who may what, as `lictor export` wrote it. `lictor apply` makes it so: what is listed here and is not listed next time is removed,
# what was never listed stays. Passwords, keys and sessions are no part of it, nor what sign-in rules give.
";

/// Writes the file. Whom a provider signs in and who has nothing by hand is made again by the next sign-in, and left out.
pub(super) fn write(directory: &Directory, external: &[PrincipalId]) -> String {
    let mut file = HEAD.to_owned();
    roles(&mut file, directory);
    let by_hand = by_hand(directory);
    let members = directory.assignments.memberships.iter().filter(|one| one.source == Source::ByHand);
    let members: HashSet<&PrincipalId> = members.map(|one| &one.principal).collect();
    let external: HashSet<&PrincipalId> = external.iter().collect();
    for principal in &directory.principals {
        let held = by_hand.get(&principal.id).cloned().unwrap_or_default();
        let admin = directory.assignments.admins.contains(&principal.id);
        let comes_back = external.contains(&principal.id) && held.is_empty() && !admin && !principal.disabled;
        if !comes_back || members.contains(&principal.id) {
            person(&mut file, principal, admin, &held);
        }
    }
    teams(&mut file, directory);
    file
}

fn roles(file: &mut String, directory: &Directory) {
    let all = &directory.assignments;
    for role in &all.roles {
        section(file, "roles", role.name.as_str());
        if !role.description.is_empty() {
            put(file, "description", &text(&role.description));
        }
        if let Some(base) = &role.base {
            put(file, "based_on", &text(base.as_str()));
        }
        put(file, "permissions", &list(role.permissions.iter().map(|one| one.to_string())));
        demands(file, all, &role.name);
    }
    for role in built_in() {
        let is_said = all.factor_roles.contains(&role.name) || all.key_ages.iter().any(|age| age.role == role.name);
        if is_said {
            section(file, "roles", role.name.as_str());
            demands(file, all, &role.name);
        }
    }
}

/// What is demanded of those who have the role.
fn demands(file: &mut String, all: &Assignments, role: &RoleName) {
    if let Some(age) = all.key_ages.iter().find(|age| age.role == *role) {
        put(file, "max_key_age", &text(&in_words(age.seconds)));
    }
    if all.factor_roles.contains(role) {
        put(file, "second_factor", "\"required\"");
    }
}

fn person(file: &mut String, principal: &Principal, admin: bool, held: &BTreeSet<Held>) {
    let kind = match principal.kind {
        PrincipalKind::User => "users",
        PrincipalKind::ServiceAccount => "service_accounts",
    };
    section(file, kind, principal.name.as_str());
    put(file, "roles", &list(held.iter().map(ToString::to_string)));
    if admin {
        put(file, "account_role", "\"admin\"");
    }
    if principal.disabled {
        put(file, "disabled", "true");
    }
}

fn teams(file: &mut String, directory: &Directory) {
    let all = &directory.assignments;
    for team in &all.teams {
        section(file, "teams", team.name.as_str());
        put(file, "description", &text(&team.description));
        let ids = all.memberships.iter().filter(|one| one.team == team.id && one.source == Source::ByHand);
        let ids: BTreeSet<&PrincipalId> = ids.map(|one| &one.principal).collect();
        let names = directory.principals.iter().filter(|one| ids.contains(&one.id)).map(|one| one.name.to_string());
        put(file, "members", &list(names));
        let held = all.team_grants.iter().filter(|grant| grant.team == team.id);
        let held: BTreeSet<Held> = held.map(|grant| Held::of(&grant.role, &grant.scope)).collect();
        put(file, "roles", &list(held.iter().map(ToString::to_string)));
    }
}

/// What each principal was given by hand.
fn by_hand(directory: &Directory) -> HashMap<&PrincipalId, BTreeSet<Held>> {
    let mut held: HashMap<&PrincipalId, BTreeSet<Held>> = HashMap::new();
    for grant in directory.assignments.grants.iter().filter(|grant| grant.source == Source::ByHand) {
        held.entry(&grant.principal).or_default().insert(Held::of(&grant.role, &grant.scope));
    }
    held
}

fn section(file: &mut String, kind: &str, name: &str) {
    let is_bare = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    let name = if is_bare { name.to_owned() } else { text(name) };
    // Writing to a string cannot fail.
    let _ = writeln!(file, "\n[{kind}.{name}]");
}

fn put(file: &mut String, key: &str, value: &str) {
    let _ = writeln!(file, "{key} = {value}");
}

fn text(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.map(|item| text(&item)).collect::<Vec<_>>().join(", "))
}
