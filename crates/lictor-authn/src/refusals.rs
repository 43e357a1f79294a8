//! Which refused credentials are recorded? Each once a minute per reason, name and address, so that no flood fills the
//! record.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lictor_model::{Actor, AuditEvent, ClientAddress, Clock, EventId, Outcome, Reason, RequestId, Timestamp};
use lictor_store::{Store, StoreError};
use tokio::sync::Notify;

use crate::attempt::{Origin, Rejection};

/// What a refusal is called in the record.
const OPERATION: &str = "credential.refuse";
/// Different refusals that are recorded in a minute, from all addresses.
const A_MINUTE: usize = 600;
/// Events that wait for the store; beyond that, a store that is away loses them.
const WAITING: usize = 2_000;

/// Refused credentials on their way into the record.
#[derive(Debug)]
pub(crate) struct Refusals {
    clock: Clock,
    state: Mutex<State>,
    /// Told when there is something to write.
    pub(crate) wake: Notify,
    writing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    minute: Timestamp,
    seen: HashSet<(Reason, String, ClientAddress)>,
    folded: u64,
    waiting: Vec<AuditEvent>,
}

impl Refusals {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, state: Mutex::default(), wake: Notify::new(), writing: tokio::sync::Mutex::default() }
    }

    /// Takes a refusal up for the record, unless its like was this minute.
    pub(crate) fn add(&self, rejection: &Rejection, origin: &Origin, request: &RequestId) {
        if !is_recorded(rejection.reason) {
            return;
        }
        let now = self.clock.now();
        let mut state = self.lock();
        if state.is_new(rejection, origin, now) {
            state.waiting.push(event(rejection, origin, request, now));
            self.wake.notify_one();
        }
    }

    /// Writes down what waits.
    pub(crate) async fn flush(&self, store: &Store) -> Result<(), StoreError> {
        // One at a time, so that a flush that returns has everything behind it.
        let _writing = self.writing.lock().await;
        let events = std::mem::take(&mut self.lock().waiting);
        let result = store.append_audit(&events).await;
        if result.is_err() {
            let mut state = self.lock();
            let newer = std::mem::replace(&mut state.waiting, events);
            state.waiting.extend(newer);
            state.waiting.truncate(WAITING);
        }
        result
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_new(&mut self, rejection: &Rejection, origin: &Origin, now: Timestamp) -> bool {
        if now.seconds_since(self.minute) >= 60 {
            if self.folded > 0 {
                tracing::warn!(folded = self.folded, "refused credentials were folded in the record");
            }
            (self.minute, self.folded) = (now, 0);
            self.seen.clear();
        }
        let like = (rejection.reason, rejection.claimed.clone(), ClientAddress::from(origin.client_ip));
        let room = self.seen.len() < A_MINUTE && self.waiting.len() < WAITING;
        let is_new = room && self.seen.insert(like);
        self.folded += u64::from(!is_new);
        is_new
    }
}

/// Whether a reason is the refusal of a key or a password, or of a client that has one and does not send it. An ended session is neither: an open tab presents it for
/// hours.
const fn is_recorded(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::MalformedCredential
            | Reason::MistypedKey
            | Reason::UnknownKey
            | Reason::RevokedKey
            | Reason::DisabledKey
            | Reason::ExpiredKey
            | Reason::KeyOfAnother
            | Reason::InvalidCredentials
            | Reason::PrincipalDisabled
            | Reason::UnknownCertificate
            | Reason::AmbiguousCertificate
            | Reason::CertificateNotTrusted
            | Reason::UnknownIssuer
            | Reason::InvalidToken
            | Reason::ExpiredToken
            | Reason::UnmatchedToken
            | Reason::AmbiguousToken
            | Reason::TwoCredentials
            | Reason::TooManyFailures
            | Reason::PasswordsClosed
            | Reason::SecondFactorRequired
            | Reason::WrongSecondFactor
            | Reason::SignOnRefused
            | Reason::SocketWithoutCredential
    )
}

fn event(rejection: &Rejection, origin: &Origin, request: &RequestId, at: Timestamp) -> AuditEvent {
    AuditEvent {
        id: EventId::fresh(),
        at,
        actor: Actor::unknown(&rejection.claimed),
        credential: rejection.credential.clone(),
        client_ip: origin.client_ip.to_string(),
        operation: OPERATION.to_owned(),
        object: rejection.claimed.clone(),
        workspace: None,
        outcome: Outcome::Refused,
        reason: rejection.reason.code().to_owned(),
        demands: None,
        status: rejection.reason.status(),
        request: Some(request.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::{Stage, from, here};

    #[tokio::test]
    async fn a_refusal_is_recorded_once_a_minute_with_what_is_known() {
        let stage = Stage::set().await;
        let (rejection, request) = (Rejection::of(Reason::InvalidCredentials, "alice"), RequestId::fresh());
        for _ in 0..1_000 {
            stage.auth.audit_refusal(&rejection, &here(), &request);
        }
        let [event] = &stage.recorded().await[..] else { panic!("not one event") };
        assert_eq!((event.actor.name.as_str(), event.reason.as_str()), ("alice", "invalid-credentials"));
        assert_eq!((event.client_ip.as_str(), event.status, event.outcome), ("192.0.2.1", 401, Outcome::Refused));
        assert_eq!(event.request, Some(request.clone()));
        stage.auth.audit_refusal(&Rejection::of(Reason::MistypedKey, "alice"), &here(), &request);
        stage.auth.audit_refusal(&Rejection::of(Reason::InvalidCredentials, "bob"), &here(), &request);
        stage.auth.audit_refusal(&rejection, &from("192.0.2.2"), &request);
        stage.clock.advance(60);
        stage.auth.audit_refusal(&rejection, &here(), &request);
        assert_eq!(stage.recorded().await.len(), 5);
    }

    #[tokio::test]
    async fn a_flood_of_different_refusals_stays_bounded() {
        let stage = Stage::set().await;
        for at in 0..10_000 {
            let rejection = Rejection::of(Reason::InvalidCredentials, &format!("user{at}"));
            stage.auth.audit_refusal(&rejection, &here(), &RequestId::fresh());
        }
        stage.auth.flush().await;
        let filter = lictor_store::AuditFilter { limit: 10_000, ..Default::default() };
        let events = stage.store.list_audit(filter).await.unwrap();
        assert_eq!(events.iter().filter(|event| event.operation == OPERATION).count(), A_MINUTE);
    }

    #[tokio::test]
    async fn an_ended_session_is_not_a_refused_credential() {
        let stage = Stage::set().await;
        for reason in [Reason::SessionEnded, Reason::StoreUnavailable, Reason::TooBusy, Reason::PermissionDenied] {
            stage.auth.audit_refusal(&reason.into(), &here(), &RequestId::fresh());
        }
        assert_eq!(stage.recorded().await, []);
    }
}
