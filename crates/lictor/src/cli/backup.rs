//! How is the store taken out and put back from the command line? `lictor backup` and `lictor restore`.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Args;
use lictor_store::BackupError;
use serde_json::json;

use super::error::CliError;
use super::printed::Printed;
use super::target::Console;

/// `lictor backup`
#[derive(Debug, Args)]
#[command(after_help = "\
The gateway may be running, and the backup fits either database: taken from SQLite it
can be put into PostgreSQL. It holds what passwords and keys are verified by, and the
record; it is written for its owner's eyes only, so keep it like a password. Sessions
and reset links are not part of it.

Examples:
  lictor backup lictor-2026-11-24.jsonl
  lictor backup - --config lictor.toml | age -r age1… > lictor.age")]
pub(crate) struct Backup {
    /// The new file, or - for standard output.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// `lictor restore`
#[derive(Debug, Args)]
#[command(after_help = "\
All of it or nothing, in one transaction; a running gateway follows within a second.
Everybody is signed out. With --replace, what is there now is gone, but a key that was
revoked since the backup stays revoked, and the record keeps every event. Start running
gateways anew afterwards: they hold secrets of the old store.

Examples:
  lictor restore lictor-2026-11-24.jsonl --data /srv/lictor
  lictor restore lictor-2026-11-24.jsonl --replace --config lictor.toml")]
pub(crate) struct Restore {
    /// The backup, or - for standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Put it in the place of what is there.
    #[arg(long)]
    replace: bool,
}

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BackupFileError {
    /// It is there.
    #[error("{} is there already: name a new file", .0.display())]
    Exists(PathBuf),
    /// It cannot be opened or kept.
    #[error("{}: {source}", file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

impl Backup {
    /// Runs it.
    pub(crate) async fn run(self, console: &Console) -> Result<Printed, CliError> {
        if self.file == Path::new("-") {
            console.store.back_up(&console.by, &mut std::io::stdout()).await?;
            return Ok(Printed::nothing());
        }
        let mut out = BufWriter::new(create(&self.file)?);
        let taken = match console.store.back_up(&console.by, &mut out).await {
            Ok(taken) => taken,
            Err(error) => {
                // Half a backup must not be mistaken for one.
                let _ = std::fs::remove_file(&self.file);
                return Err(error.into());
            }
        };
        let kept = out.into_inner().map_err(std::io::IntoInnerError::into_error).and_then(|file| file.sync_all());
        kept.map_err(|source| BackupFileError::File { file: self.file.clone(), source })?;
        let text = format!("backed up {} into {}", counted(&taken.rows), self.file.display());
        let facts = json!({"file": self.file, "taken_at": taken.taken_at.to_rfc3339(), "rows": taken.rows});
        Ok(Printed::new(text, facts))
    }
}

impl Restore {
    /// Runs it.
    pub(crate) async fn run(self, console: &Console) -> Result<Printed, CliError> {
        let (store, by) = (&console.store, &console.by);
        let restored = if self.file == Path::new("-") {
            store.restore(by, BufReader::new(std::io::stdin()), self.replace).await?
        } else {
            let opened = File::open(&self.file);
            let file = opened.map_err(|source| BackupFileError::File { file: self.file.clone(), source })?;
            store.restore(by, BufReader::new(file), self.replace).await?
        };
        let mut text = format!("restored {} as of {}\n", counted(&restored.rows), restored.taken_at);
        if restored.still_revoked > 0 {
            text += &format!("{} keys that were revoked since stay revoked\n", restored.still_revoked);
        }
        if !self.replace {
            text += "a key that was revoked after that moment is good again: look at the old store's record, if you have it\n";
        }
        text += "start running gateways of this store anew\n";
        let facts =
            json!({"taken_at": restored.taken_at, "rows": restored.rows, "still_revoked": restored.still_revoked});
        Ok(Printed::new(text, facts))
    }
}

/// A new file, for its owner's eyes only.
fn create(path: &Path) -> Result<File, BackupFileError> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    opened.map_err(|source| match source.kind() {
        std::io::ErrorKind::AlreadyExists => BackupFileError::Exists(path.to_path_buf()),
        _ => BackupFileError::File { file: path.to_path_buf(), source },
    })
}

fn counted(rows: &BTreeMap<&'static str, u64>) -> String {
    let of = |table: &str| rows.get(table).copied().unwrap_or_default();
    format!("{} users and service accounts, {} keys, {} events", of("principals"), of("api_keys"), of("audit"))
}

impl From<BackupError> for CliError {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::Store(error) => error.into(),
            other => Self::Backup(Box::new(other)),
        }
    }
}
