//! Which row of the table is it? A trie per verb; a literal beats a parameter, and no match means unknown.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::operation::{Operation, Verb};
use crate::operations::OPERATIONS;
use crate::path::{Below, decoded};

/// A row of the table and the path that asked for it, in the row's own spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matched {
    operation: &'static Operation,
    path: String,
}

impl Matched {
    /// Called only with a path that the row's template fits.
    pub(crate) fn new(operation: &'static Operation, path: String) -> Self {
        Self { operation, path }
    }

    /// The row.
    #[must_use]
    pub const fn operation(&self) -> &'static Operation {
        self.operation
    }

    /// The canonical path relative to the row's place, with the row's trailing slash or without: what to forward.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The decoded value of a parameter of the template, as `param("id")`.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<Cow<'_, str>> {
        self.params().find_map(|(of, value)| (of == name).then_some(value))
    }

    /// The template's parameters with their decoded values, in order.
    pub fn params(&self) -> impl Iterator<Item = (&'static str, Cow<'_, str>)> {
        params(self.operation, &self.path)
    }

    pub(crate) fn into_parts(self) -> (&'static Operation, String) {
        (self.operation, self.path)
    }
}

/// The parameters of an operation's template with their decoded values in a path that the template fits.
pub(crate) fn params<'p>(
    operation: &'static Operation,
    path: &'p str,
) -> impl Iterator<Item = (&'static str, Cow<'p, str>)> {
    let template = operation.template.split('/');
    template.zip(path.split('/')).filter_map(|(part, value)| Some((parameter(part)?, decoded(value))))
}

/// Finds the row for a verb and the path below the API mount. Both spellings of the trailing slash find it.
#[must_use]
pub fn find(verb: Verb, below: Below<'_>) -> Option<Matched> {
    let operation = TABLE.find(verb, below)?;
    let bare = below.as_str().strip_suffix('/').unwrap_or(below.as_str());
    let path = if operation.template.ends_with('/') { format!("{bare}/") } else { bare.to_owned() };
    Some(Matched::new(operation, path))
}

static TABLE: LazyLock<Trie> = LazyLock::new(|| Trie::of(OPERATIONS));

struct Trie(BTreeMap<Verb, Node>);

#[derive(Default)]
struct Node {
    literals: BTreeMap<&'static str, Node>,
    parameter: Option<Box<Node>>,
    row: Option<&'static Operation>,
}

impl Trie {
    fn of(rows: &'static [Operation]) -> Self {
        let mut roots: BTreeMap<Verb, Node> = BTreeMap::new();
        for row in rows {
            let segments: Vec<_> = row.template.split('/').filter(|segment| !segment.is_empty()).collect();
            roots.entry(row.verb).or_default().insert(&segments, row);
        }
        Self(roots)
    }

    fn find(&self, verb: Verb, below: Below<'_>) -> Option<&'static Operation> {
        self.0.get(&verb)?.find(below.segments())
    }
}

impl Node {
    fn insert(&mut self, segments: &[&'static str], row: &'static Operation) {
        let Some((segment, rest)) = segments.split_first() else {
            self.row = Some(row);
            return;
        };
        self.child(segment).insert(rest, row);
    }

    fn child(&mut self, segment: &'static str) -> &mut Self {
        if parameter(segment).is_some() {
            return self.parameter.get_or_insert_default();
        }
        self.literals.entry(segment).or_default()
    }

    /// The literal branch is tried first and, when it leads nowhere, the parameter's: depth is that of the table.
    fn find<'p>(&self, mut segments: impl Iterator<Item = &'p str> + Clone) -> Option<&'static Operation> {
        let Some(segment) = segments.next() else { return self.row };
        let literal = self.literals.get(segment).and_then(|node| node.find(segments.clone()));
        literal.or_else(|| self.parameter.as_ref()?.find(segments))
    }
}

/// The name in a template's `{name}`.
fn parameter(segment: &'static str) -> Option<&'static str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}
