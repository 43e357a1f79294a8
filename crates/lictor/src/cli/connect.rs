//! How does a worker beside us reach a gateway that wants a certificate?

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{ArgGroup, Args};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::error::CliError;
use super::printed::Printed;
use crate::connect::{Credential, CredentialError, Gateway, Keeper, serve};

/// `lictor connect`
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("credential").required(true).args(["cert", "token_file"]),
    after_help = "Examples:\n  lictor connect https://prefect.example.com --cert worker.pem --key worker.key\n  lictor connect https://prefect.example.com --listen 127.0.0.1:4200 --token-file /run/secrets/lictor-key\n\nBeside it:\n  PREFECT_API_URL=http://127.0.0.1:4200/api prefect worker start --pool default"
)]
pub(crate) struct Connect {
    /// The gateway.
    #[arg(value_name = "URL", value_parser = Gateway::parse)]
    gateway: Gateway,
    /// Where clients of this machine connect to.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4200")]
    listen: SocketAddr,
    /// Our certificate, in PEM; read again when it changes.
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// Its private key, in PEM.
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// A file with an API key instead; read again when it changes.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The CAs that vouch for the gateway, in PEM; otherwise those of the system.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Listen for other machines as well: whoever reaches the address acts with our credential.
    #[arg(long)]
    allow_other_hosts: bool,
}

/// Why nothing is connected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    /// Everybody could use our credential.
    #[error(
        "{0} is not an address of this machine alone, and whoever reaches it acts with our credential: use 127.0.0.1, or --allow-other-hosts where nobody else reaches it"
    )]
    OtherHosts(SocketAddr),
    /// The port is taken.
    #[error("cannot listen on {listen}: {source}")]
    Listen {
        /// Where.
        listen: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Certificate or token.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// The system gives no signals.
    #[error("cannot wait for signals: {0}")]
    Signals(#[source] std::io::Error),
}

impl Connect {
    /// Relays until it is told to stop.
    pub(crate) fn run(self) -> Result<Printed, CliError> {
        if !self.listen.ip().is_loopback() && !self.allow_other_hosts {
            return Err(ConnectError::OtherHosts(self.listen).into());
        }
        crate::app::start_plain_log();
        let credential = match (self.cert, self.key, self.token_file) {
            (Some(cert), Some(key), _) => Credential::Certificate { cert, key },
            (_, _, Some(file)) => Credential::Token(file),
            // clap has seen to it that one of them is there.
            _ => return Ok(Printed::nothing()),
        };
        let keeper = Arc::new(Keeper::new(credential, self.ca).map_err(ConnectError::from)?);
        let (listen, gateway, any_host) = (self.listen, self.gateway, self.allow_other_hosts);
        super::runtime()?.block_on(async move {
            let failed = |source| ConnectError::Listen { listen, source };
            let listener = TcpListener::bind(listen).await.map_err(failed)?;
            let address = listener.local_addr().map_err(failed)?;
            let mut terminate = signal(SignalKind::terminate()).map_err(ConnectError::Signals)?;
            let mut interrupt = signal(SignalKind::interrupt()).map_err(ConnectError::Signals)?;
            tracing::info!(%address, %gateway, "clients set PREFECT_API_URL=http://{address}/api");
            tokio::select! {
                () = serve(listener, gateway, Arc::clone(&keeper), any_host) => {}
                () = keeper.keep() => {}
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            Ok::<_, ConnectError>(())
        })?;
        Ok(Printed::nothing())
    }
}
