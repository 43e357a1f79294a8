//! What is the life of a socket? Accept, learn who it is, seek the permit, open Prefect's side, then relay.
//!
//! Prefect's clients send their credential in the upgrade request or in the first text frame, and a ping may come before
//! that frame and must be answered (`client` of 3.x, `_internal/websockets.py`). Any failure before `auth_success` makes the
//! events client lose what it holds, so a Prefect that is away is waited for.

use std::net::IpAddr;
use std::sync::Arc;

use hyper::upgrade::OnUpgrade;

use crate::gateway::DataThread;
use crate::story::Story;

mod authenticate;
mod close;
mod dial;
mod events;
mod frame;
mod hello;
mod places;
mod relay;
mod socket;
mod upgrade;

pub(crate) use dial::Errand;
pub(crate) use events::mask_payloads;
pub use places::Places;
pub(crate) use socket::{Destination, Socket};
pub(crate) use upgrade::{Handshake, accept, asked_for};

/// Begins a socket's life on this data thread, once hyper has sent the 101.
pub(crate) fn begin(thread: Arc<DataThread>, socket: Socket, upgrade: OnUpgrade, mut story: Story) {
    tokio::spawn(async move {
        let gauge = thread.gateway.metrics.sockets.clone();
        gauge.inc();
        match upgrade.await {
            Ok(upgraded) => socket.live(upgraded, &mut story).await,
            Err(error) => tracing::debug!(%error, "the client left before its socket was open"),
        }
        gauge.dec();
        thread.close_the_story(&story);
    });
}

/// Tells the operator what a client must set: its task runs, events and logs do not arrive.
pub(crate) fn warn_of_silent_client(client_ip: IpAddr, user_agent: &str) {
    tracing::warn!(
        %client_ip,
        user_agent,
        "a client sends no credential on websockets, so its task runs, events and logs do not arrive: set \
         PREFECT_CLOUD_API_URL to the same as PREFECT_API_URL, or PREFECT_API_AUTH_STRING to \"user:key\" instead of \
         PREFECT_API_KEY (from 3.6.20 on)"
    );
}
