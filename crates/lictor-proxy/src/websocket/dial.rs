//! How is Prefect's side opened? A handshake of our own, with the upstream's own credential.

use std::time::Duration;

use base64::Engine;
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Request, StatusCode};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use lictor_model::Secret;
use tokio::io::AsyncWriteExt;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::authenticate::MAX_FRAME;
use super::frame::{self, FrameError, FrameReader, Sender};
use super::upgrade::PREFECT;
use crate::upstream::{SendError, Upstream};

/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(10);

/// What to ask Prefect for.
pub(crate) struct Errand {
    /// The canonical path and query.
    pub(crate) target: String,
    /// Host, forwarded addresses and the like, made by [`crate::gateway`].
    pub(crate) headers: HeaderMap,
    /// The upstream's own credential.
    pub(crate) auth_string: Option<Secret>,
}

/// Prefect's side could not be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum DialError {
    #[error(transparent)]
    Connect(#[from] SendError),
    #[error("no handshake within {} s", ATTEMPT.as_secs())]
    Timeout,
    #[error("the handshake failed: {0}")]
    Http(#[from] hyper::Error),
    #[error("the handshake request is malformed: {0}")]
    Request(#[from] http::Error),
    #[error("Prefect answered the handshake with {0}")]
    Refused(StatusCode),
    #[error("Prefect did not accept Lictor's own credential: is the workspace's auth string right?")]
    Credential,
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// Prefect's end of a socket; frames that it sent early are still in the reader.
pub(super) type UpstreamEnd = FrameReader<TokioIo<Upgraded>>;

/// Opens Prefect's side: one attempt.
pub(super) async fn dial(upstream: &Upstream, errand: &Errand) -> Result<UpstreamEnd, DialError> {
    tokio::time::timeout(ATTEMPT, attempt(upstream, errand)).await.map_err(|_| DialError::Timeout)?
}

async fn attempt(upstream: &Upstream, errand: &Errand) -> Result<UpstreamEnd, DialError> {
    let stream = upstream.connect().await?;
    let (mut sender, connection) = http1::handshake::<_, Empty<Bytes>>(TokioIo::new(stream)).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(%error, "upstream socket's connection ended");
        }
    });
    let response = sender.send_request(handshake(errand)?).await?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(DialError::Refused(response.status()));
    }
    // Servers up to about 3.6.10 take /events/in without the subprotocol, and then without an auth frame.
    let speaks_prefect = response.headers().get(header::SEC_WEBSOCKET_PROTOCOL).is_some_and(|chosen| chosen == PREFECT);
    let upgraded = hyper::upgrade::on(response).await?;
    let mut prefect = FrameReader::new(TokioIo::new(upgraded), Sender::Server, MAX_FRAME);
    if speaks_prefect {
        authenticate(&mut prefect, errand.auth_string.as_ref()).await?;
    }
    Ok(prefect)
}

fn handshake(errand: &Errand) -> Result<Request<Empty<Bytes>>, DialError> {
    let nonce = uuid_nonce();
    let mut request = Request::get(&errand.target).body(Empty::new())?;
    *request.headers_mut() = errand.headers.clone();
    let headers = request.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    headers.insert(header::SEC_WEBSOCKET_KEY, HeaderValue::from_str(&nonce).map_err(http::Error::from)?);
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PREFECT));
    Ok(request)
}

/// A nonce need only be unlikely to repeat (RFC 6455 §4.1); the answer to it is not checked, since this is no browser.
fn uuid_nonce() -> String {
    let unique = lictor_model::RequestId::fresh();
    let bytes: Vec<u8> = unique.as_str().bytes().rev().take(16).collect();
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Sends the auth frame and waits for `auth_success`; answers Prefect's pings on the way.
async fn authenticate(prefect: &mut UpstreamEnd, auth_string: Option<&Secret>) -> Result<(), DialError> {
    let message = serde_json::json!({ "type": "auth", "token": auth_string.map(Secret::expose) }).to_string();
    send(prefect, OpCode::Data(Data::Text), message.as_bytes()).await?;
    loop {
        let Some(frame) = prefect.next().await? else { return Err(DialError::Credential) };
        match frame.opcode {
            OpCode::Data(_) => {
                let success = serde_json::from_slice::<serde_json::Value>(&frame.payload)
                    .is_ok_and(|message| message.get("type").is_some_and(|kind| kind == "auth_success"));
                return if success { Ok(()) } else { Err(DialError::Credential) };
            }
            OpCode::Control(Control::Ping) => {
                send(prefect, OpCode::Control(Control::Pong), &frame.payload).await?;
            }
            OpCode::Control(Control::Close) => return Err(DialError::Credential),
            OpCode::Control(_) => {}
        }
    }
}

async fn send(prefect: &mut UpstreamEnd, opcode: OpCode, payload: &[u8]) -> Result<(), DialError> {
    let mut bytes = Vec::with_capacity(payload.len() + 14);
    frame::write(opcode, payload, Some(frame::UPSTREAM_MASK), &mut bytes);
    prefect.stream.write_all(&bytes).await.map_err(FrameError::from)?;
    Ok(prefect.stream.flush().await.map_err(FrameError::from)?)
}
