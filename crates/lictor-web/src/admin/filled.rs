//! What was filled in, and what is wrong with it? A form is shown again as it was sent, each problem beside its field.

use super::desk::Order;

/// The values of a form and what is wrong with them.
#[derive(Default)]
pub(super) struct Filled {
    values: Vec<(&'static str, String)>,
    problems: Vec<(&'static str, String)>,
    whole: Option<String>,
}

/// One field of a form.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) label: String,
    pub(super) hint: String,
    pub(super) value: String,
    pub(super) problem: Option<String>,
    pub(super) kind: Kind,
}

/// How it is filled in.
pub(super) enum Kind {
    /// A line.
    Line,
    /// Several lines.
    Lines,
    /// A moment in UTC.
    Moment,
    /// One of these: value and words.
    Choice(Vec<(String, String)>),
    /// Yes or no.
    Check,
}

impl Filled {
    /// What was sent of these fields.
    pub(super) fn read(order: &Order, names: &[&'static str]) -> Self {
        let value = |name: &&'static str| (*name, order.sent.field(name).trim().to_owned());
        Self { values: names.iter().map(value).collect(), ..Self::default() }
    }

    /// A form that begins with these values.
    pub(super) fn with(values: Vec<(&'static str, String)>) -> Self {
        Self { values, ..Self::default() }
    }

    pub(super) fn value(&self, name: &str) -> &str {
        self.values.iter().find(|(field, _)| *field == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    /// What `read` makes of a value; otherwise a problem is noted.
    pub(super) fn parse<T, E: std::fmt::Display>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        match read(self.value(name)) {
            Ok(read) => Some(read),
            Err(problem) => {
                let problem = super::words::sentence(&problem);
                self.wrong(name, problem);
                None
            }
        }
    }

    pub(super) fn wrong(&mut self, name: &'static str, problem: impl Into<String>) {
        self.problems.push((name, problem.into()));
    }

    /// Something that is wrong with no field in particular.
    pub(super) fn wrong_as_a_whole(&mut self, problem: String) {
        self.whole = Some(problem);
    }

    pub(super) fn whole(&self) -> Option<String> {
        self.whole.clone()
    }

    fn problem(&self, name: &str) -> Option<String> {
        self.problems.iter().find(|(field, _)| *field == name).map(|(_, problem)| problem.clone())
    }

    pub(super) fn field(
        &self,
        name: &'static str,
        label: impl Into<String>,
        hint: impl Into<String>,
        kind: Kind,
    ) -> Field {
        let (value, problem) = (self.value(name).to_owned(), self.problem(name));
        Field { name, label: label.into(), hint: hint.into(), value, problem, kind }
    }
}

/// Choices whose words are their values.
pub(super) fn choices<T: std::fmt::Display>(first: &str, of: impl IntoIterator<Item = T>) -> Vec<(String, String)> {
    let first = (String::new(), first.to_owned());
    std::iter::once(first).chain(of.into_iter().map(|one| (one.to_string(), one.to_string()))).collect()
}
