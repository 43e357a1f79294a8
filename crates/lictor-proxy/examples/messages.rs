//! Which messages are served of these bytes? One line in, one line out, for the differential test against Prefect's own
//! parser of HTTP/1 (`e2e/test_framing.py`).
//!
//! In: pieces of a connection's bytes in hexadecimal, with blanks between them. Out: a JSON list of the requests that were
//! read to their end, and the reason why the rest was refused, if it was.

use std::cell::RefCell;
use std::convert::Infallible;
use std::io::{BufRead, Write};
use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use lictor_proxy::framing::{Guard, VIOLATION};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// As large as the gateway's own default.
const MAX_HEAD: usize = 64 * 1024;

fn main() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let pieces: Vec<Vec<u8>> = line?.split(' ').map(|piece| unhex(piece).unwrap_or_default()).collect();
        writeln!(out, "{}", Value::from(runtime.block_on(served(pieces))))?;
    }
    out.flush()
}

/// Sends the pieces one by one, then nothing more, and notes what comes out at the other end.
async fn served(pieces: Vec<Vec<u8>>) -> Vec<Value> {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let (client, server) = tokio::io::duplex(1024 * 1024);
    let (mut answers, mut sending) = tokio::io::split(client);
    let noted = Rc::clone(&seen);
    let service = service_fn(move |request| note(request, Rc::clone(&noted)));
    let guard = Guard::new(server, MAX_HEAD, BytesMut::new());
    let serving = async {
        // Bytes that are no message end the connection, which is what is looked at.
        let _ = http1::Builder::new().serve_connection(TokioIo::new(guard), service).await;
    };
    let talking = async {
        for piece in pieces {
            if sending.write_all(&piece).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        let _ = sending.shutdown().await;
        let mut waste = Vec::new();
        let _ = answers.read_to_end(&mut waste).await;
    };
    tokio::join!(serving, talking);
    let seen = seen.borrow();
    seen.clone()
}

async fn note(request: Request<Incoming>, seen: Rc<RefCell<Vec<Value>>>) -> Result<Response<Empty<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    if let Some(reason) = head.headers.get(VIOLATION) {
        seen.borrow_mut().push(json!({ "refused": String::from_utf8_lossy(reason.as_bytes()) }));
        return Ok(Response::new(Empty::new()));
    }
    if let Ok(body) = body.collect().await {
        let header =
            |(name, value): (&http::HeaderName, &http::HeaderValue)| json!([name.as_str(), hex(value.as_bytes())]);
        seen.borrow_mut().push(json!({
            "method": head.method.as_str(),
            "target": head.uri.to_string(),
            "headers": head.headers.iter().map(header).collect::<Vec<_>>(),
            "body": hex(&body.to_bytes()),
        }));
    }
    Ok(Response::new(Empty::new()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}
