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
use super::events::{mask_message, unconditional};
use super::frame::{self, Frame, FrameError, Sender, UPSTREAM_MASK};
use super::hello::narrow;
use lictor_authz::{Inspect, PayloadView};
use lictor_model::Reason;

/// Read at once from either side.
const CHUNK: usize = 64 * 1024;
/// A message is looked at whole when it is no larger than this; one that must be looked at must not be larger. Prefect takes
/// events of 1.5 MB (`PREFECT_EVENTS_MAXIMUM_SIZE_BYTES`).
const MAX_WHOLE: u64 = 2 * 1024 * 1024;

/// What becomes of messages, by what the caller may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// They pass, but for a first one that authenticates again: an identity is fixed for the life of a socket.
    Pass,
    /// The first is a worker's greeting, and loses its power over the pool.
    NarrowedGreeting,
    /// Each is held against the conditions of the socket's row, none of which may be met.
    Unconditional(Inspect),
    /// Each comes from Prefect, and loses the payloads that must not be read.
    Masked(PayloadView),
}

impl Rule {
    /// Whether it is about every message, and not the first alone.
    const fn is_lasting(self) -> bool {
        matches!(self, Self::Unconditional(_) | Self::Masked(_))
    }
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
    rule: Rule,
) -> Close
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut pass = Pass::new(Sender::Server, rule);
    loop {
        let mut ready = Vec::new();
        let end = loop {
            match pass.step(buffer, &mut ready) {
                Ok(Step::NeedMore) => break None,
                Ok(Step::Passed | Step::Refused(_)) => {}
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
pub(super) async fn uplink<R, W>(client: &mut R, buffer: &mut BytesMut, prefect: &mut W, rule: Rule) -> Close
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut pass = Pass::new(Sender::Client, rule);
    loop {
        let mut ready = Vec::new();
        let end = loop {
            match pass.step(buffer, &mut ready) {
                Ok(Step::NeedMore) => break None,
                Ok(Step::Passed) => {}
                Ok(Step::Refused(reason)) => break Some(Close::refused(reason, Default::default())),
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
    /// The client must not say this.
    Refused(Reason),
    /// A close frame's payload; the frame itself has been passed on only upwards.
    Closed(Vec<u8>),
}

/// Follows one direction.
struct Pass {
    sender: Sender,
    /// Bytes of the present frame that are still to come.
    left: u64,
    /// What to do with messages, as long as there is something to do.
    rule: Option<Rule>,
}

impl Pass {
    fn new(sender: Sender, rule: Rule) -> Self {
        // Prefect's side has no credential to repeat.
        let rule = Some(rule).filter(|rule| sender == Sender::Client || rule.is_lasting());
        Self { sender, left: 0, rule }
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
        let rule = self.rule.filter(|_| !head.is_control());
        if rule.is_some_and(|rule| rule != Rule::Pass) && head.payload > MAX_WHOLE {
            return Err(FrameError::TooLarge(usize::try_from(MAX_WHOLE).unwrap_or(usize::MAX)));
        }
        let look = rule.filter(|_| head.payload <= MAX_WHOLE);
        if !is_close && look.is_none() {
            if rule.is_some() {
                self.rule = None;
            }
            self.left = head.whole();
            return Ok(self.pass_some(buffer, ready));
        }
        let Some(whole) = frame::take(buffer, &head) else { return Ok(Step::NeedMore) };
        if let Some(rule) = look {
            self.rule = self.rule.filter(|rule| rule.is_lasting());
            return pass_whole(rule, &whole, ready);
        }
        if self.sender == Sender::Client {
            ready.extend_from_slice(&whole.raw);
        }
        Ok(Step::Closed(whole.payload))
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

fn pass_whole(rule: Rule, whole: &Frame, ready: &mut Vec<u8>) -> Result<Step, FrameError> {
    let is_text = whole.opcode == OpCode::Data(Data::Text);
    // In pieces, or not as text, it could not be seen whole; no client and no server of Prefect sends it so.
    let seen = Some(whole.payload.as_slice()).filter(|_| is_text && whole.is_final);
    match rule {
        Rule::Pass | Rule::Unconditional(_) if is_text && is_auth(&whole.payload) => {
            return Ok(Step::Refused(Reason::TwoCredentials));
        }
        Rule::Pass => ready.extend_from_slice(&whole.raw),
        Rule::NarrowedGreeting => {
            let narrowed = seen.and_then(narrow).ok_or(FrameError::Protocol)?;
            frame::write(whole.opcode, &narrowed, Some(UPSTREAM_MASK), ready);
        }
        Rule::Unconditional(inspect) => {
            match seen.and_then(|message| unconditional(message, inspect)).ok_or(FrameError::Protocol)? {
                Some(message) => frame::write(whole.opcode, &message, Some(UPSTREAM_MASK), ready),
                None => return Ok(Step::Refused(Reason::PermissionDenied)),
            }
        }
        Rule::Masked(payloads) => {
            match seen.ok_or(FrameError::Protocol).map(|message| mask_message(message, payloads))? {
                Some(masked) => frame::write(whole.opcode, &masked, None, ready),
                // Withheld, and the socket goes on: otherwise one strange event would end every worker's cancellation.
                None => tracing::warn!(
                    "an event of Prefect's cannot be read, so it is not passed on to one who may not see all of it"
                ),
            }
        }
    }
    Ok(Step::Passed)
}
