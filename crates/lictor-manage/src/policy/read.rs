//! What does the file say, and what is wrong with it? All problems at once, each with its line.

use std::collections::{BTreeMap, BTreeSet};

use lictor_authz::roles::find_built_in;
use lictor_model::key_age::from_words;
use lictor_model::{Permission, PermissionSet, PrincipalKind, PrincipalName, RoleName, TeamName, WorkspaceName};
use lictor_store::ManagedKind;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::{Held, Now, PersonText, Policy, RoleText, TeamText};
use crate::roles::OLDEST;
use crate::text;

/// Something wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// In which line, from 1.
    pub line: usize,
    /// What, and what to write instead.
    pub what: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

type Value<'i> = Spanned<DeValue<'i>>;

/// Reads a file that says who may what in these workspaces.
pub(super) fn read(text: &str, now: &Now, workspaces: &[WorkspaceName]) -> Result<Policy, Vec<Problem>> {
    let mut reader = Reader { text, problems: Vec::new(), named: Vec::new() };
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let at = error.span().map_or(0, |span| span.start);
        reader.problem(at, error.message().to_owned());
    }
    let mut policy = Policy::default();
    // A broken file is not judged any further: what is missing may stand in the part that does not read.
    if reader.problems.is_empty() {
        policy = reader.document(document.get_ref());
        reader.check_names(&policy, now, workspaces);
    }
    reader.problems.sort_by_key(|problem| problem.line);
    if reader.problems.is_empty() { Ok(policy) } else { Err(reader.problems) }
}

/// In the order of the file, so that of two that do not go together the second is the problem.
fn as_written<'v, 'i>(table: &'v DeTable<'i>) -> Vec<(&'v Spanned<DeString<'i>>, &'v Value<'i>)> {
    let mut all: Vec<_> = table.iter().collect();
    all.sort_by_key(|(key, _)| key.span().start);
    all
}

/// A name that must be there, where it stands.
enum Named {
    Role(RoleName),
    Member(PrincipalName),
    Workspace(WorkspaceName),
    /// A principal that the file lists as of this kind.
    Kind(PrincipalName, PrincipalKind),
}

struct Reader<'t> {
    text: &'t str,
    problems: Vec<Problem>,
    named: Vec<(usize, Named)>,
}

