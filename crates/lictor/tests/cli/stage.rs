//! Where do the tests of the command line play? In a data directory of their own, with the real binary.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use lictor_model::{Clock, PrincipalName};
use lictor_store::{By, RuleGifts, Store};
use serde_json::Value;

/// A password that passes the policy.
pub(crate) const GOOD_PASSWORD: &str = "seven purple otters\n";

static NEXT: AtomicUsize = AtomicUsize::new(0);

/// A data directory that is removed in the end.
pub(crate) struct Stage(PathBuf);

/// What a command answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Stage {
    pub(crate) fn empty() -> Self {
        let name = format!("lictor-cli-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst));
        let data = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&data).unwrap();
        Self(data)
    }

    pub(crate) fn with_owner(name: &str) -> Self {
        let stage = Self::empty();
        stage.add_user(name, "owner");
        stage
    }

    pub(crate) fn add_user(&self, name: &str, role: &str) {
        let added = self.run_with(&["user", "add", name, "--role", role, "--password-stdin"], GOOD_PASSWORD);
        assert_eq!(added.code, 0, "{added:?}");
    }

    /// What a sign-in does, for no command line does it.
    pub(crate) fn apply_sign_in_rules(&self, name: &str, provider: &str, gifts: &RuleGifts) {
        let url = format!("sqlite://{}", self.path("lictor.db").display());
        let name = PrincipalName::parse(name).unwrap();
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let store = Store::open(&url, Clock::system()).await.unwrap();
            let principal = store.find_principal(&name).await.unwrap().unwrap();
            store.apply_sign_in_rules(&By::console(), &principal.id, provider, gifts).await.unwrap();
            store.close().await;
        });
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file beside the store.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    pub(crate) fn run(&self, words: &[&str]) -> Answer {
        self.run_with(words, "")
    }

    pub(crate) fn run_with(&self, words: &[&str], stdin: &str) -> Answer {
        call(Some(&self.0), words, stdin)
    }

    pub(crate) fn run_in(&self, data: &Path, words: &[&str]) -> Answer {
        call(Some(data), words, "")
    }

    /// Runs without a data directory.
    pub(crate) fn bare(&self, words: &[&str]) -> Answer {
        call(None, words, "")
    }

    /// Runs with `--json`, expects success, and reads the answer.
    pub(crate) fn json(&self, words: &[&str]) -> Value {
        let answer = self.run(&[&["--json"], words].concat());
        assert_eq!(answer.code, 0, "{answer:?}");
        serde_json::from_str(&answer.stdout).unwrap()
    }

    /// Runs, and expects one line of error that says so.
    pub(crate) fn refuses(&self, words: &[&str], says: &str) {
        let answer = self.run(words);
        assert_eq!((answer.code, answer.stdout.as_str()), (1, ""), "{answer:?}");
        assert!(answer.stderr.contains(says) && answer.stderr.lines().count() == 1, "{answer:?}");
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn call(data: Option<&Path>, words: &[&str], stdin: &str) -> Answer {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lictor"));
    command.env_remove("LICTOR_DATA").env_remove("LICTOR_CONFIG").args(words);
    if let Some(data) = data {
        command.arg("--data").arg(data);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that reads nothing may have ended already.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    Answer {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
