//! Does the Prefect Server answer yet?

use std::time::{Duration, Instant};

use super::say;
use crate::config::Upstream;
use crate::probe;

/// Returns once the server answers its health check; says now and then that it has not.
pub(crate) async fn wait_until_healthy(at: &Upstream) {
    let started = Instant::now();
    let mut said = started;
    while !answers(at).await {
        if said.elapsed() > Duration::from_secs(10) {
            said = Instant::now();
            say(&format!("Prefect Server is still starting ({} s)", started.elapsed().as_secs()));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn answers(at: &Upstream) -> bool {
    let answer = probe::get(at, "/api/health", None).await;
    answer.is_ok_and(|answer| answer.status == 200)
}
