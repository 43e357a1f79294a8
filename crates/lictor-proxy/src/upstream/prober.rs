//! Which replicas answer? Each is asked for its health, on the background runtime; no request waits for it.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, header};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use super::replica::Replica;
use crate::settings::Workspace;

/// How often.
const EVERY: Duration = Duration::from_secs(2);
/// Between two questions, whatever gives rise to doubt.
const AT_LEAST: Duration = Duration::from_millis(200);
/// How long an answer may take: a busy Prefect takes its time, and is no better for being left out.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many answers may be missing in a row. A connection that is refused is certain at once.
const FAILURES: u32 = 2;
/// Open to everybody, and answered without the database (`server/api/server.py`).
const HEALTH: &str = "/api/health";

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Well,
    /// It may be busy.
    Silent,
    /// Nothing is there.
    Absent,
}

/// Asks for ever, where there are several to choose from.
pub fn start(workspaces: &[Workspace], background: &tokio::runtime::Handle) {
    for workspace in workspaces.iter().filter(|workspace| workspace.upstreams.len() > 1) {
        for replica in &workspace.upstreams {
            let (name, replica) = (workspace.name.clone(), replica.clone());
            background.spawn(async move {
                let mut failures = 0;
                loop {
                    // Answered or not, a doubt leads to one question more, and not to a flood.
                    let _ = tokio::time::timeout(EVERY, replica.doubted()).await;
                    let found = ask(&replica).await;
                    failures = if found == Found::Well { 0 } else { failures + 1 };
                    if found == Found::Well && replica.take_in() {
                        tracing::info!(workspace = %name, upstream = %replica, "the replica answers: requests are sent to it again");
                    } else if (found == Found::Absent || failures >= FAILURES) && replica.take_out() {
                        tracing::warn!(workspace = %name, upstream = %replica, ?found, "the replica does not answer: the others take its requests");
                    }
                    tokio::time::sleep(AT_LEAST).await;
                }
            });
        }
    }
}

async fn ask(replica: &Replica) -> Found {
    let asked = async {
        let Ok(stream) = replica.route.open().await else { return Found::Absent };
        let Ok((mut sender, connection)) = http1::handshake::<_, Empty<Bytes>>(TokioIo::new(stream)).await else {
            return Found::Silent;
        };
        let request = Request::get(HEALTH).header(header::HOST, "localhost").header(header::CONNECTION, "close");
        let Ok(request) = request.body(Empty::new()) else { return Found::Silent };
        tokio::pin!(connection);
        let answered = sender.send_request(request);
        tokio::pin!(answered);
        let answer = tokio::select! {
            answer = &mut answered => answer,
            _ = &mut connection => answered.await,
        };
        if answer.is_ok_and(|answer| answer.status().is_success()) { Found::Well } else { Found::Silent }
    };
    tokio::time::timeout(PATIENCE, asked).await.unwrap_or(Found::Silent)
}
