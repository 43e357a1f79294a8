//! Who found a key of ours? Whoever holds its text can kill it, a bounded number of times a minute.

use lictor_model::{Actor, ApiKey, ClientAddress, Clock, Reason, RequestId};
use lictor_store::By;

use crate::attempt::Origin;
use crate::authenticator::Authenticator;
use crate::per_minute::PerMinute;

/// Reports that one address may make in a minute.
const A_MINUTE: u32 = 30;

/// Counts reports by address.
#[derive(Debug)]
pub(crate) struct Reports(PerMinute<ClientAddress>);

impl Reports {
    pub(crate) fn new(clock: Clock) -> Self {
        Self(PerMinute::new(clock, A_MINUTE))
    }

    fn take(&self, source: ClientAddress) -> Result<(), Reason> {
        if self.0.take(source) { Ok(()) } else { Err(Reason::TooManyReports) }
    }
}

impl Authenticator {
    /// Takes the report of a leaked key, whoever makes it: a live key is revoked, and any other changes nothing and is
    /// not told apart.
    ///
    /// # Errors
    /// [`Reason::TooManyReports`], [`Reason::MistypedKey`], [`Reason::StoreUnavailable`].
    pub async fn report_leak(&self, text: &str, origin: &Origin, request: &RequestId) -> Result<(), Reason> {
        let inner = &self.inner;
        // First, so that nobody searches for keys here faster than anywhere else.
        inner.reports.take(origin.client_ip.into())?;
        let key = ApiKey::parse(text).map_err(|_| Reason::MistypedKey)?;
        let client_ip = origin.client_ip.to_string();
        let by = By { actor: Actor::unknown(""), credential: None, client_ip, request: Some(request.clone()) };
        let revoked = inner.store.revoke_leaked_key(&by, &key.digest()).await.map_err(|error| {
            tracing::warn!(%error, "a report of a leaked key could not be looked at");
            Reason::StoreUnavailable
        })?;
        if let Some(revoked) = revoked {
            tracing::warn!(key = %revoked.id, client_ip = %origin.client_ip, "a leaked key was reported, and is revoked");
            inner.feed.refresh().await;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Attempt;
    use crate::stage::{Stage, from, here};

    async fn report(stage: &Stage, text: &str, origin: &Origin) -> Result<(), Reason> {
        stage.auth.report_leak(text, origin, &RequestId::fresh()).await
    }

    #[tokio::test]
    async fn a_reported_key_is_dead_at_once_and_an_unknown_one_is_answered_alike() {
        let stage = Stage::set().await;
        let (key, _) = stage.add_key("robot", None).await;
        let bearer = format!("Bearer {}", key.expose());
        assert!(matches!(stage.authorize(&bearer).await, Attempt::Verified(_)));
        assert_eq!(report(&stage, ApiKey::generate().unwrap().expose(), &here()).await, Ok(()));
        assert_eq!(report(&stage, "lictor_abc", &here()).await, Err(Reason::MistypedKey));
        assert_eq!(report(&stage, key.expose(), &here()).await, Ok(()));
        let Attempt::Rejected(rejection) = stage.authorize(&bearer).await else { panic!("it still works") };
        assert_eq!(rejection.reason, Reason::RevokedKey);
        assert_eq!(report(&stage, key.expose(), &here()).await, Ok(()));
    }

    #[tokio::test]
    async fn an_address_makes_thirty_reports_a_minute() {
        let stage = Stage::set().await;
        for _ in 0..A_MINUTE {
            assert_eq!(report(&stage, "lictor_abc", &here()).await, Err(Reason::MistypedKey));
        }
        assert_eq!(report(&stage, "lictor_abc", &here()).await, Err(Reason::TooManyReports));
        assert_eq!(report(&stage, "lictor_abc", &from("192.0.2.2")).await, Err(Reason::MistypedKey));
        stage.clock.advance(60);
        assert_eq!(report(&stage, "lictor_abc", &here()).await, Err(Reason::MistypedKey));
    }
}
