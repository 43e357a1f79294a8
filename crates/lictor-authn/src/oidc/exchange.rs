//! How does a code become tokens, and a refresh token newer ones? One form to the token endpoint (RFC 6749 §4.1.3, §6).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lictor_model::Secret;

use super::discovery::Metadata;
use super::endpoint::{encode, form};
use super::fetch::{FetchError, Fetcher};
use super::json;
use super::provider::Provider;

/// What the token endpoint gave.
pub(crate) struct Tokens {
    pub(crate) access: Secret,
    pub(crate) id: Option<Secret>,
    pub(crate) refresh: Option<Secret>,
}

/// No tokens.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// No answer that can be used.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The provider says no, by this code of RFC 6749 §5.2.
    #[error("the provider's token endpoint refused: {0}")]
    Refused(String),
    /// Not the answer to what was asked.
    #[error("the answer of the provider's token endpoint has no usable {0}")]
    Lacks(&'static str),
    /// We cannot prove who we are.
    #[error(
        "the provider accepts none of the ways in which Lictor proves who it is (client_secret_basic, client_secret_post): {0}"
    )]
    ClientAuth(String),
}

impl ExchangeError {
    /// Whether the provider has said that what was sent is good no more, as opposed to being in trouble.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Self::Refused(code) if code == "invalid_grant")
    }
}

/// Sends a grant.
pub(crate) async fn exchange(
    fetcher: &Fetcher,
    provider: &Provider,
    metadata: &Metadata,
    grant: &[(&str, &str)],
) -> Result<Tokens, ExchangeError> {
    let mut fields = grant.to_vec();
    let authorization = prove(provider, metadata, &mut fields)?;
    let answer = fetcher.post_form(&metadata.token, authorization, form(&fields)).await?;
    let is_ok = answer.status.is_success();
    // What is no JSON and no success says nothing about the grant: a proxy's error page, perhaps.
    if answer.status.is_server_error() {
        return Err(answer.expect_ok().err().map_or(ExchangeError::Lacks("answer"), ExchangeError::Fetch));
    }
    let said = answer.object()?;
    if !is_ok {
        let code: String = json::text(&said, "error").unwrap_or("no reason given").chars().take(64).collect();
        return Err(ExchangeError::Refused(code.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').collect()));
    }
    let token = |name: &'static str| json::text(&said, name).filter(|token| !token.is_empty()).map(Secret::new);
    if !json::text(&said, "token_type").is_some_and(|kind| kind.eq_ignore_ascii_case("bearer")) {
        return Err(ExchangeError::Lacks("token_type"));
    }
    let access = token("access_token").ok_or(ExchangeError::Lacks("access_token"))?;
    Ok(Tokens { access, id: token("id_token"), refresh: token("refresh_token") })
}

/// Proves who we are, as the provider wants it; answers the header, if it is one.
fn prove<'f>(
    provider: &'f Provider,
    metadata: &Metadata,
    fields: &mut Vec<(&'f str, &'f str)>,
) -> Result<Option<String>, ExchangeError> {
    let accepts = |method: &str| metadata.client_auth.iter().any(|one| one == method);
    let Some(secret) = &provider.client_secret else {
        fields.push(("client_id", &provider.client_id));
        return Ok(None);
    };
    if accepts("client_secret_basic") {
        // Encoded before they are joined (RFC 6749 §2.3.1), so that a colon in either does no harm.
        let pair = format!("{}:{}", encode(&provider.client_id), encode(secret.expose()));
        return Ok(Some(format!("Basic {}", STANDARD.encode(pair))));
    }
    if accepts("client_secret_post") {
        fields.push(("client_id", &provider.client_id));
        fields.push(("client_secret", secret.expose()));
        return Ok(None);
    }
    Err(ExchangeError::ClientAuth(metadata.client_auth.join(", ")))
}
