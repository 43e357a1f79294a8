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
use super::frame::{self, Frame, FrameError, Sender, UPSTREAM_MASK};
use super::hello::narrow;
use lictor_model::Reason;

/// Read at once from either side.
const CHUNK: usize = 64 * 1024;
/// The client's first message is looked at whole when it is no larger than this; a greeting must not be larger.
const MAX_FIRST_MESSAGE: u64 = 1024 * 1024;

/// What becomes of the client's first message after it has been let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum First {
    /// It passes, unless it authenticates again: an identity is fixed for the life of a socket.
    Pass,
    /// It is a worker's greeting, and loses its power over the pool.
    NarrowedGreeting,
}

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
                Ok(Step::Passed | Step::Again) => {}
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
pub(super) async fn uplink<R, W>(client: &mut R, buffer: &mut BytesMut, prefect: &mut W, first: First) -> Close
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut pass = Pass::new(Sender::Client);
    pass.first = Some(first);
    loop {
        let mut ready = Vec::new();
        let end = loop {
            match pass.step(buffer, &mut ready) {
                Ok(Step::NeedMore) => break None,
                Ok(Step::Passed) => {}
                Ok(Step::Again) => return Close::refused(Reason::TwoCredentials, Default::default()),
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
    /// The client's first message authenticates again.
    Again,
    /// A close frame's payload; the frame itself has been passed on only upwards.
    Closed(Vec<u8>),
}

/// Follows one direction.
struct Pass {
    sender: Sender,
    /// Bytes of the present frame that are still to come.
    left: u64,
    /// What to do with the first message, as long as it has not come.
    first: Option<First>,
}

impl Pass {
    const fn new(sender: Sender) -> Self {
        Self { sender, left: 0, first: None }
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
        let first = self.first.filter(|_| !head.is_control());
        if first == Some(First::NarrowedGreeting) && head.payload > MAX_FIRST_MESSAGE {
            return Err(FrameError::TooLarge(usize::try_from(MAX_FIRST_MESSAGE).unwrap_or(usize::MAX)));
        }
        let look = first.filter(|_| head.payload <= MAX_FIRST_MESSAGE);
        if !is_close && look.is_none() {
            if first.is_some() {
                self.first = None;
            }
            self.left = head.whole();
            return Ok(self.pass_some(buffer, ready));
        }
        let Some(whole) = frame::take(buffer, &head) else { return Ok(Step::NeedMore) };
        if let Some(first) = look {
            self.first = None;
            return self.pass_first(first, &whole, ready);
        }
        if self.sender == Sender::Client {
            ready.extend_from_slice(&whole.raw);
        }
        Ok(Step::Closed(whole.payload))
    }

    fn pass_first(&self, first: First, whole: &Frame, ready: &mut Vec<u8>) -> Result<Step, FrameError> {
        let is_text = whole.opcode == OpCode::Data(Data::Text);
        match first {
            First::Pass if is_text && is_auth(&whole.payload) => return Ok(Step::Again),
            First::Pass => ready.extend_from_slice(&whole.raw),
            First::NarrowedGreeting => {
                // In pieces, or not as text, it could not be seen whole; no worker sends it so.
                let greeting = Some(&whole.payload).filter(|_| is_text && whole.is_final);
                let narrowed = greeting.and_then(|payload| narrow(payload)).ok_or(FrameError::Protocol)?;
                frame::write(whole.opcode, &narrowed, Some(UPSTREAM_MASK), ready);
            }
        }
        Ok(Step::Passed)
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
