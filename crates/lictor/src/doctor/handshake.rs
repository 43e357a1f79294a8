//! Does a Prefect Server's websocket let us in? RFC 6455's opening handshake, then Prefect's own first frames.

use std::time::Duration;

use base64::Engine as _;
use lictor_model::Secret;
use lictor_proxy::upstream::Stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::config::Upstream;
use crate::probe;

const DEADLINE: Duration = Duration::from_secs(10);
const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;
const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;

/// How the server took it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Welcome {
    /// `auth_success`.
    LetIn,
    /// Accepted without the `prefect` subprotocol: an older server, which asks for no credential on this socket.
    WithoutQuestions,
    /// Refused, and how.
    Refused(String),
}

/// The socket could not be tried.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandshakeError {
    /// No connection.
    #[error(transparent)]
    Connect(#[from] probe::ProbeError),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Io(#[from] std::io::Error),
    /// No randomness for the handshake's key.
    #[error("the system's random source failed: {0}")]
    Entropy(#[from] getrandom::Error),
    /// Too slow.
    #[error("no answer within {} seconds", DEADLINE.as_secs())]
    Late,
}

/// Opens a socket and presents the token (or `null`).
///
/// # Errors
/// [`HandshakeError`] when the server did not answer.
pub(crate) async fn knock(at: &Upstream, path: &str, token: Option<&Secret>) -> Result<Welcome, HandshakeError> {
    let stream = probe::connect(at).await?;
    tokio::time::timeout(DEADLINE, open(stream, at, path, token)).await.map_err(|_| HandshakeError::Late)?
}

/// Asks for a socket, and hangs up whatever the answer is: its status says whether there is one.
///
/// # Errors
/// [`HandshakeError`] when the server did not answer.
pub(crate) async fn status_of(at: &Upstream, path: &str) -> Result<u16, HandshakeError> {
    let mut stream = probe::connect(at).await?;
    let asked = async {
        ask(&mut stream, at, path).await?;
        Ok(status_in(&read_head(&mut stream).await?))
    };
    tokio::time::timeout(DEADLINE, asked).await.map_err(|_| HandshakeError::Late)?
}

async fn open(
    mut stream: Stream,
    at: &Upstream,
    path: &str,
    token: Option<&Secret>,
) -> Result<Welcome, HandshakeError> {
    ask(&mut stream, at, path).await?;
    let head = read_head(&mut stream).await?;
    let status = status_in(&head);
    if status != 101 {
        return Ok(Welcome::Refused(format!("HTTP {status}")));
    }
    if !head.lines().any(chooses_prefect) {
        return Ok(Welcome::WithoutQuestions);
    }
    let auth = serde_json::json!({ "type": "auth", "token": token.map(Secret::expose) }).to_string();
    let mut mask = [0_u8; 4];
    getrandom::fill(&mut mask)?;
    stream.write_all(&masked_frame(TEXT, auth.as_bytes(), mask)).await?;
    answer(&mut stream).await
}

async fn ask(stream: &mut Stream, at: &Upstream, path: &str) -> Result<(), HandshakeError> {
    let mut nonce = [0_u8; 16];
    getrandom::fill(&mut nonce)?;
    let key = base64::engine::general_purpose::STANDARD.encode(nonce);
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: prefect\r\n\r\n",
        at.authority()
    );
    Ok(stream.write_all(request.as_bytes()).await?)
}

/// The status of an answer's first line; 0 when it has none.
fn status_in(head: &str) -> u16 {
    head.split_whitespace().nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
}

fn chooses_prefect(line: &str) -> bool {
    let chosen = line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-protocol"));
    chosen.is_some_and(|(_, value)| value.trim() == "prefect")
}

async fn read_head(stream: &mut Stream) -> std::io::Result<String> {
    let mut head = Vec::new();
    // One byte at a time: what follows the head belongs to the frames.
    while !head.ends_with(b"\r\n\r\n") && head.len() < 16 * 1024 {
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// The first text or close frame; pings in between are passed over.
async fn answer(stream: &mut Stream) -> Result<Welcome, HandshakeError> {
    loop {
        let opcode = stream.read_u8().await? & 0x0f;
        let length = match stream.read_u8().await? & 0x7f {
            126 => u64::from(stream.read_u16().await?),
            127 => stream.read_u64().await?,
            short => u64::from(short),
        };
        let mut payload = Vec::new();
        (&mut *stream).take(length.min(64 * 1024)).read_to_end(&mut payload).await?;
        match opcode {
            TEXT if String::from_utf8_lossy(&payload).contains("auth_success") => return Ok(Welcome::LetIn),
            TEXT => return Ok(Welcome::Refused("an answer that is not auth_success".to_owned())),
            CLOSE => return Ok(Welcome::Refused(close_reason(&payload))),
            _ => {}
        }
    }
}

fn close_reason(payload: &[u8]) -> String {
    match payload.split_at_checked(2) {
        Some((code, reason)) => {
            let code = code.iter().fold(0_u16, |code, byte| (code << 8) | u16::from(*byte));
            format!("close {code} {}", String::from_utf8_lossy(reason)).trim_end().to_owned()
        }
        None => "close".to_owned(),
    }
}

/// A client's frame (RFC 6455 section 5.2): final, masked.
fn masked_frame(opcode: u8, payload: &[u8], mask: [u8; 4]) -> Vec<u8> {
    let mut frame = vec![FINAL | opcode];
    match u8::try_from(payload.len()) {
        Ok(short) if short < 126 => frame.push(MASKED | short),
        _ => {
            // An auth string is far below 64 KiB; were it not, the server would refuse the cut frame.
            frame.push(MASKED | 126);
            frame.extend(u16::try_from(payload.len()).unwrap_or(u16::MAX).to_be_bytes());
        }
    }
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc_is_framed_as_it_says() {
        let frame = masked_frame(TEXT, b"Hello", [0x37, 0xfa, 0x21, 0x3d]);
        assert_eq!(frame, [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]);
    }

    #[test]
    fn a_close_frame_is_read() {
        assert_eq!(close_reason(&[0x03, 0xf0, b'n', b'o']), "close 1008 no");
        assert_eq!(close_reason(&[]), "close");
    }
}
