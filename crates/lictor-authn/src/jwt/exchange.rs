//! What is a token exchanged for? A key of ours that ends with it or before, for clients that cannot send a token everywhere
//! (RFC 8693).

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use lictor_model::{ApiKey, Clock, Digest, Narrowing, PermissionSet, PrincipalId, Reason, RequestId, WorkspaceName};
use lictor_store::{By, KeyRow, NewKey};
use moka::sync::Cache;

use crate::attempt::{Origin, Rejection};
use crate::authenticator::Authenticator;
use crate::per_minute::PerMinute;

/// How often one token may be exchanged.
const A_TOKEN: u32 = 10;
/// How many keys one principal may get in a minute: each is a row that every replica reads.
const A_MINUTE: u32 = 60;
/// Tokens that are counted.
const COUNTED: u64 = 10_000;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Wish<'w> {
    /// The token.
    pub token: &'w str,
    /// Only these permissions.
    pub permissions: Option<PermissionSet>,
    /// Only in this workspace.
    pub workspace: Option<WorkspaceName>,
}

/// What is given.
#[derive(Debug)]
pub struct Exchanged {
    /// The key, shown this once.
    pub key: ApiKey,
    /// What is known of it.
    pub row: KeyRow,
    /// For how many seconds it is good.
    pub seconds: i64,
}

/// How many keys were given lately.
pub(super) struct Exchanges {
    of_tokens: Cache<Digest, Arc<AtomicU32>>,
    of_principals: PerMinute<PrincipalId>,
}

impl Exchanges {
    pub(super) fn new(clock: Clock) -> Self {
        let of_tokens = Cache::builder().max_capacity(COUNTED).build();
        Self { of_tokens, of_principals: PerMinute::new(clock, A_MINUTE) }
    }

    fn count(&self, token: Digest, principal: &PrincipalId) -> Result<(), Reason> {
        let of_token = self.of_tokens.get_with(token, Arc::default);
        let is_within =
            of_token.fetch_add(1, Ordering::Relaxed) < A_TOKEN && self.of_principals.take(principal.clone());
        if is_within { Ok(()) } else { Err(Reason::TooBusy) }
    }
}

impl Authenticator {
    /// Exchanges a token for a key of whoever's it is; on record.
    ///
    /// # Errors
    /// [`Rejection`] as for a request with this token; [`Reason::TooBusy`] when too many were made lately.
    pub async fn exchange(&self, wish: Wish<'_>, origin: &Origin, request: &RequestId) -> Result<Exchanged, Rejection> {
        if ApiKey::looks_like(wish.token) || !super::could_be(wish.token) {
            return Err(super::invalid(crate::oidc::token::TokenError::Malformed));
        }
        let accepted = self.accept(wish.token, origin).await?;
        let identity = self.bearer_of(&accepted).await?;
        let (inner, now) = (&self.inner, self.inner.clock.now());
        let end = now.plus_seconds(accepted.source.terms.key_life);
        // Not a moment of the leeway: that is for clocks, and this is our own.
        let end = accepted.end.map_or(end, |token_ends| end.min(token_ends));
        if end <= now {
            return Err(Reason::ExpiredToken.into());
        }
        inner.tokens.exchanges.count(accepted.digest, &identity.principal.id)?;
        let key = ApiKey::generate().map_err(|error| {
            tracing::error!(%error, "no key can be made");
            Reason::InternalError
        })?;
        let narrowing = Narrowing { permissions: wish.permissions, workspace: wish.workspace, ..Narrowing::default() };
        let issuer = accepted.source.terms.name.as_str();
        let new = NewKey {
            principal: identity.principal.name.clone(),
            label: format!("token of {issuer}"),
            digest: key.digest(),
            hint: key.hint(),
            expires_at: Some(end),
            narrowing: Some(narrowing).filter(|narrowing| !narrowing.is_none()),
        };
        let by = By::caller(&identity, origin.client_ip.to_string(), Some(request.clone()));
        let row = inner.store.exchange_key(&by, new, issuer).await.map_err(|error| {
            tracing::warn!(%error, "a token was not exchanged");
            Reason::StoreUnavailable
        })?;
        inner.feed.refresh().await;
        let seconds = row.expires_at.map_or(0, |end| end.seconds_since(now));
        Ok(Exchanged { key, row, seconds })
    }
}
