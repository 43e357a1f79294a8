//! Is this data directory in use? One lock for Lictor, one that a running Prefect Server holds itself.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::say;

/// A data directory that cannot be taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    /// Another `lictor up` has it.
    #[error("another `lictor up` is running on {}: stop it first, or choose another --data", .0.display())]
    Taken(PathBuf),
    /// The lock file cannot be used.
    #[error("cannot lock {}: {source}", path.display())]
    Unusable {
        /// The lock file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Takes the data directory until the file is dropped or the process ends, however it ends.
///
/// # Errors
/// [`LockError::Taken`] when another `lictor up` runs on it.
pub(crate) fn take(data: &Path) -> Result<File, LockError> {
    let path = data.join("lictor.lock");
    let file = open(&path).map_err(|source| LockError::Unusable { path: path.clone(), source })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LockError::Taken(data.to_path_buf())),
        Err(TryLockError::Error(source)) => Err(LockError::Unusable { path, source }),
    }
}

/// Takes the lock that a Prefect Server of ours holds as long as it lives, so that two never share a database:
/// after a `kill -9` of Lictor, the former one is still stopping while the next Lictor starts.
///
/// # Errors
/// The system's, when the lock file cannot be used.
pub(crate) async fn wait_for_former_server(data: &Path) -> std::io::Result<File> {
    let file = open(&data.join("prefect.lock"))?;
    let mut said: Option<Instant> = None;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(source)) => return Err(source),
            Err(TryLockError::WouldBlock) => {
                if said.is_none_or(|at| at.elapsed() > Duration::from_secs(10)) {
                    say("waiting for the former Prefect Server on this data directory to stop");
                    said = Some(Instant::now());
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).truncate(false).write(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_directory_is_taken_once_at_a_time() {
        let data = std::env::temp_dir().join(format!("lictor-lock-{}", std::process::id()));
        std::fs::create_dir_all(&data).unwrap();
        let first = take(&data).unwrap();
        assert!(matches!(take(&data), Err(LockError::Taken(_))));
        drop(first);
        assert!(take(&data).is_ok());
        std::fs::remove_dir_all(&data).unwrap();
    }
}