impl Reader<'_> {
    fn problem(&mut self, at: usize, what: impl Into<String>) {
        let line = self.text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
        self.problems.push(Problem { line, what: what.into() });
    }

    fn document(&mut self, document: &DeTable<'_>) -> Policy {
        let mut policy = Policy::default();
        for (key, value) in as_written(document) {
            let at = key.span().start;
            match key.get_ref().as_ref() {
                "roles" => self.roles(value, &mut policy),
                "users" => self.people(value, PrincipalKind::User, &mut policy.people),
                "service_accounts" => self.people(value, PrincipalKind::ServiceAccount, &mut policy.people),
                "teams" => policy.teams = self.teams(value),
                other => self.problem(
                    at,
                    format!("there is no section {other:?}: write roles, users, service_accounts or teams"),
                ),
            }
        }
        policy
    }

    fn roles(&mut self, section: &Value<'_>, policy: &mut Policy) {
        for (at, name, table) in self.entries(section, "[roles.NAME]") {
            let Some(name) = self.parsed(at, RoleName::parse(&name)) else { continue };
            let built_in = find_built_in(&name).is_some();
            let mut role = RoleText { description: String::new(), base: None, permissions: PermissionSet::EMPTY };
            for (key, value) in table {
                let at = key.span().start;
                match key.get_ref().as_ref() {
                    "max_key_age" => {
                        policy.key_ages.extend(self.key_age(value).map(|seconds| (name.clone(), seconds)));
                    }
                    "second_factor" => {
                        let demanded = self.second_factor(value);
                        policy.second_factors.extend(demanded.map(|demanded| (name.clone(), demanded)));
                    }
                    _ if built_in => {
                        let what = format!(
                            "the role {name} is built in: of it a file says max_key_age and second_factor alone"
                        );
                        self.problem(at, what);
                    }
                    "description" => role.description = self.line(value, "description", text::DESCRIPTION),
                    "based_on" => role.base = self.base(value),
                    "permissions" => role.permissions = self.permissions(value),
                    other => {
                        self.unknown(at, other, "description, based_on, permissions, max_key_age or second_factor")
                    }
                }
            }
            if !built_in {
                policy.roles.insert(name, role);
            }
        }
    }

    fn people(&mut self, section: &Value<'_>, kind: PrincipalKind, people: &mut BTreeMap<PrincipalName, PersonText>) {
        for (at, name, table) in self.entries(section, "[users.NAME]") {
            let Some(name) = self.parsed(at, PrincipalName::parse(&name)) else { continue };
            let mut person = PersonText { kind, admin: None, disabled: None, roles: None };
            for (key, value) in table {
                let at = key.span().start;
                match key.get_ref().as_ref() {
                    "account_role" => person.admin = self.account_role(value),
                    "disabled" => person.disabled = self.boolean(value),
                    "roles" => person.roles = Some(self.held(value)),
                    other => self.unknown(at, other, "roles, account_role or disabled"),
                }
            }
            self.named.push((at, Named::Kind(name.clone(), kind)));
            if people.insert(name.clone(), person).is_some() {
                self.problem(at, format!("{name} is a user and a service account: a name is taken once"));
            }
        }
    }

    fn teams(&mut self, section: &Value<'_>) -> BTreeMap<TeamName, TeamText> {
        let mut teams = BTreeMap::new();
        for (at, name, table) in self.entries(section, "[teams.NAME]") {
            let Some(name) = self.parsed(at, TeamName::parse(&name)) else { continue };
            let mut team = TeamText::default();
            for (key, value) in table {
                let at = key.span().start;
                match key.get_ref().as_ref() {
                    "description" => team.description = Some(self.line(value, "description", text::DESCRIPTION)),
                    "members" => team.members = Some(self.members(value)),
                    "roles" => team.roles = Some(self.held(value)),
                    other => self.unknown(at, other, "description, members or roles"),
                }
            }
            teams.insert(name, team);
        }
        teams
    }

    fn account_role(&mut self, value: &Value<'_>) -> Option<bool> {
        match self.string(value)?.as_str() {
            "admin" => Some(true),
            "member" => Some(false),
            other => {
                let what =
                    format!("{other:?} is no account role to give: write admin or member; an owner has the role owner");
                self.problem(value.span().start, what);
                None
            }
        }
    }

    fn key_age(&mut self, value: &Value<'_>) -> Option<i64> {
        let text = self.string(value)?;
        let seconds = from_words(&text).filter(|seconds| *seconds <= OLDEST);
        if seconds.is_none() {
            let what = format!("{text:?} is no age: write it as \"90d\", at most 36525d");
            self.problem(value.span().start, what);
        }
        seconds
    }

    fn second_factor(&mut self, value: &Value<'_>) -> Option<bool> {
        match self.string(value)?.as_str() {
            "required" => Some(true),
            "none" => Some(false),
            other => {
                self.problem(value.span().start, format!("{other:?} says nothing here: write required or none"));
                None
            }
        }
    }

    fn base(&mut self, value: &Value<'_>) -> Option<RoleName> {
        let name = self.string(value)?;
        let found = RoleName::parse(&name).ok().filter(|name| find_built_in(name).is_some());
        if found.is_none() {
            let what = format!("a role cannot be based on {name:?}: write viewer, runner, developer, owner or worker");
            self.problem(value.span().start, what);
        }
        found
    }

    fn permissions(&mut self, value: &Value<'_>) -> PermissionSet {
        let mut set = Vec::new();
        for (at, name) in self.strings(value) {
            match Permission::parse(&name) {
                Some(permission) => set.push(permission),
                None => self
                    .problem(at, format!("there is no permission {name:?}; `lictor role show owner` lists them all")),
            }
        }
        set.into_iter().collect()
    }

    /// Roles and where they hold.
    fn held(&mut self, value: &Value<'_>) -> BTreeSet<Held> {
        let mut all = BTreeSet::new();
        for (at, text) in self.strings(value) {
            let (role, workspace) = match text.split_once('@') {
                Some((role, workspace)) => (role, Some(WorkspaceName::from(workspace))),
                None => (text.as_str(), None),
            };
            let Some(role) = self.parsed(at, RoleName::parse(role)) else { continue };
            self.named.push((at, Named::Role(role.clone())));
            self.named.extend(workspace.clone().map(|workspace| (at, Named::Workspace(workspace))));
            if !all.insert(Held { role, workspace }) {
                self.problem(at, format!("{text:?} stands here twice"));
            }
        }
        all
    }

    fn members(&mut self, value: &Value<'_>) -> BTreeSet<PrincipalName> {
        let mut all = BTreeSet::new();
        for (at, text) in self.strings(value) {
            let Some(name) = self.parsed(at, PrincipalName::parse(&text)) else { continue };
            self.named.push((at, Named::Member(name.clone())));
            if !all.insert(name) {
                self.problem(at, format!("{text:?} stands here twice"));
            }
        }
        all
    }

    /// What is named must be there once the file is applied: in it, or in the store and not removed with it.
    fn check_names(&mut self, policy: &Policy, now: &Now, workspaces: &[WorkspaceName]) {
        let goes = |kind: ManagedKind, name: &str| now.managed.iter().any(|(of, listed)| *of == kind && listed == name);
        for (at, named) in std::mem::take(&mut self.named) {
            match named {
                Named::Role(name) => {
                    let in_store = now.directory.assignments.roles.iter().any(|role| role.name == name);
                    let stays = in_store && !goes(ManagedKind::Role, name.as_str());
                    if !policy.roles.contains_key(&name) && find_built_in(&name).is_none() && !stays {
                        let what =
                            format!("there is no role {:?}: write [roles.{name}], or the name of one", name.as_str());
                        self.problem(at, what);
                    }
                }
                Named::Member(name) => {
                    let in_store = now.directory.principals.iter().any(|one| one.name == name);
                    let stays = in_store && !goes(ManagedKind::Principal, name.as_str());
                    if !policy.people.contains_key(&name) && !stays {
                        let what = format!(
                            "there is no user or service account {:?}: write it into this file too",
                            name.as_str()
                        );
                        self.problem(at, what);
                    }
                }
                Named::Workspace(name) if !workspaces.contains(&name) => {
                    let known: Vec<&str> = workspaces.iter().map(WorkspaceName::as_str).collect();
                    self.problem(
                        at,
                        format!("there is no workspace {:?}; there is {}", name.as_str(), known.join(", ")),
                    );
                }
                Named::Kind(name, kind) => {
                    let other = now.directory.principals.iter().find(|one| one.name == name && one.kind != kind);
                    if let Some(other) = other {
                        let what = format!(
                            "{name} is a {} already: remove that one first, or choose another name",
                            other.kind.as_str()
                        );
                        self.problem(at, what);
                    }
                }
                Named::Workspace(_) => {}
            }
        }
    }

    // --- values ---

    /// The named tables of a section.
    fn entries<'v, 'i>(&mut self, section: &'v Value<'i>, how: &str) -> Vec<(usize, String, &'v DeTable<'i>)> {
        let DeValue::Table(section_table) = section.get_ref() else {
            self.problem(section.span().start, format!("this is a section: write {how}"));
            return Vec::new();
        };
        let mut all = Vec::new();
        for (key, value) in as_written(section_table) {
            match value.get_ref() {
                DeValue::Table(table) => all.push((key.span().start, key.get_ref().to_string(), table)),
                _ => self.problem(key.span().start, format!("{:?} is a table: write {how}", key.get_ref())),
            }
        }
        all
    }

    fn string(&mut self, value: &Value<'_>) -> Option<String> {
        match value.get_ref() {
            DeValue::String(text) => Some(text.to_string()),
            _ => {
                self.problem(value.span().start, "this is a text: write it in quotes");
                None
            }
        }
    }

    fn boolean(&mut self, value: &Value<'_>) -> Option<bool> {
        match value.get_ref() {
            DeValue::Boolean(yes) => Some(*yes),
            _ => {
                self.problem(value.span().start, "write true or false");
                None
            }
        }
    }

    fn line(&mut self, value: &Value<'_>, what: &str, most: usize) -> String {
        let line = self.string(value).unwrap_or_default();
        if !text::is_line(&line, most) {
            self.problem(
                value.span().start,
                format!("the {what} must be one line of at most {most} characters that show"),
            );
        }
        line
    }

    fn strings(&mut self, value: &Value<'_>) -> Vec<(usize, String)> {
        let DeValue::Array(items) = value.get_ref() else {
            self.problem(value.span().start, "this is a list: write [\"…\", \"…\"]");
            return Vec::new();
        };
        items.iter().filter_map(|item| self.string(item).map(|text| (item.span().start, text))).collect()
    }

    fn parsed<T, E: std::fmt::Display>(&mut self, at: usize, read: Result<T, E>) -> Option<T> {
        read.map_err(|error| self.problem(at, error.to_string())).ok()
    }

    fn unknown(&mut self, at: usize, name: &str, known: &str) {
        self.problem(at, format!("there is no {name:?} here: write {known}"));
    }
}
