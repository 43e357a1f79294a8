//! Which way leads to Prefect? TCP, TLS over it, or a socket of this machine.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

/// Bytes in both directions.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// An open way.
pub type Stream = Box<dyn Duplex>;

/// How an upstream is reached.
#[derive(Debug, Clone)]
pub enum Route {
    /// `host:port`, resolved anew for each connection.
    Tcp(String),
    /// The same, over TLS.
    Tls {
        /// `host:port`.
        address: String,
        /// What its certificate must be for.
        name: ServerName<'static>,
        /// Whom we trust, and what we show.
        config: Arc<ClientConfig>,
    },
    /// A socket's file.
    Unix(PathBuf),
}

impl Route {
    /// Opens the way.
    ///
    /// # Errors
    /// The system's, and those of TLS.
    pub async fn open(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(address) => Ok(Box::new(tcp(address).await?)),
            Self::Tls { address, name, config } => {
                let connector = TlsConnector::from(Arc::clone(config));
                Ok(Box::new(connector.connect(name.clone(), tcp(address).await?).await?))
            }
            Self::Unix(path) => Ok(Box::new(UnixStream::connect(path).await?)),
        }
    }
}

impl std::fmt::Display for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) | Self::Tls { address, .. } => f.write_str(address),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

async fn tcp(address: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
