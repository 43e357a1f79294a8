//! How do frames pass? As they stand on the wire, in order, pings and pongs included: a pong tells the events client that
//! Prefect has what was sent before the ping.
//!
//! Both directions are followed frame by frame, so that a close of ours stands between frames, and Prefect's own close
//! can be turned into one that its clients survive.

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::authenticate::is_auth;
use super::close::Close;
use super::frame::{self, FrameError, Sender};
use lictor_model::Reason;

/// Read at once from either side.
const CHUNK: usize = 64 * 1024;
/// The client's first message is looked at whole when it is no larger than this.
const MAX_FIRST_MESSAGE: u64 = 64 * 1024;

/// Where a direction stands on the wire.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    /// True while a frame has been begun and not finished: nothing may be put in between.
    pub(super) mid_frame: bool,
}

/// Passes Prefect's frames to the client until one side ends.
pub(super) async fn downlink<R, W>(
    prefect: &mut R,
    buffer: &mut BytesMut,
    client: &mut W,
    position: &mut Position,
) -> Close
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut pass = Pass::new(Sender::Server);
    loop {
        let mut ready = Vec::new();
        let end = loop {
            match pass.step(buffer, &mut ready) {
                Ok(Step::NeedMore) => break None,
                Ok(Step::Passed) => {}
                Ok(Step::Message(_)) => {}
                Ok(Step::Closed(payload)) => break Some(Close::from_upstream(frame::read_close(&payload))),
                Err(error) => {
                    tracing::warn!(%error, "Prefect's socket broke the protocol");
                    break Some(Close::upstream_lost());
                }
            }
        };
        position.mid_frame = true;
        if send(client, &ready).await.is_err() {
            return Close::gone();
        }
        position.mid_frame = pass.is_mid_frame();
        if let Some(close) = end {
            return close;
        }
        match fill(prefect, buffer).await {
            Ok(true) => {}
            Ok(false) | Err(_) => return Close::upstream_lost(),
        }
    }
}

/// Passes the client's frames to Prefect until one side ends.
pub(super) async fn uplink<R, W>(client: &mut R, buffer: &mut BytesMut, prefect: &mut W) -> Close
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut pass = Pass::new(Sender::Client);
    // An identity is fixed for the life of a socket: whoever authenticates again wants to be somebody else.
    pass.first_message_unseen = true;
    loop {
        let mut ready = Vec::new();
        let end = loop {
            match pass.step(buffer, &mut ready) {
                Ok(Step::NeedMore) => break None,
                Ok(Step::Passed) => {}
                Ok(Step::Message(payload)) if is_auth(&payload) => {
                    return Close::refused(Reason::TwoCredentials, Default::default());
                }
                Ok(Step::Message(_)) => {}
                Ok(Step::Closed(_)) => break Some(Close::gone()),
                Err(FrameError::TooLarge(_)) => break Some(Close::too_big()),
                Err(_) => break Some(Close::protocol()),
            }
        };
        if send(prefect, &ready).await.is_err() {
            return Close::upstream_lost();
        }
        if let Some(close) = end {
            return close;
        }
        match fill(client, buffer).await {
            Ok(true) => {}
            Ok(false) | Err(_) => return Close::gone(),
        }
    }
}

async fn send<W: AsyncWrite + Unpin>(to: &mut W, bytes: &[u8]) -> std::io::Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    to.write_all(bytes).await?;
    to.flush().await
}

async fn fill<R: AsyncRead + Unpin>(from: &mut R, buffer: &mut BytesMut) -> std::io::Result<bool> {
    buffer.reserve(CHUNK);
    let read = from.read_buf(buffer).await?;
    if read == 0 {
        return Ok(false);
    }
    Ok(true)
}

enum Step {
    NeedMore,
    Passed,
    /// The client's first message, which has been passed too unless the caller stops.
    Message(Vec<u8>),
    /// A close frame's payload; the frame itself has been passed on only upwards.
    Closed(Vec<u8>),
}

/// Follows one direction.
struct Pass {
    sender: Sender,
    /// Bytes of the present frame that are still to come.
    left: u64,
    first_message_unseen: bool,
}

impl Pass {
    const fn new(sender: Sender) -> Self {
        Self { sender, left: 0, first_message_unseen: false }
    }

    const fn is_mid_frame(&self) -> bool {
        self.left > 0
    }

    fn step(&mut self, buffer: &mut BytesMut, ready: &mut Vec<u8>) -> Result<Step, FrameError> {
        if self.left > 0 {
            return Ok(self.pass_some(buffer, ready));
        }
        let Some(head) = frame::peek(buffer, self.sender)? else { return Ok(Step::NeedMore) };
        let is_close = head.opcode() == OpCode::Control(Control::Close);
        let is_first = self.first_message_unseen && !head.is_control() && head.payload <= MAX_FIRST_MESSAGE;
        if !is_close && !is_first {
            self.first_message_unseen &= head.is_control();
            self.left = head.whole();
            return Ok(self.pass_some(buffer, ready));
        }
        let Some(whole) = frame::take(buffer, &head) else { return Ok(Step::NeedMore) };
        if is_close && self.sender == Sender::Server {
            return Ok(Step::Closed(whole.payload));
        }
        ready.extend_from_slice(&whole.raw);
        if is_close {
            return Ok(Step::Closed(whole.payload));
        }
        self.first_message_unseen = false;
        match whole.opcode {
            OpCode::Data(Data::Text) => Ok(Step::Message(whole.payload)),
            _ => Ok(Step::Passed),
        }
    }

    fn pass_some(&mut self, buffer: &mut BytesMut, ready: &mut Vec<u8>) -> Step {
        if buffer.is_empty() {
            return Step::NeedMore;
        }
        let here = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        ready.extend_from_slice(&buffer.split_to(here));
        self.left -= u64::try_from(here).unwrap_or(self.left);
        Step::Passed
    }
}
