//! How does the guard sit on the socket? It reads ahead, judges, and releases to hyper only what was judged.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use lictor_model::Reason;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::VIOLATION;
use super::body::BodyFraming;
use super::head::{Next, Verdict, judge};

/// How long a head may take from its first byte to its last.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may stay idle between requests: above the 25 s that Prefect's client keeps its own.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);
/// How long a body may stall.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long what is still being sent is thrown away after the last answer. Closing at once would reset the connection,
/// and take the answer from a client that is not done sending (RFC 9112 §9.6).
const LINGER: Duration = Duration::from_secs(2);

/// Opens once the websocket handshake has been accepted; until then nothing behind the handshake is read.
#[derive(Debug, Clone, Default)]
pub struct Tunnel(Arc<AtomicBool>);

impl Tunnel {
    /// Lets the bytes behind the handshake through, unjudged: they are websocket frames.
    pub fn open(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn is_open(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

enum State {
    Head,
    Body(BodyFraming),
    Upgrade,
    Tunnel,
    /// A violation was reported; whatever else arrives is thrown away until hyper closes.
    Refused,
    /// Nothing more will be said; the client may still be talking.
    Lingering,
}

/// A stream whose reading side passes only unambiguous HTTP/1 messages.
pub struct Guard<S> {
    stream: S,
    state: State,
    /// Read from the socket and not yet given to hyper.
    pending: BytesMut,
    /// How many bytes at the front of `pending` have been judged good.
    released: usize,
    max_head: usize,
    tunnel: Tunnel,
    deadline: Instant,
    alarm: Pin<Box<Sleep>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Guard<S> {
    /// Guards a stream; `max_head` bounds the bytes of one request line and its headers; `already_read` is what was
    /// taken from the stream before.
    pub fn new(stream: S, max_head: usize, already_read: BytesMut) -> Self {
        let deadline = Instant::now() + HEAD_TIMEOUT;
        Self {
            stream,
            state: State::Head,
            pending: already_read,
            released: 0,
            max_head,
            tunnel: Tunnel::default(),
            deadline,
            alarm: Box::pin(tokio::time::sleep_until(deadline)),
        }
    }

    /// The switch that a websocket handshake on this connection opens.
    pub fn tunnel(&self) -> Tunnel {
        self.tunnel.clone()
    }

    /// Judges what is pending; false when more bytes are needed.
    fn judge_pending(&mut self) -> bool {
        match &mut self.state {
            State::Head if self.pending.is_empty() => false,
            State::Head => match judge(&self.pending) {
                Verdict::Partial if self.pending.len() > self.max_head => self.refuse(Reason::HeadersTooLarge),
                Verdict::Partial => false,
                Verdict::Accepted(length, _) if length > self.max_head => self.refuse(Reason::HeadersTooLarge),
                // What has come of the body already is judged with the head, while the answer can still be a 400.
                Verdict::Accepted(length, Next::Body(framing))
                    if begins_badly(&framing, self.pending.get(length..)) =>
                {
                    self.refuse(Reason::MalformedFraming)
                }
                Verdict::Accepted(length, next) => {
                    self.released = length;
                    self.state = match next {
                        Next::Body(BodyFraming::None) => State::Head,
                        Next::Body(framing) => State::Body(framing),
                        Next::Upgrade => State::Upgrade,
                    };
                    true
                }
                Verdict::Refused(reason) => self.refuse(reason),
            },
            State::Body(_) if self.pending.is_empty() => false,
            State::Body(framing) => match framing.follow(&self.pending) {
                Ok(taken) => {
                    self.released = taken;
                    if *framing == BodyFraming::None {
                        self.state = State::Head;
                    }
                    true
                }
                // The head is long gone upstream: an error here aborts the request and the connection.
                Err(_) => {
                    self.state = State::Refused;
                    false
                }
            },
            State::Tunnel => {
                self.released = self.pending.len();
                self.released > 0
            }
            State::Upgrade | State::Refused | State::Lingering => false,
        }
    }

    fn refuse(&mut self, reason: Reason) -> bool {
        let marker = format!("GET / HTTP/1.1\r\nhost: refused\r\n{VIOLATION}: {reason}\r\nconnection: close\r\n\r\n");
        self.pending.clear();
        self.pending.extend_from_slice(marker.as_bytes());
        self.released = self.pending.len();
        self.state = State::Refused;
        true
    }

    fn release(&mut self, buf: &mut ReadBuf<'_>) {
        let taken = self.released.min(buf.remaining());
        if let Some(bytes) = self.pending.get(..taken) {
            buf.put_slice(bytes);
        }
        self.pending.advance(taken);
        self.released -= taken;
        if self.pending.is_empty() {
            // An idle connection holds no buffer.
            self.pending = BytesMut::new();
        }
    }

    /// Fires when the present state has lasted too long. The alarm is set anew only when it rings: most never do.
    fn poll_overdue(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.alarm.as_mut().poll(cx).is_ready() {
            if Instant::now() >= self.deadline {
                return Poll::Ready(());
            }
            let deadline = self.deadline;
            self.alarm.as_mut().reset(deadline);
        }
        Poll::Pending
    }

    fn set_deadline(&mut self) {
        let allowance = match self.state {
            State::Head if self.pending.is_empty() => IDLE_TIMEOUT,
            State::Head => return,
            _ => BODY_TIMEOUT,
        };
        self.deadline = Instant::now() + allowance;
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<usize>> {
        let before = buf.filled().len();
        let fresh_head = matches!(self.state, State::Head) && self.pending.is_empty();
        match Pin::new(&mut self.stream).poll_read(cx, buf)? {
            Poll::Ready(()) => {
                let bytes = buf.filled().get(before..).unwrap_or_default();
                let count = bytes.len();
                self.pending.extend_from_slice(bytes);
                buf.set_filled(before);
                if fresh_head {
                    self.deadline = Instant::now() + HEAD_TIMEOUT;
                } else {
                    self.set_deadline();
                }
                Poll::Ready(Ok(count))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// Throws away what a refused client still sends, so that our answer is not lost to a reset; ready once it has ended.
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut waste = [0_u8; 4096];
        loop {
            let mut waste = ReadBuf::new(&mut waste);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut waste)?);
            if waste.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

fn begins_badly(framing: &BodyFraming, begun: Option<&[u8]>) -> bool {
    framing.clone().follow(begun.unwrap_or_default()).is_err()
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Guard<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let guard = self.get_mut();
        loop {
            if guard.released > 0 {
                guard.release(buf);
                guard.set_deadline();
                return Poll::Ready(Ok(()));
            }
            match guard.state {
                State::Tunnel if guard.pending.is_empty() => return Pin::new(&mut guard.stream).poll_read(cx, buf),
                State::Upgrade if guard.tunnel.is_open() => guard.state = State::Tunnel,
                // hyper wakes the task itself once the handshake has been answered.
                State::Upgrade => return Poll::Pending,
                State::Refused if guard.pending.is_empty() => {
                    ready!(guard.poll_discard(cx)?);
                    return Poll::Pending;
                }
                State::Refused => {
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "malformed chunk")));
                }
                _ => {}
            }
            if guard.judge_pending() {
                continue;
            }
            if matches!(guard.state, State::Refused) {
                continue;
            }
            match guard.poll_fill(cx, buf)? {
                Poll::Ready(0) => return Poll::Ready(Ok(())),
                Poll::Ready(_) => {}
                Poll::Pending => {
                    ready!(guard.poll_overdue(cx));
                    let idle = matches!(guard.state, State::Head) && guard.pending.is_empty();
                    if idle || !matches!(guard.state, State::Head) {
                        return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                    }
                    guard.refuse(Reason::RequestTimeout);
                }
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guard<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let guard = self.get_mut();
        guard.deadline = Instant::now() + IDLE_TIMEOUT;
        Pin::new(&mut guard.stream).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let guard = self.get_mut();
        if !matches!(guard.state, State::Lingering) {
            ready!(Pin::new(&mut guard.stream).poll_shutdown(cx)?);
            if !matches!(guard.state, State::Body(_) | State::Refused) {
                return Poll::Ready(Ok(()));
            }
            guard.state = State::Lingering;
            guard.deadline = Instant::now() + LINGER;
            guard.alarm.as_mut().reset(guard.deadline);
        }
        if guard.poll_overdue(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        // Whether the client ends well or badly, it has ended.
        guard.poll_discard(cx).map(|_| Ok(()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let guard = self.get_mut();
        guard.deadline = Instant::now() + IDLE_TIMEOUT;
        Pin::new(&mut guard.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
