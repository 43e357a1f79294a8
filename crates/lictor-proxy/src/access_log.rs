//! What does the log say? One line per request and per socket, with ids of credentials and never a credential.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;

/// Lines gather this long before they are written together.
const FLUSH_EVERY: Duration = Duration::from_millis(100);
/// More than this waiting means that nobody takes the output: lines are dropped, and counted.
const MAX_WAITING: usize = 8 * 1024 * 1024;

const SHARDS: usize = 8;

thread_local! {
    static SHARD: usize = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS
    };
}

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `key=value` for eyes and grep.
    Text,
    /// One JSON object a line.
    Json,
}

/// One request or socket, finished.
#[derive(Debug, Clone, Serialize)]
pub struct AccessLine<'a> {
    /// RFC 3339, UTC.
    pub at: String,
    /// The request id, as in `x-request-id`.
    pub request: &'a str,
    /// After trusted proxies.
    pub client_ip: String,
    /// The name, or `-`.
    pub principal: &'a str,
    /// The credential's kind, or `-`.
    pub scheme: &'a str,
    /// The credential's id, or `-`.
    pub credential: &'a str,
    /// The workspace, or `-`.
    pub workspace: &'a str,
    /// The HTTP method.
    pub method: &'a str,
    /// The canonical path in the workspace; never the query, where page tokens and names live.
    pub path: &'a str,
    /// The table's row, or what stands for it.
    pub operation: &'a str,
    /// The HTTP status, or the close code of a socket.
    pub status: u16,
    /// The reason's code, or `-`.
    pub reason: &'a str,
    /// From the first byte of the head to the head of the answer; for a socket, its whole life.
    pub micros: u64,
    /// What the client calls itself.
    pub user_agent: &'a str,
}

/// Where lines go. Clones share the buffers; a thread always uses the same one, so that data threads do not meet.
#[derive(Clone)]
pub struct AccessLog {
    format: Format,
    shards: Arc<[Mutex<Waiting>; SHARDS]>,
}

#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    dropped: u64,
}

impl AccessLog {
    /// Starts the writer, on a thread of its own: a slow terminal must not slow a request.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(format: Format, mut output: impl Write + Send + 'static) -> std::io::Result<Self> {
        let shards: Arc<[Mutex<Waiting>; SHARDS]> = Arc::default();
        let shared = Arc::clone(&shards);
        let (_alive, ticks) = std::sync::mpsc::channel::<()>();
        std::thread::Builder::new().name("access-log".to_owned()).spawn(move || {
            let _alive = _alive;
            while Arc::strong_count(&shared) > 1 {
                let _ = ticks.recv_timeout(FLUSH_EVERY);
                drain(&*shared, &mut output);
            }
            drain(&*shared, &mut output);
        })?;
        Ok(Self { format, shards })
    }

    /// Adds a line.
    pub fn write(&self, line: &AccessLine<'_>) {
        let Some(shard) = SHARD.with(|index| self.shards.get(*index)) else { return };
        let mut waiting = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.bytes.len() > MAX_WAITING {
            waiting.dropped += 1;
            return;
        }
        let written = match self.format {
            Format::Json => serde_json::to_writer(&mut waiting.bytes, line).map_err(Into::into),
            Format::Text => write_text(&mut waiting.bytes, line),
        };
        if written.is_ok() {
            waiting.bytes.push(b'\n');
        }
    }
}

fn drain(shards: &[Mutex<Waiting>], output: &mut impl Write) {
    for shard in shards {
        let Waiting { bytes, dropped } = std::mem::take(&mut *shard.lock().unwrap_or_else(PoisonError::into_inner));
        // Nobody is left to tell when the log itself cannot be written.
        let _ = output.write_all(&bytes);
        if dropped > 0 {
            tracing::warn!(dropped, "access lines were dropped: the log's reader is too slow");
        }
    }
    let _ = output.flush();
}

fn write_text(bytes: &mut Vec<u8>, line: &AccessLine<'_>) -> std::io::Result<()> {
    for part in [&*line.at, line.request, &*line.client_ip, line.principal, line.scheme, line.credential] {
        bytes.extend_from_slice(part.as_bytes());
        bytes.push(b' ');
    }
    for part in ["\"", line.method, " ", line.path, "\" "] {
        bytes.extend_from_slice(part.as_bytes());
    }
    // The client's own name is the only text of the caller's making: escaped, so that it cannot forge a line.
    let AccessLine { status, reason, micros, workspace, user_agent, .. } = line;
    write!(bytes, "{status} {reason} {micros}us {workspace} {user_agent:?}")
}
