//! How is a key had that is fetched by its id, one by one? Kept for a day, and asked for within bounds: ids come from strangers.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use jsonwebtoken::DecodingKey;
use lictor_model::{Clock, Timestamp};
use tokio::sync::Mutex;

use super::cached::NotHad;
use super::endpoint::Endpoint;
use super::fetch::{FetchError, Fetcher};
use super::keys::NoKey;
use super::peer::VerifyError;
use super::token::TokenError;

/// A key of an id never becomes another; after this many seconds it is asked for again, in case it was withdrawn.
const KEPT: i64 = 24 * 3_600;
/// So many keys are held; a load balancer has a few.
const MOST: usize = 32;
/// So often in a minute a key may be asked for.
const ASKED_A_MINUTE: usize = 10;

/// Keys by their ids.
pub(crate) struct NamedKeys {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: HashMap<String, (Arc<DecodingKey>, Timestamp)>,
    asked: VecDeque<Timestamp>,
}

/// Whether an id can be part of an address: no path, no query, no other host.
pub(crate) fn is_usable_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

impl NamedKeys {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, state: Mutex::default() }
    }

    /// The key of a usable id, below the address at which they are published.
    pub(crate) async fn get(
        &self,
        id: &str,
        base: &Endpoint,
        fetcher: &Fetcher,
    ) -> Result<Arc<DecodingKey>, VerifyError> {
        self.get_by(id, || fetch(id, base, fetcher)).await
    }

    async fn get_by<F>(&self, id: &str, fetch: impl FnOnce() -> F) -> Result<Arc<DecodingKey>, VerifyError>
    where
        F: Future<Output = Result<DecodingKey, VerifyError>>,
    {
        // Whoever waits for the lock waits for the fetch, and then finds what it brought.
        let mut state = self.state.lock().await;
        let now = self.clock.now();
        let is_within = |at: Timestamp, seconds: i64| (0..seconds).contains(&now.seconds_since(at));
        if let Some((key, at)) = state.known.get(id)
            && is_within(*at, KEPT)
        {
            return Ok(Arc::clone(key));
        }
        state.asked.retain(|at| is_within(*at, 60));
        if state.asked.len() >= ASKED_A_MINUTE {
            return Err(NotHad("too many unknown keys were named within a minute".to_owned()).into());
        }
        state.asked.push_back(now);
        let key = Arc::new(fetch().await?);
        state.known.retain(|_, (_, at)| is_within(*at, KEPT));
        if state.known.len() >= MOST
            && let Some(oldest) = state.known.iter().min_by_key(|(_, (_, at))| *at).map(|(id, _)| id.clone())
        {
            state.known.remove(&oldest);
        }
        state.known.insert(id.to_owned(), (Arc::clone(&key), now));
        Ok(key)
    }
}

async fn fetch(id: &str, base: &Endpoint, fetcher: &Fetcher) -> Result<DecodingKey, VerifyError> {
    let unusable = |what: String| VerifyError::Keys(NotHad(what));
    let address = base.below(id).map_err(|error| unusable(error.to_string()))?;
    let answer = fetcher.get(&address, None).await.and_then(super::fetch::Answer::expect_ok);
    let pem = match answer {
        Ok(answer) => answer.into_body(),
        // There is none of that id: it is the token that is wrong.
        Err(FetchError::Status { status: 403 | 404, .. }) => return Err(TokenError::Key(NoKey::UnknownKid).into()),
        Err(error) => return Err(unusable(error.to_string())),
    };
    DecodingKey::from_ec_pem(&pem).map_err(|_| unusable(format!("{address} did not answer with a public key in PEM")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::forge::Forger;

    fn keys() -> (NamedKeys, Clock) {
        let clock = Clock::manual(Timestamp::from_micros(1_700_000_000_000_000));
        (NamedKeys::new(clock.clone()), clock)
    }

    async fn found() -> Result<DecodingKey, VerifyError> {
        Ok(Forger::new().decoding())
    }

    async fn missing() -> Result<DecodingKey, VerifyError> {
        Err(TokenError::Key(NoKey::UnknownKid).into())
    }

    #[tokio::test]
    async fn a_key_is_fetched_once_a_day() {
        let (keys, clock) = keys();
        let first = keys.get_by("a", found).await.unwrap();
        assert!(Arc::ptr_eq(&first, &keys.get_by("a", missing).await.unwrap()));
        clock.advance(KEPT);
        assert!(keys.get_by("a", missing).await.is_err(), "withdrawn meanwhile");
    }

    #[tokio::test]
    async fn a_flood_of_ids_is_bounded_and_what_is_known_goes_on() {
        let (keys, clock) = keys();
        keys.get_by("good", found).await.unwrap();
        for at in 1..ASKED_A_MINUTE {
            let missing = keys.get_by(&format!("bad-{at}"), missing).await;
            assert!(matches!(missing, Err(VerifyError::Token(_))));
        }
        let refused = keys.get_by("more", || async { panic!("nobody is asked") }).await;
        assert!(matches!(refused, Err(VerifyError::Keys(_))));
        assert!(keys.get_by("good", missing).await.is_ok());
        clock.advance(60);
        assert!(keys.get_by("more", found).await.is_ok());
        assert!(keys.state.lock().await.asked.len() <= ASKED_A_MINUTE);
    }

    #[tokio::test]
    async fn no_more_are_held_than_there_is_room_for() {
        let (keys, clock) = keys();
        for at in 0..2 * MOST {
            clock.advance(60);
            keys.get_by(&format!("key-{at}"), found).await.unwrap();
        }
        let state = keys.state.lock().await;
        assert!(
            state.known.len() == MOST
                && !state.known.contains_key("key-0")
                && state.known.contains_key(&format!("key-{}", 2 * MOST - 1))
        );
    }

    #[test]
    fn an_id_leads_nowhere_else() {
        assert!(is_usable_id("fd6e5a6b-0c4a-4c5b-9d0e-7b9c3f9f1a2b"));
        for id in ["", "..", "a/b", "a?b", "a%2fb", "a.b", "a b", "a\u{e9}", "a@b", "a:1"] {
            assert!(!is_usable_id(id), "{id}");
        }
    }
}
