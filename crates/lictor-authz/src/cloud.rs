//! Does a path name its workspace as Prefect Cloud's clients do? `/api/accounts/{id}/workspaces/{id}/…`, and `/account/…` for people.

use crate::path::CanonicalPath;

/// Where clients look for the workspaces of Prefect Cloud.
const API: (&str, &str, &str) = ("/api/accounts", "workspaces", "/api");
/// Where the links that they print lead.
const UI: (&str, &str, &str) = ("/account", "workspace", "");

/// What a Cloud client asks for the types of work pools by, and where Prefect Server has them.
const WORK_POOL_TYPES: (&str, &str) =
    ("/api/collections/work_pool_types", "/api/collections/views/aggregate-worker-metadata");

/// A path that names its workspace by ids, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudPath {
    /// The account's id, as it was spelled.
    pub account: String,
    /// The workspace's id, as it was spelled.
    pub workspace: String,
    /// All up to there: `/api/accounts/{id}/workspaces/{id}`.
    pub mount: String,
    /// The path in the workspace: `/api/flows/filter`, or a page of its UI.
    pub path: CanonicalPath,
}

impl CloudPath {
    /// Of the API.
    #[must_use]
    pub fn of_api(path: &CanonicalPath) -> Option<Self> {
        Self::read(path, API)
    }

    /// Of the UI.
    #[must_use]
    pub fn of_ui(path: &CanonicalPath) -> Option<Self> {
        Self::read(path, UI)
    }

    fn read(path: &CanonicalPath, (root, word, place): (&str, &str, &str)) -> Option<Self> {
        let below = path.below(root)?;
        let mut segments = below.segments();
        let account = segments.next()?.to_owned();
        let workspace = segments.next().filter(|named| *named == word).and_then(|_| segments.next())?.to_owned();
        let mount = format!("{root}/{account}/{word}/{workspace}");
        // A page without a path is the root, which has a slash of its own.
        let path = match path.moved(&mount, place)? {
            empty if empty.as_str().is_empty() => empty.moved("", "/")?,
            inside => inside,
        };
        Some(Self { account, workspace, mount, path })
    }
}

/// The path at which Prefect Server has what a Cloud client asks for: the same, but for one.
#[must_use]
pub fn at_prefect(path: CanonicalPath) -> CanonicalPath {
    let (asked, there) = WORK_POOL_TYPES;
    if path.as_str() == asked { path.moved(asked, there).unwrap_or(path) } else { path }
}
