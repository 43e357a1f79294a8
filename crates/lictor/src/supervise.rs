//! How does `lictor up` keep a Prefect Server of its own? Found or installed, started, watched, started again.

pub(crate) mod backoff;
pub(crate) mod child;
pub(crate) mod find;
pub(crate) mod health;
pub(crate) mod install;
pub(crate) mod lock;
pub(crate) mod log;
pub(crate) mod running;

use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use lictor_model::Secret;
use tokio::sync::watch;

use crate::config::Upstream;
use backoff::Backoff;
use child::Child;

/// The Prefect Server to run.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    /// The `prefect` program.
    pub(crate) program: PathBuf,
    /// The data directory: Prefect's home, log and lock are in it.
    pub(crate) data: PathBuf,
    /// Where it listens: loopback, the same port for the whole run.
    pub(crate) at: Upstream,
    /// The auth string that only Lictor knows.
    pub(crate) auth_string: Secret,
}

/// A Prefect Server that is kept running by a thread of its own until this is stopped or dropped.
#[derive(Debug)]
pub(crate) struct Supervisor {
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Supervisor {
    /// Starts the server and the thread that watches it; `ready` is told once, when it first answers.
    ///
    /// # Errors
    /// The system's, when it gives no thread or runtime.
    pub(crate) fn start(server: Server, ready: Sender<()>) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = watch::channel(false);
        let thread = std::thread::Builder::new()
            .name("prefect".to_owned())
            .spawn(move || runtime.block_on(keep_running(&server, stopped, ready)))?;
        Ok(Self { stop, thread: Some(thread) })
    }

    /// Stops the server: asked kindly, and after 20 seconds no longer.
    pub(crate) fn stop(mut self) {
        self.stop_now();
    }

    fn stop_now(&mut self) {
        // The receiver is gone only when the thread has ended already.
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.stop_now();
    }
}

async fn keep_running(server: &Server, mut stopped: watch::Receiver<bool>, ready: Sender<()>) {
    let mut backoff = Backoff::default();
    let mut ready = Some(ready);
    loop {
        let started = Instant::now();
        let ended = one_life(server, &mut ready, stopped.clone()).await;
        if *stopped.borrow() {
            return;
        }
        let wait = backoff.next(started.elapsed());
        say(&format!("Prefect Server {ended}; starting it again in {} s", wait.as_secs()));
        if ready.is_some() {
            say(&advice(server));
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = stopped.wait_for(|stop| *stop) => return,
        }
    }
}

/// Runs the server once; answers how it ended, as the rest of a sentence.
async fn one_life(server: &Server, ready: &mut Option<Sender<()>>, mut stopped: watch::Receiver<bool>) -> String {
    let held = tokio::select! {
        held = lock::wait_for_former_server(&server.data) => held,
        _ = stopped.wait_for(|stop| *stop) => return "was not started".to_owned(),
    };
    let mut child = match held.and_then(|held| Child::spawn(server, held)) {
        Ok(child) => child,
        Err(error) => return format!("could not be started: {error}"),
    };
    let answers = health::wait_until_healthy(&server.at);
    tokio::pin!(answers);
    let mut announced = false;
    loop {
        tokio::select! {
            ended = child.ended() => return ended,
            () = &mut answers, if !announced => {
                announced = true;
                say("Prefect Server is ready");
                // Nobody listens any more when the gateway has ended.
                let _ = ready.take().map(|ready| ready.send(()));
            }
            _ = stopped.wait_for(|stop| *stop) => return child.stop().await,
        }
    }
}

fn advice(server: &Server) -> String {
    let log = server.data.join("prefect.log");
    let tail = log::last_lines(&log, 3).join("\n    ");
    format!(
        "it has not answered yet. The end of {}:\n    {tail}\n  If {} cannot start a server, run `lictor up --own-prefect` to use a fresh installation in the data directory.",
        log.display(),
        server.program.display()
    )
}

/// One line of progress, for the person at the terminal.
pub(crate) fn say(line: &str) {
    eprintln!("lictor: {line}");
}

/// The longest that stopping takes: what Prefect is given, and a little.
pub(crate) const STOP_WITHIN: Duration = Duration::from_secs(25);
