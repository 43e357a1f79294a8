//! Where is the Prefect Server of a running `lictor up`? Noted beside its credential, for the commands that ask it.

use std::path::Path;

use super::lock::{self, LockError};
use crate::config::Upstream;
use crate::config::workspace::{self, Workspace};

const FILE: &str = "prefect-url";
const ELSEWHERE: &str = "upstream-url";

/// Notes where the server of this run is.
///
/// # Errors
/// The system's.
pub(crate) fn note(data: &Path, at: &Upstream) -> std::io::Result<()> {
    std::fs::write(data.join(FILE), at.to_string())
}

/// Notes where the server is that is not ours; its credential is not written down.
///
/// # Errors
/// The system's.
pub(crate) fn note_elsewhere(data: &Path, at: &Upstream) -> std::io::Result<()> {
    std::fs::write(data.join(ELSEWHERE), at.to_string())
}

/// The server of another's making that this run, or the last one, stands in front of.
pub(crate) fn find_elsewhere(data: &Path) -> Option<Upstream> {
    Upstream::parse(std::fs::read_to_string(data.join(ELSEWHERE)).ok()?.trim()).ok()
}

/// Forgets the server of an earlier run.
pub(crate) fn forget(data: &Path) {
    // They need not be there.
    for file in [FILE, ELSEWHERE] {
        let _ = std::fs::remove_file(data.join(file));
    }
}

/// The server of the `lictor up` that runs on this data directory; `None` when none does, or it has no server of its
/// own.
///
/// # Errors
/// [`LockError`] when the directory's lock cannot be used.
pub(crate) fn find(data: &Path) -> Result<Option<Workspace>, LockError> {
    match lock::take(data) {
        Ok(_) => return Ok(None),
        Err(LockError::Taken(_)) => {}
        Err(error) => return Err(error),
    }
    let read = |name: &str| std::fs::read_to_string(data.join(name)).ok();
    let upstream = read(FILE).and_then(|url| Upstream::parse(url.trim()).ok());
    let auth_string = read("upstream-auth").and_then(|text| workspace::usable_auth_string(&text).ok());
    Ok(upstream.map(|upstream| workspace::only(upstream, auth_string)))
}
