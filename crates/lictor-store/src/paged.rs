//! From where to where does a page go? After or before a row that is named, so that no row is told twice or left out, however
//! many come and go meanwhile.

use crate::statement::Statement;

/// Where a page begins, and how long it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bounds {
    /// Beyond this row, in the order of the list: the last of the page before.
    pub after: Option<String>,
    /// Up to this row, which is the first of the page behind; where both are named, only this one counts.
    pub before: Option<String>,
    /// At most so many.
    pub limit: u32,
    /// The largest key first.
    pub descending: bool,
}

/// A page of a list.
#[derive(Debug, Clone)]
pub struct Paged<T> {
    /// What stands on it.
    pub rows: Vec<T>,
    /// How many there are on all pages.
    pub total: i64,
    /// Whether there are more behind it.
    pub has_next: bool,
    /// Whether there are some before it.
    pub has_previous: bool,
}

impl Bounds {
    /// The first page.
    #[must_use]
    pub fn first(limit: u32) -> Self {
        Self { limit, ..Self::default() }
    }

    /// The same list from its other end.
    #[must_use]
    pub fn descending(self) -> Self {
        Self { descending: true, ..self }
    }

    fn is_backward(&self) -> bool {
        self.before.is_some()
    }

    /// Adds where it begins.
    pub(crate) fn narrow(&self, statement: &mut Statement, key: &'static str) {
        let Some(from) = self.before.as_ref().or(self.after.as_ref()) else { return };
        statement.push(" AND ");
        statement.push(key);
        statement.push(if self.is_backward() == self.descending { " > " } else { " < " });
        statement.push_bind(from.as_str());
    }

    /// Adds the direction and the limit behind `ORDER BY key `: one row more than is shown says whether there is more.
    pub(crate) fn finish(&self, statement: &mut Statement) {
        statement.push(if self.is_backward() == self.descending { "ASC LIMIT " } else { "DESC LIMIT " });
        statement.push_bind(i64::from(self.limit).saturating_add(1));
    }

    /// The page that was read.
    pub(crate) fn page<T>(&self, mut rows: Vec<T>, total: i64) -> Paged<T> {
        let most = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let is_more = rows.len() > most;
        rows.truncate(most);
        if self.is_backward() {
            rows.reverse();
            return Paged { rows, total, has_next: true, has_previous: is_more };
        }
        Paged { rows, total, has_next: is_more, has_previous: self.after.is_some() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement::sql;

    #[test]
    fn a_page_goes_either_way() {
        let text = |bounds: &Bounds| {
            let mut statement = sql("");
            bounds.narrow(&mut statement, "k");
            bounds.finish(&mut statement);
            format!("{statement:?}")
        };
        let at = |after: Option<&str>, before: Option<&str>| Bounds {
            after: after.map(str::to_owned),
            before: before.map(str::to_owned),
            ..Bounds::first(2)
        };
        assert!(text(&at(Some("m"), None)).contains("k > $1ASC"));
        assert!(text(&at(None, Some("m"))).contains("k < $1DESC"));
        assert!(text(&at(Some("m"), None).descending()).contains("k < $1DESC"));
        assert!(text(&at(None, Some("m")).descending()).contains("k > $1ASC"));
        let back = at(None, Some("m")).page(vec![3, 2, 1], 9);
        assert_eq!((back.rows, back.has_next, back.has_previous), (vec![2, 3], true, true));
        let first = at(None, None).page(vec![1, 2], 2);
        assert_eq!((first.rows, first.has_next, first.has_previous), (vec![1, 2], false, false));
    }
}
