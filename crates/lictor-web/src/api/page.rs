//! How is a long list read? A page at a time: each says where the next one begins.

use lictor_manage::{LARGEST_PAGE, Listed, ManageError};
use lictor_model::{PrincipalName, id};
use lictor_store::Bounds;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// What is on it.
    items: Vec<T>,
    /// The cursor of the next page; null on the last one.
    next: Option<String>,
}

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct Turn {
    /// At most so many.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    pub(crate) limit: u32,
    /// The `next` of the page before.
    pub(crate) cursor: Option<String>,
}

impl Default for Turn {
    fn default() -> Self {
        Self { limit: usual(), cursor: None }
    }
}

/// How much is on a page of which nothing is said.
pub(crate) const fn usual() -> u32 {
    100
}

impl Turn {
    /// That a page has a size that one can ask for.
    pub(crate) fn size(&self) -> Result<usize, ManageError> {
        let fits = (1..=LARGEST_PAGE).contains(&self.limit);
        let size = usize::try_from(self.limit).ok().filter(|_| fits);
        size.ok_or(ManageError::PageSize(LARGEST_PAGE))
    }
}

impl<T> Page<T> {
    /// A page of which somebody else knows the next one.
    pub(crate) fn with_next(items: Vec<T>, next: Option<String>) -> Self {
        Self { items, next }
    }
}

impl Turn {
    /// From where to where the store reads. The cursor of another list, or one that was made up, is refused.
    pub(crate) fn bounds(&self) -> Result<Bounds, ManageError> {
        self.size()?;
        if self.cursor.as_deref().is_some_and(|cursor| !is_cursor(cursor)) {
            return Err(ManageError::UnknownCursor);
        }
        Ok(Bounds { after: self.cursor.clone(), ..Bounds::first(self.limit) })
    }
}

impl<S> Page<S> {
    /// What the store read.
    pub(crate) fn of<T>(listed: Listed<T>, show: impl FnMut(T) -> S) -> Self {
        let Listed { rows, next, .. } = listed.map(show);
        Self { items: rows, next }
    }
}

/// What is on the page, of all that there is, where that is little; `key` is what the list is in the order of, and what a cursor is.
pub(crate) fn turn<T, S>(
    turn: &Turn,
    mut all: Vec<T>,
    key: impl Fn(&T) -> &str,
    show: impl Fn(&T) -> S,
) -> Result<Page<S>, ManageError> {
    let size = turn.size()?;
    all.sort_by(|one, other| key(one).cmp(key(other)));
    let cursor = turn.cursor.as_deref();
    if cursor.is_some_and(|cursor| !is_cursor(cursor)) {
        return Err(ManageError::UnknownCursor);
    }
    // What the cursor names may be gone meanwhile: the page begins behind where it was.
    let from = cursor.map_or(0, |cursor| all.partition_point(|item| key(item) <= cursor));
    let mut page = all.iter().skip(from);
    let shown: Vec<&T> = page.by_ref().take(size).collect();
    let next = page.next().and_then(|_| shown.last()).map(|last| key(last).to_owned());
    Ok(Page { items: shown.into_iter().map(show).collect(), next })
}

/// A name or an id, as the lists have them.
fn is_cursor(text: &str) -> bool {
    PrincipalName::parse(text).is_ok() || id::canonical_uuid(text).is_some_and(|canonical| canonical == text)
}
