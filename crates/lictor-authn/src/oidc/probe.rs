//! Could people sign in at this provider now? What `lictor doctor` asks before somebody else does.

use lictor_model::Clock;

use super::error::SignOnError;
use super::peer::Peer;
use super::provider::{Proof, Provider};

/// Fetches what a provider says of itself, and its keys; answers with what was found.
///
/// # Errors
/// [`SignOnError::Unavailable`] with what is in the way.
pub async fn probe(provider: Provider, clock: Clock) -> Result<String, SignOnError> {
    let peer = Peer::new(provider, clock).map_err(|error| SignOnError::Unavailable(error.to_string()))?;
    if let Some(edge) = &peer.provider.edge {
        return match &edge.proof {
            Proof::Network { .. } => Ok(format!("believed by its address, in the header {}", edge.header)),
            // There is no list of its keys: each is asked for when somebody comes with it.
            Proof::LoadBalancer { signer, .. } => Ok(format!("believes {signer} in the header {}", edge.header)),
            Proof::Signed { .. } => Ok(format!("{} keys for the header {}", peer.keys().await?.len(), edge.header)),
        };
    }
    let metadata = peer.metadata().await?;
    let there = if metadata.end_session.is_some() { "can" } else { "cannot" };
    let keys = peer.keys().await?.len();
    Ok(format!("{} answers, with {keys} keys; one {there} sign out there from here", peer.provider.issuer))
}
