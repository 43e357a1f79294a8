//! How does a sign-in at a provider begin? With a request that only this browser can see answered.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lictor_model::{Reason, Secret};

use super::error::SignOnError;
use super::flow::{self, Flow};
use super::sign_on::SignOn;
use crate::attempt::Caller;

/// A sign-in that has begun: where the browser goes, and what it keeps.
#[derive(Debug)]
pub struct Begun {
    /// The provider's page.
    pub location: String,
    /// The name of the cookie to set.
    pub cookie_name: String,
    /// Its value.
    pub cookie_value: Secret,
    /// How long it is good for, in seconds.
    pub cookie_seconds: i64,
}

impl SignOn {
    /// Begins a sign-in that leads on to `next`.
    ///
    /// # Errors
    /// [`SignOnError::UnknownProvider`], or [`SignOnError::Unavailable`] when the provider's metadata cannot be had.
    pub async fn begin(&self, provider: &str, next: &str, caller: &Caller) -> Result<Begun, SignOnError> {
        let peer = self.peer(provider)?;
        let metadata = peer.metadata().await?;
        let redirect = redirect(&caller.home(), provider);
        let issuer = (provider, peer.provider.issuer.as_str());
        let now = self.inner.auth.inner.clock.now();
        let flow = Flow::begin(issuer, redirect, next.to_owned(), now).map_err(|error| ours(&error))?;
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, flow.verifier.as_bytes()));
        let location = metadata.authorization.with(&[
            ("response_type", "code"),
            ("client_id", &peer.provider.client_id),
            ("redirect_uri", &flow.redirect),
            ("scope", &peer.provider.scopes.join(" ")),
            ("state", &flow.state),
            ("nonce", &flow.nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        let cookie_value = Secret::new(flow.seal(&self.inner.seal).map_err(|error| ours(&error))?);
        let cookie_name =
            flow::cookie_name(&flow.state, caller.secure).ok_or(SignOnError::Ours(Reason::InternalError))?;
        Ok(Begun { location, cookie_name, cookie_value, cookie_seconds: flow::LASTS })
    }
}

/// Where a provider sends its answer: an address of its own for each, so that none can be taken for another's.
fn redirect(home: &str, provider: &str) -> String {
    format!("{home}/lictor/sso/{provider}/callback")
}

fn ours(error: &dyn std::fmt::Display) -> SignOnError {
    tracing::error!(%error, "a sign-in cannot begin");
    SignOnError::Ours(Reason::InternalError)
}
