//! May a machine replace its own key now? Once an overlap, so that a key in the wrong hands does not fill the store.

use lictor_model::{ApiKey, CredentialId, Identity, Reason};
use lictor_store::{By, KeyRow, NewSecret, Rotation, StoreError};

use crate::authenticator::Authenticator;

/// How long both keys are good, in seconds: as long as `lictor key rotate` has it.
const OVERLAP: i64 = 48 * 3_600;

impl Authenticator {
    /// Gives the key that proved the identity a successor that may do the same.
    ///
    /// # Errors
    /// [`Reason::KeyRotated`] when it has one already, or replaces a key that is still good itself;
    /// [`Reason::RevokedKey`] when it ended meanwhile; [`Reason::StoreUnavailable`].
    pub async fn rotate_own_key(&self, identity: &Identity, by: &By) -> Result<(ApiKey, Rotation), Reason> {
        let (store, now) = (&self.inner.store, self.inner.clock.now());
        let keys = store.list_keys(Some(&identity.principal.name)).await.map_err(|error| refused(&error))?;
        let find = |id: &CredentialId| keys.iter().find(|key| key.id == *id);
        let before: Option<&KeyRow> = find(&identity.credential.id).and_then(|key| find(key.replaces.as_ref()?));
        let is_good = |key: &KeyRow| key.revoked_at.is_none() && key.expires_at.is_none_or(|end| now < end);
        if before.is_some_and(is_good) {
            return Err(Reason::KeyRotated);
        }
        let secret = ApiKey::generate().map_err(|error| {
            tracing::error!(%error, "no key can be made");
            Reason::InternalError
        })?;
        let rotated = store.rotate_key(by, identity.credential.id.as_str(), NewSecret::from(&secret), OVERLAP).await;
        rotated.map(|rotation| (secret, rotation)).map_err(|error| refused(&error))
    }
}

fn refused(error: &StoreError) -> Reason {
    match error {
        StoreError::KeyRotated { .. } => Reason::KeyRotated,
        StoreError::KeyOfToken(_) => Reason::KeyOfToken,
        StoreError::KeyNotInUse { .. } | StoreError::NotFound { .. } => Reason::RevokedKey,
        error => {
            tracing::warn!(%error, "a machine's key was not rotated");
            Reason::StoreUnavailable
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Attempt;
    use crate::stage::{Stage, here};

    async fn rotate(stage: &Stage, key: &ApiKey) -> Result<ApiKey, Reason> {
        let attempt = stage.authorize(&format!("Bearer {}", key.expose())).await;
        let Attempt::Verified(identity) = attempt else { panic!("{attempt:?}") };
        let by = By::caller(&identity, here().client_ip.to_string(), None);
        stage.auth.rotate_own_key(&identity, &by).await.map(|(secret, _)| secret)
    }

    #[tokio::test]
    async fn a_machine_replaces_its_key_once_an_overlap() {
        let stage = Stage::set().await;
        let (first, _) = stage.add_key("robot", None).await;
        let second = rotate(&stage, &first).await.unwrap();
        assert_eq!(rotate(&stage, &first).await, Err(Reason::KeyRotated));
        assert_eq!(rotate(&stage, &second).await, Err(Reason::KeyRotated), "before the overlap is over");
        stage.clock.advance(OVERLAP);
        assert!(rotate(&stage, &second).await.is_ok());
    }
}
