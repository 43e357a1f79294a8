//! Is this the password of that name? Remembered, throttled, or looked at, at one cost for every name.

use std::sync::Arc;

use lictor_model::{ClientAddress, Digest, Identity, Reason};

use crate::attempt::{Origin, Rejection};
use crate::authenticator::Authenticator;
use crate::claim::MAX_TEXT;
use crate::feed::Depth;
use crate::password::DUMMY;
use crate::throttle::MustWait;
use crate::view::Password;

/// Why a password was not looked at.
enum NotLookedAt {
    /// Too many were wrong before.
    MustWait(MustWait),
    /// Trouble of ours.
    Reason(Reason),
}

impl Authenticator {
    /// Checks a name and a password.
    pub(crate) async fn check_password(
        &self,
        name: &str,
        password: &str,
        origin: &Origin,
    ) -> Result<Identity, Rejection> {
        let rejected = |reason| Rejection::of(reason, name);
        self.admit_password(name)?;
        if self.inner.feed.is_lost() {
            return Err(rejected(Reason::StoreUnavailable));
        }
        if name.len().saturating_add(password.len()) > MAX_TEXT {
            return Err(rejected(Reason::MalformedCredential));
        }
        let source = ClientAddress::from(origin.client_ip);
        if let Some(identity) = self.remembered(name, password, source) {
            return Ok(identity);
        }
        // A user or a password made a moment ago must work. Known or not, everybody waits for it.
        let heard = self.inner.feed.catch_up(Depth::Changes).await;
        match self.look_at(name, password, source).await {
            Ok(Some(identity)) => Ok(identity),
            // While the store is away, the password may be one that we have not heard of.
            Ok(None) if !heard => Err(rejected(Reason::StoreUnavailable)),
            Ok(None) => Err(rejected(Reason::InvalidCredentials)),
            Err(NotLookedAt::MustWait(MustWait(seconds))) => {
                Err(Rejection { retry_after: Some(seconds), ..rejected(Reason::TooManyFailures) })
            }
            Err(NotLookedAt::Reason(reason)) => Err(rejected(reason)),
        }
    }

    fn remembered(&self, name: &str, password: &str, source: ClientAddress) -> Option<Identity> {
        let inner = &self.inner;
        inner.feed.peek(|view| {
            let stored = view.people.password(name)?;
            let account = inner.verifier.remembers(&inner.verifier.tag(name, password, &stored.row.hash, source))?;
            inner.throttle.lets_remembered_pass(account, source).then(|| stored.identity())
        })
    }

    async fn look_at(
        &self,
        name: &str,
        password: &str,
        source: ClientAddress,
    ) -> Result<Option<Identity>, NotLookedAt> {
        let inner = &self.inner;
        let stored = inner.feed.peek(|view| view.people.password(name).cloned());
        let hash = stored.as_ref().map_or(DUMMY, |stored| stored.row.hash.as_str());
        let tag = inner.verifier.tag(name, password, hash, source);
        let account = Digest::of(name.as_bytes());
        let flight = inner.verifier.flight(tag);
        let work = async {
            inner.throttle.begin(account, source).map_err(NotLookedAt::MustWait)?;
            let judged = inner.verifier.judge(password, hash).await.map_err(|reason| {
                inner.throttle.not_judged(account, source);
                NotLookedAt::Reason(reason)
            })?;
            let Some(stored) = stored.as_ref().filter(|_| judged.fits) else {
                inner.throttle.failed(name, account, source);
                return Ok(false);
            };
            inner.throttle.succeeded(account, source);
            inner.verifier.remember(tag, account);
            if let Some(better) = judged.better_hash {
                self.replace_hash(stored, better);
            }
            Ok(true)
        };
        let fits = flight.verdict(work).await?;
        Ok(stored.filter(|_| fits).map(|stored| stored.identity()))
    }

    /// Writes the better hash in the background: nobody waits for it, and if it fails the next sign-in tries again.
    fn replace_hash(&self, stored: &Arc<Password>, better: String) {
        let (store, stored) = (self.inner.store.clone(), Arc::clone(stored));
        self.inner.background.spawn(async move {
            if let Err(error) = store.rehash_password(&stored.row.id, &stored.row.hash, &better).await {
                tracing::warn!(%error, user = %stored.principal.name, "an imported password hash could not be replaced");
            }
        });
    }
}

#[cfg(test)]
mod tests;
