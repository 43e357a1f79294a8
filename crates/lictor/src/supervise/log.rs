//! Where does the Prefect Server's output go? To `prefect.log`, which is put aside once at 50 MB.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// When the log is put aside.
pub(crate) const ROTATE_AT: u64 = 50 * 1024 * 1024;

/// A log file that is renamed to `….1` when it is full; what was there before is replaced.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    file: File,
    size: u64,
    rotate_at: u64,
}

impl Log {
    /// Opens the log for appending.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn open(path: &Path, rotate_at: u64) -> std::io::Result<Self> {
        let file = append_to(path)?;
        let size = file.metadata()?.len();
        Ok(Self { path: path.to_path_buf(), file, size, rotate_at })
    }

    /// Appends, and puts the file aside first when it is full.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        if self.size >= self.rotate_at {
            let mut aside = self.path.clone().into_os_string();
            aside.push(".1");
            std::fs::rename(&self.path, aside)?;
            self.file = append_to(&self.path)?;
            self.size = 0;
        }
        self.size = self.size.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        self.file.write_all(bytes)
    }
}

fn append_to(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

/// The last lines that say something; none when the file cannot be read.
pub(crate) fn last_lines(path: &Path, count: usize) -> Vec<String> {
    let mut end = Vec::new();
    let read = File::open(path).and_then(|mut file| {
        let size = file.metadata()?.len();
        file.seek(SeekFrom::Start(size.saturating_sub(8_192)))?;
        file.read_to_end(&mut end)
    });
    if read.is_err() {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(&end);
    let mut lines: Vec<String> =
        text.lines().rev().filter(|line| !line.trim().is_empty()).take(count).map(str::to_owned).collect();
    lines.reverse();
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_log_is_put_aside_once() {
        let folder = std::env::temp_dir().join(format!("lictor-log-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("prefect.log");
        let mut log = Log::open(&path, 6).unwrap();
        for line in ["first\n", "second\n", "third\n"] {
            log.write(line.as_bytes()).unwrap();
        }
        assert_eq!(last_lines(&path, 3), ["third"]);
        assert_eq!(last_lines(&folder.join("prefect.log.1"), 3), ["second"]);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
