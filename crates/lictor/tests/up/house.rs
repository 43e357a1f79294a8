//! Where does `lictor up` live in a test? In a folder with a data directory and a stand-in for `prefect`.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

static NEXT: AtomicUsize = AtomicUsize::new(0);
const PATIENCE: Duration = Duration::from_secs(60);

/// Answers `--version` and `server start`, and leaves notes about how it was started.
const STAND_IN: &str = r#"#!/usr/bin/env python3
import http.server, os, sys
if sys.argv[1:] == ["--version"]:
    print("3.8.8")
    sys.exit()
port = sys.argv[sys.argv.index("--port") + 1]
notes = {"environment": "\n".join(f"{k}={v}" for k, v in os.environ.items()), "port": port, "pid": str(os.getpid())}
for name, text in notes.items():
    with open(os.path.join(NOTES, name + ".new"), "w") as note:
        note.write(text)
    os.replace(note.name, os.path.join(NOTES, name))
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(port)), Answer).serve_forever()
"#;

/// The folder.
pub(crate) struct House {
    folder: PathBuf,
    pub(crate) data: PathBuf,
}

/// A process of the stand-in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Server(String);

/// A running `lictor up`.
pub(crate) struct Up(Child);

impl House {
    pub(crate) fn new() -> Self {
        let name = format!("lictor-up-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(folder.join("bin")).unwrap();
        let program = folder.join("bin").join("prefect");
        let text = STAND_IN.replace("NOTES", &format!("{:?}", folder.display().to_string()));
        std::fs::write(&program, text).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        Self { data: folder.join("data"), folder }
    }

    pub(crate) fn up(&self) -> Up {
        let path = format!("{}:{}", self.folder.join("bin").display(), std::env::var("PATH").unwrap());
        let child = Command::new(env!("CARGO_BIN_EXE_lictor"))
            .args(["up", "--listen", "127.0.0.1:0", "--data"])
            .arg(&self.data)
            .env("PATH", path)
            .env("PREFECT_API_URL", "http://elsewhere/api")
            .env("PREFECT_PROFILE", "nonsense")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        Up(child.unwrap())
    }

    /// A note that the stand-in left.
    pub(crate) fn read(&self, note: &str) -> String {
        std::fs::read_to_string(self.folder.join(note)).unwrap()
    }

    pub(crate) fn server(&self) -> Server {
        Server(self.read("pid"))
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Server {
    pub(crate) fn lives(&self) -> bool {
        signal("0", &self.0)
    }

    pub(crate) fn kill(&self) {
        assert!(signal("KILL", &self.0));
    }
}

impl Up {
    /// Reads standard output to the end of the announcement.
    pub(crate) fn last_lines(&mut self) -> String {
        let mut lines = String::new();
        for line in BufReader::new(self.0.stdout.take().unwrap()).lines() {
            lines += &(line.unwrap() + "\n");
            if lines.contains("lictor key create") {
                return lines;
            }
        }
        panic!("it ended early: {lines}\n{}", self.failure());
    }

    /// Ends it by a signal, and waits until it is gone.
    pub(crate) fn stop(&mut self, name: &str) {
        assert!(signal(name, &self.0.id().to_string()));
        wait_for("its end", || self.0.try_wait().unwrap().is_some());
    }

    /// What it said when it did not start.
    pub(crate) fn failure(&mut self) -> String {
        let mut said = String::new();
        self.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(self.0.wait().unwrap().code(), Some(1), "{said}");
        said
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Looks again and again, until it is so or a minute has passed.
pub(crate) fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

fn signal(name: &str, pid: &str) -> bool {
    let sent = Command::new("kill").args([&format!("-{name}"), pid]).stderr(Stdio::null()).status();
    sent.unwrap().success()
}
