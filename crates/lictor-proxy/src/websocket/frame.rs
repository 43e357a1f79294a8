//! Where does one frame end and the next begin? Frames as RFC 6455 §5.2 lays them out, over tungstenite's header codec.

use std::io::Cursor;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

/// Who sent the frames: clients mask, servers do not (RFC 6455 §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sender {
    Client,
    Server,
}

/// A stream of frames that breaks the protocol.
#[derive(Debug, thiserror::Error)]
pub(super) enum FrameError {
    #[error("the peer broke the websocket protocol")]
    Protocol,
    #[error("a frame is larger than {0} bytes")]
    TooLarge(usize),
    #[error("the connection failed: {0}")]
    Io(#[from] std::io::Error),
}

/// What we send upstream is masked (RFC 6455 §5.1); against whom the mask guards is not between us and Prefect.
pub(super) const UPSTREAM_MASK: [u8; 4] = [0x4c, 0x69, 0x63, 0x74];

/// One frame, read whole.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) opcode: OpCode,
    pub(super) is_final: bool,
    /// Unmasked.
    pub(super) payload: Vec<u8>,
    /// As it stood on the wire.
    pub(super) raw: Bytes,
}

/// The head of the next frame, not yet taken.
#[derive(Debug, Clone)]
pub(super) struct Head {
    header: FrameHeader,
    /// Bytes of the head itself.
    head: usize,
    /// Bytes of the payload.
    pub(super) payload: u64,
}

impl Head {
    pub(super) const fn opcode(&self) -> OpCode {
        self.header.opcode
    }

    pub(super) const fn is_control(&self) -> bool {
        matches!(self.header.opcode, OpCode::Control(_))
    }

    /// Bytes of the whole frame.
    pub(super) fn whole(&self) -> u64 {
        self.payload.saturating_add(u64::try_from(self.head).unwrap_or(u64::MAX))
    }
}

/// Reads the head of the frame at the front of `buffer`, if it is all there.
pub(super) fn peek(buffer: &[u8], sender: Sender) -> Result<Option<Head>, FrameError> {
    let mut cursor = Cursor::new(buffer);
    let Some((header, payload)) = FrameHeader::parse(&mut cursor).map_err(|_| FrameError::Protocol)? else {
        return Ok(None);
    };
    let reserved = header.rsv1 || header.rsv2 || header.rsv3;
    let control = matches!(header.opcode, OpCode::Control(_));
    let known = matches!(
        header.opcode,
        OpCode::Data(Data::Text | Data::Binary | Data::Continue)
            | OpCode::Control(Control::Close | Control::Ping | Control::Pong)
    );
    // No extension is ever negotiated, so the reserved bits mean nothing (RFC 6455 §5.2).
    if reserved || !known || header.mask.is_some() != (sender == Sender::Client) {
        return Err(FrameError::Protocol);
    }
    if control && (payload > 125 || !header.is_final) {
        return Err(FrameError::Protocol);
    }
    let head = usize::try_from(cursor.position()).map_err(|_| FrameError::Protocol)?;
    Ok(Some(Head { header, head, payload }))
}

/// Takes the frame at the front of `buffer`, if it is all there.
pub(super) fn take(buffer: &mut BytesMut, head: &Head) -> Option<Frame> {
    let whole = usize::try_from(head.whole()).ok()?;
    if buffer.len() < whole {
        return None;
    }
    let raw = buffer.split_to(whole).freeze();
    let mut payload = raw.get(head.head..).unwrap_or_default().to_vec();
    if let Some(mask) = head.header.mask {
        for (byte, key) in payload.iter_mut().zip(mask.iter().cycle()) {
            *byte ^= key;
        }
    }
    Some(Frame { opcode: head.header.opcode, is_final: head.header.is_final, payload, raw })
}

/// Reads whole frames from one side, bounded; what was read ahead can be had back.
pub(super) struct FrameReader<R> {
    pub(super) stream: R,
    pub(super) buffer: BytesMut,
    sender: Sender,
    max: usize,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    pub(super) fn new(stream: R, sender: Sender, max: usize) -> Self {
        Self { stream, buffer: BytesMut::new(), sender, max }
    }

    /// The next frame; `None` when the peer has gone. Safe to cancel: nothing read is lost.
    pub(super) async fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        loop {
            if let Some(head) = peek(&self.buffer, self.sender)? {
                if head.payload > u64::try_from(self.max).unwrap_or(u64::MAX) {
                    return Err(FrameError::TooLarge(self.max));
                }
                if let Some(frame) = take(&mut self.buffer, &head) {
                    return Ok(Some(frame));
                }
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// The next control frame; waits for ever behind a data frame, whose turn comes later. Safe to cancel.
    pub(super) async fn next_control(&mut self) -> Result<Option<Frame>, FrameError> {
        loop {
            if let Some(head) = peek(&self.buffer, self.sender)? {
                if !head.is_control() {
                    return std::future::pending().await;
                }
                if let Some(frame) = take(&mut self.buffer, &head) {
                    return Ok(Some(frame));
                }
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }
}

/// Writes one frame. `mask` is for what a client sends.
pub(super) fn write(opcode: OpCode, payload: &[u8], mask: Option<[u8; 4]>, output: &mut Vec<u8>) {
    let header = FrameHeader { is_final: true, rsv1: false, rsv2: false, rsv3: false, opcode, mask };
    let length = u64::try_from(payload.len()).unwrap_or(u64::MAX);
    // Writing into a Vec cannot fail.
    let _ = header.format(length, output);
    match mask {
        None => output.extend_from_slice(payload),
        Some(mask) => output.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key)),
    }
}

/// A close frame's code and reason; `None` when it carries none.
pub(super) fn read_close(payload: &[u8]) -> Option<(u16, String)> {
    let mut payload = payload;
    let code = payload.try_get_u16().ok()?;
    Some((code, String::from_utf8_lossy(payload).into_owned()))
}
