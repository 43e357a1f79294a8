//! Who may come in with a password when everybody else must not? One named owner, and never silently.

use std::sync::atomic::Ordering;

use lictor_model::{
    Actor, AuditEvent, EventId, Identity, Outcome, PrincipalName, Reason, RequestId, RoleName, WorkspaceName,
};

use crate::attempt::{Origin, Rejection};
use crate::authenticator::Authenticator;
use crate::sign_in::reason_of;

/// What its use is called in the record.
const OPERATION: &str = "sign-in.break-glass";
/// A program that sends the password with each request is recorded this often, in seconds.
const APART: i64 = 60;

/// For whom passwords are good.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Passwords {
    /// For everybody who has one.
    #[default]
    ForEveryone,
    /// For this local owner alone, should the identity provider fail.
    ForBreakGlass(PrincipalName),
}

impl Authenticator {
    /// Whether a password of that name is looked at, at all. Asked before anything is known of the name, so that the
    /// answer is the same for all of them.
    pub(crate) fn admit_password(&self, name: &str) -> Result<(), Rejection> {
        match &self.inner.passwords {
            Passwords::ForBreakGlass(one) if one.as_str() != name => Err(Rejection::of(Reason::PasswordsClosed, name)),
            _ => Ok(()),
        }
    }

    /// Records that the break-glass account signs in, before it has; loudly in the log, too.
    pub(crate) async fn sound_sign_in(
        &self,
        identity: &Identity,
        origin: &Origin,
        request: &RequestId,
    ) -> Result<(), Reason> {
        let Some(event) = self.break_glass_event(identity, origin, Some(request)) else { return Ok(()) };
        self.inner.store.append_audit(std::slice::from_ref(&event)).await.map_err(|error| reason_of(&error))
    }

    /// The same for a program that sends the password itself, once a minute and without making it wait.
    pub(crate) fn sound_request(&self, identity: &Identity, origin: &Origin) {
        let (now, last) = (self.inner.clock.now().as_micros(), &self.inner.sounded_at);
        let before = last.load(Ordering::Relaxed);
        let is_due = now.saturating_sub(before) >= APART * 1_000_000;
        if self.inner.passwords == Passwords::ForEveryone
            || !is_due
            || last.compare_exchange(before, now, Ordering::Relaxed, Ordering::Relaxed).is_err()
        {
            return;
        }
        let Some(event) = self.break_glass_event(identity, origin, None) else { return };
        let store = self.inner.store.clone();
        self.inner.background.spawn(async move {
            if let Err(error) = store.append_audit(std::slice::from_ref(&event)).await {
                tracing::warn!(%error, "the use of the break-glass account could not be recorded");
            }
        });
    }

    /// Says in the log what is wrong with the break-glass account, if anything is: on the day that it is needed it would
    /// be too late.
    pub fn check_break_glass(&self) {
        let Passwords::ForBreakGlass(name) = &self.inner.passwords else { return };
        let view = self.view();
        let Some(password) = view.people.password(name.as_str()) else {
            tracing::warn!(%name, "sign_in.break_glass: no enabled user of this name has a password; add one with `lictor user add`");
            return;
        };
        // No workspace is called so: what holds there holds everywhere.
        let held = view.access.permissions(&password.principal.id, &WorkspaceName::from(""));
        let owner = RoleName::parse("owner").ok().and_then(|name| lictor_authz::roles::find_built_in(&name));
        if held != owner.map(|owner| owner.permissions) {
            tracing::warn!(%name, "sign_in.break_glass: this user is not an owner everywhere: `lictor grant add {name} --role owner`");
        }
    }

    fn break_glass_event(
        &self,
        identity: &Identity,
        origin: &Origin,
        request: Option<&RequestId>,
    ) -> Option<AuditEvent> {
        if self.inner.passwords == Passwords::ForEveryone {
            return None;
        }
        tracing::warn!(name = %identity.principal.name, client_ip = %origin.client_ip, "BREAK GLASS: the local owner signs in with a password");
        Some(AuditEvent {
            id: EventId::fresh(),
            at: self.inner.clock.now(),
            actor: Actor::from(identity),
            credential: Some(identity.credential.clone()),
            client_ip: origin.client_ip.to_string(),
            operation: OPERATION.to_owned(),
            object: identity.principal.name.to_string(),
            workspace: None,
            outcome: Outcome::Allowed,
            reason: String::new(),
            status: 0,
            request: request.cloned(),
            demands: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use lictor_store::AuditFilter;

    use super::*;
    use crate::stage::{PASSWORD, Stage, name, reason, verified};
    use crate::{Options, password};

    async fn stage() -> Stage {
        let options = Options { passwords: Passwords::ForBreakGlass(name("alice")), ..Stage::options() };
        let stage = Stage::set_with(options).await;
        stage.add_user("bob", Some(password::hash(PASSWORD).unwrap())).await;
        stage
    }

    async fn sounded(stage: &Stage) -> usize {
        let filter = AuditFilter { operation: Some(OPERATION.to_owned()), ..AuditFilter::default() };
        stage.store.list_audit(filter).await.unwrap().len()
    }

    #[tokio::test]
    async fn only_the_break_glass_account_signs_in_and_each_time_is_recorded() {
        let stage = stage().await;
        for who in ["bob", "nobody", "Not Canonical"] {
            assert_eq!(stage.sign_in(who, PASSWORD).await.unwrap_err(), Reason::PasswordsClosed, "{who}");
        }
        assert_eq!(stage.sign_in("alice", "wrong").await.unwrap_err(), Reason::InvalidCredentials);
        assert_eq!(sounded(&stage).await, 0);
        for _ in 0..3 {
            stage.sign_in("alice", PASSWORD).await.unwrap();
        }
        assert_eq!(sounded(&stage).await, 3);
    }

    #[tokio::test]
    async fn a_password_in_a_header_is_no_way_around() {
        let stage = stage().await;
        assert_eq!(reason(stage.basic(&format!("bob:{PASSWORD}")).await), Reason::PasswordsClosed);
        for _ in 0..3 {
            verified(stage.basic(&format!("alice:{PASSWORD}")).await);
        }
        let is_recorded = async {
            while sounded(&stage).await != 1 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(10), is_recorded).await.unwrap();
        let (key, _) = stage.add_key("bob", None).await;
        verified(stage.authorize(&format!("Bearer {}", key.expose())).await);
    }

    #[tokio::test]
    async fn as_long_as_passwords_are_good_for_everyone_nothing_is_sounded() {
        let stage = Stage::set().await;
        stage.sign_in("alice", PASSWORD).await.unwrap();
        assert_eq!(sounded(&stage).await, 0);
    }
}
