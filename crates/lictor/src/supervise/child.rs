//! How does one Prefect Server live and die? As a child that ends when Lictor does, even by `kill -9`.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::{ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

use super::log::{Log, ROTATE_AT};
use super::{STOP_WITHIN, Server};

/// The watcher between Lictor and Prefect. Its standard input is a pipe whose other end only Lictor holds: when that
/// closes, for whatever reason, Prefect is asked to stop, and after 20 seconds the whole process group is killed.
/// Standard error comes in as the lock file; Prefect alone inherits it as descriptor 4 and so holds the lock as long as
/// it lives, while its own output goes to standard output. After a `kill -9` of Lictor nobody reads that any more, and
/// the shell's own "Terminated" must not kill the shell.
const WATCHER: &str = r#"
trap '' PIPE
exec 3<&0 4>&2 2>&1 </dev/null
"$@" 3<&- &
server=$!
exec 4>&-
( cat <&3 >/dev/null
  kill -TERM "$server" 2>/dev/null
  sleep 20
  kill -KILL 0 ) &
exec 3<&-
wait "$server"
status=$?
trap '' TERM
kill -TERM 0
exit "$status"
"#;

/// A running Prefect Server.
#[derive(Debug)]
pub(crate) struct Child {
    process: tokio::process::Child,
    /// Closing it stops the server.
    lifeline: Option<ChildStdin>,
    log: Option<JoinHandle<()>>,
}

impl Child {
    /// Starts the server; it keeps the lock until it has ended.
    ///
    /// # Errors
    /// The system's, when the program or its log cannot be used.
    pub(crate) fn spawn(server: &Server, lock: File) -> std::io::Result<Self> {
        let log = Log::open(&server.data.join("prefect.log"), ROTATE_AT)?;
        let mut process = command(server, lock).spawn()?;
        let lifeline = process.stdin.take();
        let log = process.stdout.take().map(|output| tokio::spawn(keep(output, log)));
        Ok(Self { process, lifeline, log })
    }

    /// Waits for the end; answers how it ended, as the rest of a sentence. Safe to drop and call again.
    pub(crate) async fn ended(&mut self) -> String {
        match self.process.wait().await {
            Ok(status) => format!("stopped ({status})"),
            Err(error) => format!("cannot be watched: {error}"),
        }
    }

    /// Stops the server and waits until it is gone.
    pub(crate) async fn stop(&mut self) -> String {
        self.lifeline = None;
        let ended = match tokio::time::timeout(STOP_WITHIN, self.ended()).await {
            Ok(ended) => ended,
            Err(_) => "did not stop".to_owned(),
        };
        if let Some(log) = self.log.take() {
            let _ = tokio::time::timeout(Duration::from_secs(1), log).await;
        }
        ended
    }
}

fn command(server: &Server, lock: File) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", WATCHER, "lictor-watcher"])
        .arg(&server.program)
        .args(["server", "start", "--host", &server.at.host, "--port", &server.at.port.to_string()])
        // Prefect reads prefect.toml, pyproject.toml and .env in its working directory: none of the caller's.
        .current_dir(&server.data)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::from(lock))
        // A group of its own: Ctrl-C reaches Lictor alone, which drains before it stops Prefect.
        .process_group(0);
    set_environment(&mut command, server);
    command
}

fn set_environment(command: &mut Command, server: &Server) {
    for (name, _) in std::env::vars_os() {
        if is_foreign(&name.to_string_lossy()) {
            command.env_remove(name);
        }
    }
    let home = absolute(&server.data.join("prefect-home"));
    command
        .env("PREFECT_HOME", home)
        .env("PREFECT_SERVER_API_AUTH_STRING", server.auth_string.expose())
        .env("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
        .env("PREFECT_LOGGING_COLORS", "false")
        .env("NO_COLOR", "1")
        .env("PYTHONUNBUFFERED", "1");
}

/// Whether a variable of the caller's could make the server another one than ours.
fn is_foreign(name: &str) -> bool {
    name.starts_with("PREFECT_") || name == "PYTHONPATH" || name == "PYTHONHOME" || name.starts_with("LICTOR_")
}

fn absolute(path: &Path) -> std::path::PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

/// Copies the server's output to the log. A full disk must not stop the server, so it is read on regardless.
async fn keep(mut output: ChildStdout, mut log: Log) {
    let mut buffer = vec![0_u8; 16 * 1024];
    while let Ok(read) = output.read(&mut buffer).await {
        match buffer.get(..read) {
            None | Some([]) => return,
            Some(bytes) => {
                let _ = log.write(bytes);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_callers_own_prefect_settings_do_not_leak_in() {
        for name in ["PREFECT_API_URL", "PREFECT_PROFILE", "PREFECT__FLOW_RUN_ID", "LICTOR_UPSTREAM_AUTH_STRING"] {
            assert!(is_foreign(name), "{name}");
        }
        assert!(!is_foreign("PATH") && !is_foreign("SSL_CERT_FILE"));
    }
}
