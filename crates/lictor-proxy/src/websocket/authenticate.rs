//! Who is on this socket? Reads the first text frame, answering pings on the way.

use std::time::Duration;

use lictor_model::Reason;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};

use super::close::Close;
use super::frame::{self, Frame, FrameError, FrameReader};

/// How long a client may take to say who it is.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);
/// How large its first frame may be.
pub(super) const MAX_FRAME: usize = 16 * 1024;

/// The client's first frame: the token, or that it has none.
pub(super) type Token = Option<String>;

/// Reads `{"type": "auth", "token": …}`.
pub(super) async fn read_token<S>(client: &mut FrameReader<S>) -> Result<Token, Close>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match tokio::time::timeout(DEADLINE, first_data_frame(client)).await {
        Ok(frame) => parse(&frame?).map_err(|reason| Close::refused(reason, Default::default())),
        Err(_) => Err(Close::refused(Reason::AuthenticationTimeout, Default::default())),
    }
}

async fn first_data_frame<S>(client: &mut FrameReader<S>) -> Result<Frame, Close>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        let frame = client.next().await.map_err(|error| match error {
            FrameError::Protocol => Close::protocol(),
            FrameError::TooLarge(_) => Close::too_big(),
            FrameError::Io(_) => Close::gone(),
        })?;
        let Some(frame) = frame else { return Err(Close::gone()) };
        match frame.opcode {
            OpCode::Control(control) => answer_control(client, control, &frame.payload).await?,
            OpCode::Data(Data::Continue) => return Err(Close::protocol()),
            OpCode::Data(Data::Text) if frame.is_final && std::str::from_utf8(&frame.payload).is_err() => {
                return Err(Close::not_utf8());
            }
            OpCode::Data(_) => return Ok(frame),
        }
    }
}

/// A ping gets its pong, a close ends the matter.
pub(super) async fn answer_control<S>(
    client: &mut FrameReader<S>,
    control: Control,
    payload: &[u8],
) -> Result<(), Close>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match control {
        Control::Ping => {
            let mut pong = Vec::with_capacity(payload.len() + 2);
            frame::write(OpCode::Control(Control::Pong), payload, None, &mut pong);
            client.stream.write_all(&pong).await.map_err(|_| Close::gone())?;
            client.stream.flush().await.map_err(|_| Close::gone())
        }
        Control::Close if is_proper_close(payload) => Err(Close::gone()),
        Control::Close => Err(Close::protocol()),
        _ => Ok(()),
    }
}

/// RFC 6455 §5.5.1 and §7.4: no payload, or a code that may be sent and text in UTF-8.
fn is_proper_close(payload: &[u8]) -> bool {
    match payload {
        [] => true,
        [_] => false,
        [high, low, text @ ..] => {
            CloseCode::from(u16::from_be_bytes([*high, *low])).is_allowed() && std::str::from_utf8(text).is_ok()
        }
    }
}

/// Strict: Prefect would take the last of two tokens, another reader the first.
fn parse(frame: &Frame) -> Result<Token, Reason> {
    if frame.opcode != OpCode::Data(Data::Text) || !frame.is_final {
        return Err(Reason::MalformedAuthFrame);
    }
    let value = crate::inspect::read_strict(&frame.payload).map_err(|_| Reason::MalformedAuthFrame)?;
    let message = value.as_object().ok_or(Reason::MalformedAuthFrame)?;
    if message.get("type").and_then(serde_json::Value::as_str) != Some("auth") {
        return Err(Reason::MalformedAuthFrame);
    }
    match message.get("token") {
        None | Some(serde_json::Value::Null) => Ok(None),
        Some(serde_json::Value::String(token)) => Ok(Some(token.clone())),
        Some(_) => Err(Reason::MalformedAuthFrame),
    }
}

/// Whether a message tries to authenticate (again).
pub(super) fn is_auth(payload: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Message<'a> {
        #[serde(borrow, rename = "type")]
        kind: std::borrow::Cow<'a, str>,
    }
    serde_json::from_slice::<Message<'_>>(payload).is_ok_and(|message| message.kind == "auth")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Token, Reason> {
        let opcode = OpCode::Data(Data::Text);
        parse(&Frame { opcode, is_final: true, payload: text.as_bytes().to_vec(), raw: bytes::Bytes::new() })
    }

    #[test]
    fn a_token_or_its_absence_is_read() {
        assert_eq!(read(r#"{"type":"auth","token":"u:k"}"#), Ok(Some("u:k".to_owned())));
        assert_eq!(read(r#"{"type":"auth","token":null}"#), Ok(None));
        assert_eq!(read(r#"{"type":"auth"}"#), Ok(None));
    }

    #[test]
    fn anything_else_is_no_authentication() {
        for text in [
            r#"{"type":"filter"}"#,
            r#"{"type":"auth","token":5}"#,
            r#"{"type":"auth","token":[]}"#,
            r#"{"type":"auth","token":"a","token":"b"}"#,
            r#"["auth"]"#,
            "\u{feff}{}",
            "",
        ] {
            assert_eq!(read(text), Err(Reason::MalformedAuthFrame), "{text}");
        }
    }
}
