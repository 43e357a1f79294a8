//! Who is at the door? One listener and one runtime per data thread, sharing the address (`SO_REUSEPORT`).

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use crate::acme::Challenges;
use crate::framing::Guard;
use crate::gateway::{Connection, DataThread, Gateway};
use crate::tls::{PeerCertificate, Tls};
use crate::underway::{self, Trace};

/// RFC 9113 §3.4.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
const BACKLOG: i32 = 1024;
/// How long a drain waits for requests under way.
const DRAIN_LIMIT: Duration = Duration::from_secs(30);

/// A listener could not be opened, or its thread not be started.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address is taken or not ours.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What failed.
        source: std::io::Error,
    },
    /// The system gave no thread or no event queue.
    #[error("cannot start a data thread: {0}")]
    Thread(#[source] std::io::Error),
}

/// The data threads, running.
pub struct Threads {
    /// Where they listen; of interest when port 0 was asked for.
    pub address: SocketAddr,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Threads {
    /// Opens the listeners and starts a thread for each.
    ///
    /// # Errors
    /// [`ListenError`].
    pub fn start(gateway: &Arc<Gateway>) -> Result<Self, ListenError> {
        let mut address = gateway.settings.listen;
        let mut threads = Vec::new();
        let open = Arc::new(AtomicUsize::new(0));
        for index in 0..gateway.settings.threads.max(1) {
            let listener = bind(address).map_err(|source| ListenError::Bind { address, source })?;
            // With port 0 the first listener chooses, and the others join it.
            address = listener.local_addr().map_err(ListenError::Thread)?;
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ListenError::Thread)?;
            let thread = Arc::new(DataThread::new(Arc::clone(gateway)));
            let open = Arc::clone(&open);
            let started = std::thread::Builder::new()
                .name(format!("data-{index}"))
                .spawn(move || runtime.block_on(accept(listener, thread, open)));
            threads.push(started.map_err(ListenError::Thread)?);
        }
        Ok(Self { address, threads })
    }

    /// Waits until every thread has drained.
    pub fn join(self) {
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a data thread panicked");
            }
        }
    }
}

pub(crate) fn bind(address: SocketAddr) -> std::io::Result<std::net::TcpListener> {
    let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

async fn accept(listener: std::net::TcpListener, thread: Arc<DataThread>, open: Arc<AtomicUsize>) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, "a listener could not be watched");
            return;
        }
    };
    let drain = thread.gateway.drain.clone();
    let mut tasks = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            () = drain.begun() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => admit(stream, peer, &thread, &open, &mut tasks),
                Err(error) => {
                    // Mostly a lack of file descriptors: turning at once would only burn time.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            Some(_) = tasks.join_next() => {}
        }
    }
    let finished = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN_LIMIT, finished).await.is_err() {
        tracing::warn!("some requests did not end in time and are cut off");
    }
}

fn admit(
    stream: TcpStream,
    peer: SocketAddr,
    thread: &Arc<DataThread>,
    open: &Arc<AtomicUsize>,
    tasks: &mut tokio::task::JoinSet<()>,
) {
    if open.fetch_add(1, Ordering::AcqRel) >= thread.gateway.settings.limits.connections {
        open.fetch_sub(1, Ordering::AcqRel);
        return;
    }
    let (thread, open) = (Arc::clone(thread), Arc::clone(open));
    tasks.spawn(async move {
        let gauge = thread.gateway.metrics.connections.clone();
        gauge.inc();
        let (trace, traces) = underway::traces();
        if let Err(error) = serve(stream, peer, thread, trace).await {
            tracing::debug!(%error, %peer, "a connection ended badly");
        }
        // Its place is taken until what it began has ended, so that hanging up makes no room.
        traces.all_gone().await;
        gauge.dec();
        open.fetch_sub(1, Ordering::AcqRel);
    });
}

type ConnectionError = Box<dyn std::error::Error + Send + Sync>;

async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    thread: Arc<DataThread>,
    trace: Trace,
) -> Result<(), ConnectionError> {
    stream.set_nodelay(true)?;
    match thread.gateway.settings.tls.clone() {
        None => {
            let connection = Connection { peer, tls: false, certificate: None, tunnel: None };
            serve_stream(stream, connection, thread, trace).await
        }
        Some(tls) => {
            let handshake = handshake(stream, &tls, thread.gateway.settings.challenges.as_deref());
            let Some(stream) = tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake).await?? else { return Ok(()) };
            let certificate =
                PeerCertificate::of(tls.clients(), stream.get_ref().1.peer_certificates().unwrap_or_default())?;
            serve_stream(stream, Connection { peer, tls: true, certificate, tunnel: None }, thread, trace).await
        }
    }
}

/// Shakes hands; `None` when that was all, for it was a certificate authority's challenge.
async fn handshake(
    stream: TcpStream,
    tls: &Tls,
    challenges: Option<&Challenges>,
) -> std::io::Result<Option<TlsStream<TcpStream>>> {
    let server = Arc::clone(&tls.terms().server);
    let Some(challenges) = challenges.filter(|challenges| challenges.are_in_handshakes()) else {
        return tokio_rustls::TlsAcceptor::from(server).accept(stream).await.map(Some);
    };
    let begun = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
    let Some(challenge) = challenges.of_handshake(&begun.client_hello()) else {
        return begun.into_stream(server).await.map(Some);
    };
    begun.into_stream(challenge).await?.shutdown().await?;
    Ok(None)
}

async fn serve_stream<S>(
    mut stream: S,
    connection: Connection,
    thread: Arc<DataThread>,
    trace: Trace,
) -> Result<(), ConnectionError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut read = BytesMut::new();
    let is_http2 = tokio::time::timeout(HANDSHAKE_TIMEOUT, begins_http2(&mut stream, &mut read)).await??;
    let max_head = thread.gateway.settings.limits.header_bytes;
    let drain = thread.gateway.drain.clone();
    if is_http2 {
        let service = service_fn(move |request| {
            underway::answer(Arc::clone(&thread), connection.clone(), request, trace.clone())
        });
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(128)
            .max_header_list_size(u32::try_from(max_head).unwrap_or(u32::MAX))
            .max_pending_accept_reset_streams(16)
            .keep_alive_interval(Duration::from_secs(30))
            .serve_connection(TokioIo::new(Prefixed { prefix: read, stream }), service);
        let mut connection = std::pin::pin!(connection);
        tokio::select! {
            ended = connection.as_mut() => return Ok(ended?),
            () = drain.begun() => connection.as_mut().graceful_shutdown(),
        }
        return Ok(connection.await?);
    }
    let guard = Guard::new(stream, max_head, read);
    let connection = Connection { tunnel: Some(guard.tunnel()), ..connection };
    let service =
        service_fn(move |request| underway::answer(Arc::clone(&thread), connection.clone(), request, trace.clone()));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // The guard has its own, finer clock.
        .header_read_timeout(None)
        .max_buf_size(max_head.saturating_add(8192))
        .serve_connection(TokioIo::new(guard), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return Ok(ended?),
        () = drain.begun() => connection.as_mut().graceful_shutdown(),
    }
    Ok(connection.await?)
}

/// Reads just enough to tell the two protocols apart.
async fn begins_http2<S: AsyncRead + Unpin>(stream: &mut S, read: &mut BytesMut) -> std::io::Result<bool> {
    loop {
        let compared = read.len().min(HTTP2_PREFACE.len());
        if read.get(..compared) != HTTP2_PREFACE.get(..compared) {
            return Ok(false);
        }
        if compared == HTTP2_PREFACE.len() {
            return Ok(true);
        }
        if stream.read_buf(read).await? == 0 {
            return Ok(false);
        }
    }
}

/// A stream with bytes already read from it put back in front.
struct Prefixed<S> {
    prefix: BytesMut,
    stream: S,
}

impl<S: AsyncRead + Unpin> AsyncRead for Prefixed<S> {
    fn poll_read(
        self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buf: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        let this = self.get_mut();
        if this.prefix.is_empty() {
            return std::pin::Pin::new(&mut this.stream).poll_read(cx, buf);
        }
        let taken = this.prefix.len().min(buf.remaining());
        buf.put_slice(&this.prefix.split_to(taken));
        std::task::Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Prefixed<S> {
    fn poll_write(
        self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buf: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        std::pin::Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_flush(
        self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(
        self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
